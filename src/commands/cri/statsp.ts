import { commaList, flag, integer, text } from '../../cli/option.ts'
import type { Connection } from '../../cri/client/connection.ts'
import type { PodSandboxStats } from '../../cri/wire/generated/runtime-v1.ts'
import { defineCri, openCri } from './command.ts'
import { listOutput } from './options.ts'
import { printJson, shortId, table, usageSize } from './print.ts'
import { percentOfCpu, repeat, sampled } from './sampling.ts'

const HEADINGS = ['POD', 'POD ID', 'CPU %', 'MEM']

export const spec = defineCri({
  name: 'statsp',
  summary: 'Show what pods use',
  args: [{ name: 'id', arity: 'optional' }],
  options: {
    id: text('--id <id>', 'Only this one, by its full id or its beginning'),
    label: commaList('--label <name=value>', 'Only those with this label'),
    output: listOutput,
    seconds: integer('-s, --seconds <number>', 'How long the use of the cpu is watched; 1 by default'),
    watch: flag('-w, --watch', 'Again and again'),
  },
  async run(call) {
    const { args, options, out, interrupt } = call
    const [{ parseLabels }, { toJson }, { runtime }] = await Promise.all([import('../../cri/client/containers.ts'), import('../../cri/client/protojson.ts'), openCri(call)])
    const read = (): Promise<PodSandboxStats[]> => listStats(runtime, { id: options.id ?? args[0] ?? '', labelSelector: parseLabels(options.label) })
    await repeat(options.watch, { out, signal: interrupt.signal }, async (show) => {
      if (options.output === 'json' || options.output === 'yaml') return printJson(out, { stats: (await read()).map(toJson) }, options)
      const { before, now } = await sampled({ read, idOf: ({ attributes }) => attributes?.id ?? '', seconds: options.seconds ?? 1, signal: interrupt.signal })
      // of a pod without figures nothing is known: crictl leaves it out too
      show(table(HEADINGS, now.filter(({ linux }) => linux?.cpu?.usageCoreNanoSeconds?.value || linux?.memory?.workingSetBytes?.value).flatMap((one) => {
        const old = before.get(one.attributes?.id ?? '')
        return old ? [[one.attributes?.metadata?.name ?? '', shortId(one.attributes?.id ?? ''), percentOfCpu(one.linux?.cpu, old.linux?.cpu), usageSize(one.linux?.memory?.workingSetBytes?.value ?? 0n)]] : []
      })))
    })
  },
})

async function listStats(runtime: Connection, filter: { id: string; labelSelector: Record<string, string> }): Promise<PodSandboxStats[]> {
  const { RuntimeServiceService: Runtime, ListPodSandboxStatsRequest } = await import('../../cri/wire/generated/runtime-v1.ts')
  const { stats } = await runtime.call(Runtime.listPodSandboxStats, ListPodSandboxStatsRequest.fromPartial({ filter }))
  const key = (one: PodSandboxStats): string => one.attributes?.id ?? ''
  return [...stats].sort((a, b) => Number(key(a) > key(b)) - Number(key(a) < key(b)))
}
