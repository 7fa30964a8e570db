// A row of `stats`: its columns, what a template sees, and what json prints.
import { goDuration, humanBinarySize, humanSize } from '../../cli/human.ts'
import type { Column } from '../../cli/report.ts'
import type { Statistics } from '../../engine/container-statistics.ts'

export interface Shown {
  readonly id: string
  readonly name: string
  /** Undefined when it doesn't run: all is 0. */
  readonly now?: Statistics | undefined
  /** Of the turn before. */
  readonly before?: Statistics | undefined
  readonly truncate: boolean
}

const NS_PER_MS = 1e6

/** Percent of one processor since the container began. */
const average = ({ now }: Shown): number => (now ? share(now.cpuNs, now.timeMs - now.startedAtMs) : 0)
/** Since the turn before; in the first one, since it began. */
const current = (one: Shown): number => (one.now && one.before ? share(one.now.cpuNs - one.before.cpuNs, one.now.timeMs - one.before.timeMs) : average(one))
const share = (ns: number, ms: number): number => (ms > 0 && ns > 0 ? (ns / NS_PER_MS / ms) * 100 : 0)
const memoryShare = ({ now }: Shown): number => (now && now.memoryLimitBytes > 0 ? (now.memoryBytes / now.memoryLimitBytes) * 100 : 0)

const percent = (value: number): string => `${value.toFixed(2)}%`
const pair = (one: number | undefined, other: number | undefined, show = (bytes: number): string => humanSize(bytes, '', 4)): string => `${show(one ?? 0)} / ${show(other ?? 0)}`

const idText = ({ id, truncate }: Shown): string => (truncate ? id.slice(0, 12) : id)
const memory = ({ now }: Shown): string => pair(now?.memoryBytes, now?.memoryLimitBytes)
const network = ({ now }: Shown): string => pair(now?.received, now?.sent)
const devices = ({ now }: Shown): string => pair(now?.read, now?.written)
const processes = ({ now }: Shown): string => String(now?.processes ?? 0)
const cpuTime = ({ now }: Shown): string => goDuration((now?.cpuNs ?? 0) / NS_PER_MS)

export const COLUMNS: readonly Column<Shown>[] = [
  { heading: 'ID', cell: idText }, { heading: 'NAME', cell: ({ name }) => name }, { heading: 'CPU %', cell: (one) => percent(current(one)) },
  { heading: 'MEM USAGE / LIMIT', cell: memory }, { heading: 'MEM %', cell: (one) => percent(memoryShare(one)) }, { heading: 'NET IO', cell: network },
  { heading: 'BLOCK IO', cell: devices }, { heading: 'PIDS', cell: processes }, { heading: 'CPU TIME', cell: cpuTime }, { heading: 'AVG CPU %', cell: (one) => percent(average(one)) },
]

export const STATS_HEADINGS: Readonly<Record<string, string>> = {
  CPUPerc: 'CPU %', AVGCPU: 'AVG CPU %', MemUsage: 'MEM USAGE / LIMIT', MemUsageBytes: 'MEM USAGE / LIMIT', MemPerc: 'MEM %',
  NetIO: 'NET IO', BlockIO: 'BLOCK IO', PIDS: 'PIDS', UpTime: 'CPU TIME',
}

/** podman's fields: `UpTime` and `Duration` are cpu time there, too. */
export const statsView = (one: Shown): object => ({
  ID: idText(one), ContainerID: one.id, Name: one.name, CPU: current(one), CPUPerc: percent(current(one)), AvgCPU: average(one), AVGCPU: percent(average(one)),
  CPUNano: one.now?.cpuNs ?? 0, CPUSystemNano: 0, SystemNano: (one.now?.timeMs ?? 0) * NS_PER_MS, PerCPU: one.now?.perCpuNs ?? [], Duration: one.now?.cpuNs ?? 0,
  UpTime: cpuTime(one), Up: cpuTime(one), MemUsage: memory(one), MemUsageBytes: pair(one.now?.memoryBytes, one.now?.memoryLimitBytes, humanBinarySize),
  MemLimit: one.now?.memoryLimitBytes ?? 0, MemPerc: percent(memoryShare(one)), NetIO: network(one), NetInput: one.now?.received ?? 0, NetOutput: one.now?.sent ?? 0,
  BlockIO: devices(one), BlockInput: one.now?.read ?? 0, BlockOutput: one.now?.written ?? 0, PIDS: processes(one), PIDs: one.now?.processes ?? 0,
})

export const statsJson = (one: Shown): object => ({
  id: idText(one), name: one.name, cpu_time: cpuTime(one), cpu_percent: percent(current(one)), avg_cpu: percent(average(one)), mem_usage: memory(one),
  mem_percent: percent(memoryShare(one)), net_io: network(one), block_io: devices(one), pids: processes(one),
})
