import { flag, text } from '../../cli/option.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { showInspected } from '../show-inspected.ts'
import { inspectContainer } from './inspect-container.ts'
import { selectOne, selectOptions } from './select.ts'
import { engineContainers } from './source.ts'

export const spec = defineCommand({
  name: 'inspect',
  summary: 'Show all about containers',
  args: [{ name: 'container', arity: 'some', complete: 'container' }],
  argsOptionalWith: ['latest'],
  options: { format: text('-f, --format <template>', 'json, or a Go template'), latest: selectOptions.latest, size: flag('-s, --size', 'Show sizes too') },
  examples: ['container inspect web', 'container inspect --format "{{.State.Pid}}" web'],
  async run(call) {
    const { args, options, out } = call
    const { containers, inspect } = await openBackend(call, (engine) => ({ containers: engineContainers(engine), inspect: new Map([['container', (name, how) => inspectContainer(engine, name, how)]]) }))
    const names = options.latest ? [(await selectOne(containers, { args, latest: true })).id] : args
    return showInspected({ names, format: options.format, out, look: (name) => inspect.get('container')!(name, options) })
  },
})
