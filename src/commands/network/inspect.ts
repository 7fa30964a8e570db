import { text } from '../../cli/option.ts'
import { defineCommand } from '../command.ts'
import { showInspected } from '../show-inspected.ts'
import { networkView } from './network-view.ts'

export const spec = defineCommand({
  name: 'inspect',
  summary: 'Show all about networks',
  args: [{ name: 'network', arity: 'some', complete: 'network' }],
  options: { format: text('-f, --format <template>', 'json, or a Go template') },
  examples: ['network inspect backend'],
  async run({ args, options, out, engine: open }) {
    const networks = await (await open()).networks()
    return showInspected({ names: args, format: options.format, out, look: async (name) => networkView(await networks.get(name)) })
  },
})
