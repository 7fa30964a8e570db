import { text } from '../../cli/option.ts'
import { defineCommand } from '../command.ts'
import { showInspected } from '../show-inspected.ts'
import { inspectImage } from './inspect-view.ts'

export const spec = defineCommand({
  name: 'inspect',
  summary: 'Show all about images',
  args: [{ name: 'image', arity: 'some', complete: 'image' }],
  options: { format: text('-f, --format <template>', 'json, or a Go template') },
  examples: ['image inspect debian:12', 'image inspect --format "{{.Config.Env}}" debian:12'],
  async run({ args, options, out, engine: open }) {
    const engine = await open()
    return showInspected({ names: args, format: options.format, out, look: (name) => inspectImage(engine, name) })
  },
})
