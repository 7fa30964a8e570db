import { flag, text } from '../../cli/option.ts'
import { defineCommand } from '../command.ts'
import { showInspected } from '../show-inspected.ts'
import { inspectContainer } from './inspect-view.ts'
import { selectOne, selectOptions } from './select.ts'

export const spec = defineCommand({
  name: 'inspect',
  summary: 'Show all about containers',
  args: [{ name: 'container', arity: 'some', complete: 'container' }],
  argsOptionalWith: ['latest'],
  options: { format: text('-f, --format <template>', 'json, or a Go template'), latest: selectOptions.latest, size: flag('-s, --size', 'Show sizes too') },
  examples: ['container inspect web', 'container inspect --format "{{.State.Pid}}" web'],
  async run({ args, options, out, engine: open }) {
    const engine = await open()
    const names = options.latest ? [(await selectOne(engine, { args, latest: true })).id] : args
    return showInspected({ names, format: options.format, out, look: (name) => inspectContainer(engine, name, options) })
  },
})
