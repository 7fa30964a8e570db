// What containers and pods use, read from the kernel's own files: never a process is started for it.
import { readFileSync } from 'node:fs'
import type { ContainerRow } from '../state/containers.ts'
import { groupPath, slicePath } from './cgroup-path.ts'
import { cgroupVersion } from './gather-host-facts.ts'

export interface Pressure { readonly total: number; readonly avg10: number; readonly avg60: number; readonly avg300: number }
/** Shares of time in which some, or all, tasks waited. */
export interface PressurePair { readonly some: Pressure; readonly full: Pressure }

export interface Usage {
  readonly timeMs: number
  readonly cpuNs: bigint
  readonly memory: {
    readonly usageBytes: number
    readonly workingSetBytes: number
    readonly rssBytes: number
    readonly pageFaults: number
    readonly majorPageFaults: number
    /** Absent: unlimited. */
    readonly limitBytes?: number
  }
  readonly swap: { readonly usageBytes: number; readonly availableBytes: number }
  readonly processes: number
  readonly pressure: { readonly cpu?: PressurePair; readonly memory?: PressurePair; readonly io?: PressurePair }
}

export interface InterfaceUsage { readonly name: string; readonly rxBytes: number; readonly rxErrors: number; readonly txBytes: number; readonly txErrors: number }

/** Undefined when it doesn't run. */
export const containerUsage = ({ status }: Pick<ContainerRow, 'status'>): Usage | undefined =>
  (status.process && status.cgroupPath ? cgroupUsage(groupPath(status.cgroupPath)) : undefined)

/** Of a pod, as its parent was given: a path, or the name of a slice. */
export const parentPath = (parent: string): string => (parent.endsWith('.slice') && !parent.includes('/') ? slicePath(parent) : parent)

/** A file of a group of version 2; undefined when there is none. */
export function cgroupSetting(path: string, name: string): string | undefined {
  try {
    return readFileSync(`/sys/fs/cgroup${path}/${name}`, 'utf8').trim()
  } catch {
    return undefined
  }
}

/** Undefined when there is no such group. */
export function cgroupUsage(path: string): Usage | undefined {
  return cgroupVersion() === 2 ? cgroup2Usage(`/sys/fs/cgroup${path}`) : version1(path)
}

const text = (file: string): string => {
  try { return readFileSync(file, 'utf8').trim() } catch { return '' }
}
const number = (file: string): number => Number(text(file)) || 0

/** Some lines of a table of names and numbers: memory.stat has forty, and a node hundreds of them. */
function table<Name extends string>(file: string, names: readonly Name[]): { readonly [name in Name]?: number } {
  const lines = `\n${text(file)}\n`
  const found: { [name in Name]?: number } = {}
  for (const name of names) {
    const at = lines.indexOf(`\n${name} `)
    if (at >= 0) found[name] = Number(lines.slice(at + name.length + 2, lines.indexOf('\n', at + 1)))
  }
  return found
}

/** What "unlimited" reads as on cgroup v1: the highest number of pages. */
const UNLIMITED = 2 ** 62

function version1(path: string): Usage | undefined {
  const of = (controller: string, file: string): string => `/sys/fs/cgroup/${controller}${path}/${file}`
  const cpu = text(of('cpuacct', 'cpuacct.usage'))
  if (cpu === '') return undefined
  const stat = table(of('memory', 'memory.stat'), ['total_inactive_file', 'total_rss', 'total_pgfault', 'total_pgmajfault'])
  const usageBytes = number(of('memory', 'memory.usage_in_bytes'))
  const limit = number(of('memory', 'memory.limit_in_bytes'))
  const both = number(of('memory', 'memory.memsw.usage_in_bytes'))
  const bothLimit = number(of('memory', 'memory.memsw.limit_in_bytes'))
  const swapBytes = Math.max(0, both - usageBytes)
  return {
    timeMs: Date.now(), cpuNs: BigInt(cpu),
    memory: {
      usageBytes, workingSetBytes: Math.max(0, usageBytes - (stat.total_inactive_file ?? 0)), rssBytes: stat.total_rss ?? 0,
      pageFaults: stat.total_pgfault ?? 0, majorPageFaults: stat.total_pgmajfault ?? 0, ...(limit > 0 && limit < UNLIMITED ? { limitBytes: limit } : {}),
    },
    swap: { usageBytes: swapBytes, availableBytes: bothLimit > 0 && bothLimit < UNLIMITED ? Math.max(0, bothLimit - limit - swapBytes) : 0 },
    processes: number(of('pids', 'pids.current')), pressure: {},
  }
}

/** Reads the files of a group of version 2. */
export function cgroup2Usage(dir: string): Usage | undefined {
  const cpu = table(`${dir}/cpu.stat`, ['usage_usec'])
  if (cpu.usage_usec === undefined) return undefined
  const stat = table(`${dir}/memory.stat`, ['inactive_file', 'anon', 'pgfault', 'pgmajfault'])
  const usageBytes = number(`${dir}/memory.current`)
  const [limit, swapLimit, swapBytes] = [number(`${dir}/memory.max`), number(`${dir}/memory.swap.max`), number(`${dir}/memory.swap.current`)]
  const [cpuPressure, memoryPressure, ioPressure] = ['cpu', 'memory', 'io'].map((name) => pressure(text(`${dir}/${name}.pressure`)))
  return {
    timeMs: Date.now(), cpuNs: BigInt(cpu.usage_usec) * 1000n,
    memory: {
      usageBytes, workingSetBytes: Math.max(0, usageBytes - (stat.inactive_file ?? 0)), rssBytes: stat.anon ?? 0,
      pageFaults: stat.pgfault ?? 0, majorPageFaults: stat.pgmajfault ?? 0, ...(limit > 0 ? { limitBytes: limit } : {}),
    },
    swap: { usageBytes: swapBytes, availableBytes: Math.max(0, swapLimit - swapBytes) },
    processes: number(`${dir}/pids.current`),
    pressure: { ...(cpuPressure ? { cpu: cpuPressure } : {}), ...(memoryPressure ? { memory: memoryPressure } : {}), ...(ioPressure ? { io: ioPressure } : {}) },
  }
}

function pressure(lines: string): PressurePair | undefined {
  const of = (kind: string): Pressure => {
    const [, avg10, avg60, avg300, total] = new RegExp(`^${kind} avg10=(\\S+) avg60=(\\S+) avg300=(\\S+) total=(\\d+)`, 'm').exec(lines) ?? []
    return { avg10: Number(avg10 ?? 0), avg60: Number(avg60 ?? 0), avg300: Number(avg300 ?? 0), total: Number(total ?? 0) }
  }
  return lines === '' ? undefined : { some: of('some'), full: of('full') }
}

/** Of the network namespace that process `pid` lives in, without the loopback. */
export function networkUsage(pid: number): InterfaceUsage[] {
  return text(`/proc/${pid}/net/dev`).split('\n').flatMap((line) => {
    const [, name, numbers] = /^\s*([^:]+):\s*(.*)$/.exec(line) ?? []
    if (!name || name === 'lo' || !numbers) return []
    const [rxBytes = 0, , rxErrors = 0, , , , , , txBytes = 0, , txErrors = 0] = numbers.trim().split(/\s+/).map(Number)
    return [{ name, rxBytes, rxErrors, txBytes, txErrors }]
  })
}

