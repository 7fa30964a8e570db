// What `stats` shows of a container, read from the kernel's own files.
import { readFileSync, readlinkSync } from 'node:fs'
import { totalmem } from 'node:os'
import { isForeign } from '../process/identity.ts'
import type { ContainerRow } from '../state/containers.ts'
import { groupPath } from './cgroup-path.ts'
import { cgroupVersion } from './gather-host-facts.ts'
import { containerUsage, networkUsage } from './pod-usage.ts'

export interface Statistics {
  /** When it was read, and when the process began. */
  readonly timeMs: number
  readonly startedAtMs: number
  readonly cpuNs: number
  /** Of each processor; empty on cgroup v2, which does not tell. */
  readonly perCpuNs: readonly number[]
  readonly memoryBytes: number
  /** What the machine has, where there is no lower limit. */
  readonly memoryLimitBytes: number
  /** Through its interfaces, without the loopback; 0 in the host's network. */
  readonly received: number
  readonly sent: number
  /** On devices. */
  readonly read: number
  readonly written: number
  readonly processes: number
}

/** Undefined when it doesn't run. */
export function containerStatistics({ status }: Pick<ContainerRow, 'status'>): Statistics | undefined {
  const usage = containerUsage({ status })
  if (!usage || !status.process || !status.cgroupPath) return undefined
  const path = groupPath(status.cgroupPath)
  const interfaces = isForeign(status.process) || isOnHost(status.process.pid) ? [] : networkUsage(status.process.pid)
  return {
    timeMs: usage.timeMs, startedAtMs: status.startedAtMs ?? usage.timeMs,
    cpuNs: Number(usage.cpuNs), perCpuNs: cgroupVersion() === 2 ? [] : numbers(text(`/sys/fs/cgroup/cpuacct${path}/cpuacct.usage_percpu`)),
    memoryBytes: usage.memory.usageBytes, memoryLimitBytes: Math.min(usage.memory.limitBytes ?? Infinity, totalmem()),
    received: sum(interfaces.map(({ rxBytes }) => rxBytes)), sent: sum(interfaces.map(({ txBytes }) => txBytes)),
    ...(cgroupVersion() === 2 ? deviceBytes(text(`/sys/fs/cgroup${path}/io.stat`)) : deviceBytes1(text(`/sys/fs/cgroup/blkio${path}/blkio.throttle.io_service_bytes_recursive`))),
    processes: usage.processes,
  }
}

const text = (file: string): string => {
  try { return readFileSync(file, 'utf8') } catch { return '' }
}
const numbers = (line: string): number[] => line.trim().split(/\s+/).filter((word) => word !== '').map(Number)
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

function isOnHost(pid: number): boolean {
  try { return readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync('/proc/self/ns/net') } catch { return true }
}

interface DeviceBytes { readonly read: number; readonly written: number }

const allOf = (lines: string, pattern: RegExp): number => sum([...lines.matchAll(pattern)].map(([, bytes]) => Number(bytes)))

/** Of `io.stat` (cgroup v2): `8:0 rbytes=1 wbytes=2 ...`, a line for each device. */
export const deviceBytes = (lines: string): DeviceBytes => ({ read: allOf(lines, /\brbytes=(\d+)/g), written: allOf(lines, /\bwbytes=(\d+)/g) })

/** Of `io_service_bytes` (cgroup v1): `8:0 Read 1`, a line for each device and operation. */
export const deviceBytes1 = (lines: string): DeviceBytes => ({ read: allOf(lines, /^\d+:\d+ Read (\d+)/gm), written: allOf(lines, /^\d+:\d+ Write (\d+)/gm) })
