import { commaList, flag, integer, text } from '../../cli/option.ts'
import type { Connection } from '../../cri/client/connection.ts'
import type { ContainerStats } from '../../cri/wire/generated/runtime-v1.ts'
import { defineCri, openCri } from './command.ts'
import { listOutput } from './options.ts'
import { printJson, shortId, table, usageSize } from './print.ts'
import { percentOfCpu, repeat, sampled } from './sampling.ts'

const HEADINGS = ['CONTAINER', 'NAME', 'CPU %', 'MEM', 'DISK', 'INODES', 'SWAP']

export const spec = defineCri({
  name: 'stats',
  summary: 'Show what containers use',
  args: [{ name: 'id', arity: 'optional' }],
  options: {
    all: flag('-a, --all', 'Those that do not run too'),
    id: text('--id <id>', 'Only this one, by its full id or its beginning'),
    label: commaList('--label <name=value>', 'Only those with this label'),
    output: listOutput,
    pod: text('-p, --pod <id>', 'Only those of this pod'),
    seconds: integer('-s, --seconds <number>', 'How long the use of the cpu is watched; 1 by default'),
    watch: flag('-w, --watch', 'Again and again'),
  },
  examples: ['cri stats', 'cri stats -w -s 2', 'cri stats -o json'],
  async run(call) {
    const { args, options, out, interrupt } = call
    const [{ parseLabels }, { toJson }, { runtime }] = await Promise.all([import('../../cri/client/containers.ts'), import('../../cri/client/protojson.ts'), openCri(call)])
    const read = (): Promise<ContainerStats[]> => listStats(runtime, { id: options.id ?? args[0] ?? '', podSandboxId: options.pod ?? '', labelSelector: parseLabels(options.label) })
    await repeat(options.watch, { out, signal: interrupt.signal }, async (show) => {
      if (options.output === 'json' || options.output === 'yaml') return printJson(out, { stats: (await read()).map(toJson) }, options)
      const { before, now } = await sampled({ read, idOf: ({ attributes }) => attributes?.id ?? '', seconds: options.seconds ?? 1, signal: interrupt.signal })
      const rows = now.filter((one) => options.all || one.cpu?.usageCoreNanoSeconds?.value || one.memory?.workingSetBytes?.value).flatMap((one) => {
        const old = before.get(one.attributes?.id ?? '')
        return old ? [row(one, old)] : []
      })
      show(table(HEADINGS, rows))
    })
  },
})

async function listStats(runtime: Connection, filter: { id: string; podSandboxId: string; labelSelector: Record<string, string> }): Promise<ContainerStats[]> {
  const { RuntimeServiceService: Runtime, ListContainerStatsRequest } = await import('../../cri/wire/generated/runtime-v1.ts')
  const { stats } = await runtime.call(Runtime.listContainerStats, ListContainerStatsRequest.fromPartial({ filter }))
  const key = (one: ContainerStats): string => one.attributes?.id ?? ''
  return [...stats].sort((a, b) => Number(key(a) > key(b)) - Number(key(a) < key(b)))
}

const row = (one: ContainerStats, old: ContainerStats): string[] => [
  shortId(one.attributes?.id ?? ''), one.attributes?.metadata?.name ?? '', percentOfCpu(one.cpu, old.cpu), usageSize(one.memory?.workingSetBytes?.value ?? 0n),
  usageSize(one.writableLayer?.usedBytes?.value ?? 0n), String(one.writableLayer?.inodesUsed?.value ?? 0n), usageSize(one.swap?.swapUsageBytes?.value ?? 0n),
]
