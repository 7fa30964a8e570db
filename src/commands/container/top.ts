import { alignTabs } from '../../cli/table.ts'
import { containerPids, hostPs } from '../../engine/top-container.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { selectOne, selectOptions } from './select.ts'
import { engineContainers } from './source.ts'
import { DEFAULT_DESCRIPTORS, DESCRIPTORS, processTable } from './top-descriptors.ts'

export const spec = defineCommand({
  name: 'top',
  summary: 'Show the processes of a container',
  description: `Show the processes of a container. What follows the container are descriptors (${Object.keys(DESCRIPTORS).join(', ')}), or arguments of the host's ps.`,
  args: [{ name: 'container', arity: 'one', complete: 'running' }, { name: 'format', arity: 'words' }],
  argsOptionalWith: ['latest'],
  passThrough: true,
  options: { latest: selectOptions.latest },
  examples: ['top web', 'top web pid seccomp args', 'top web -o pid,comm'],
  async run(call) {
    const { args, options, out } = call
    const { containers, pids: pidsOf } = await openBackend(call, (engine) => ({ containers: engineContainers(engine), pids: (id) => containerPids(engine, id) }))
    const { id } = await selectOne(containers, { args, latest: options.latest })
    const words = options.latest ? args : args.slice(1)
    const wanted = words[0] === '--' ? words.slice(1) : words
    const pids = await pidsOf(id)
    if (wanted.length > 0 && !wanted.every((word) => word.split(',').every((name) => name.toLowerCase() in DESCRIPTORS))) {
      out.write(`${(await hostPs(pids, wanted)).join('\n')}\n`)
      return
    }
    const names = wanted.length > 0 ? wanted.flatMap((word) => word.split(',')).map((name) => name.toLowerCase()) : DEFAULT_DESCRIPTORS
    out.write(`${alignTabs(processTable(pids, names).map((row) => row.join('\t')).join('\n'))}\n`)
  },
})
