import { flag, text } from '../../cli/option.ts'
import { listContainers } from '../../engine/list-containers.ts'
import { Failure } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { showInspected } from '../show-inspected.ts'
import { volumeView } from './volume-view.ts'

export const spec = defineCommand({
  name: 'inspect',
  summary: 'Show all about volumes',
  args: [{ name: 'volume', arity: 'some', complete: 'volume' }],
  argsOptionalWith: ['all'],
  options: { all: flag('-a, --all', 'Every volume'), format: text('-f, --format <template>', 'json, or a Go template') },
  examples: ['volume inspect data', 'volume inspect --format "{{.Mountpoint}}" data'],
  async run({ args, options, out, engine: open }) {
    if (options.all && args.length > 0) throw new Failure('invalid', '--all and names exclude each other')
    const engine = await open()
    const names = options.all ? (await engine.state.volumes.list()).map(({ name }) => name) : args
    const running = (await listContainers(engine)).filter(({ phase }) => phase === 'running' || phase === 'paused')
    return showInspected({
      names, format: options.format, out,
      look: async (typed) => {
        const volume = await engine.state.volumes.find(typed)
        return volumeView(volume, running.filter(({ summary }) => summary.volumes.includes(volume.name)).length)
      },
    })
  },
})
