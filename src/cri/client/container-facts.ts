// What `why` shows of a container besides its status: from the runtime's verbose information and, on the node itself, the kernel.
import { readFileSync } from 'node:fs'
import type { ContainerStatus } from '../wire/generated/runtime-v1.ts'
import { pidIn } from './container-process.ts'

export interface ContainerFacts {
  readonly args: readonly string[]
  /** 0: none, or not told. */
  readonly memoryLimitBytes: number
  /** Below the mounts of cgroups; empty where it is not known. */
  readonly cgroup: string
}

/** containerd and CRI-O tell the specification, scow its record. */
interface Told {
  readonly runtimeSpec?: { readonly linux?: { readonly cgroupsPath?: string; readonly resources?: { readonly memory?: { readonly limit?: number } } }; readonly process?: { readonly args?: readonly string[] } }
  readonly record?: { readonly entrypoint?: readonly string[]; readonly command?: readonly string[]; readonly request?: { readonly resources?: { readonly memoryBytes?: number } } }
}

export function containerFacts({ id, resources }: ContainerStatus, info: Readonly<Record<string, string>>): ContainerFacts {
  const { runtimeSpec, record } = told(info)
  const path = runtimeSpec?.linux?.cgroupsPath ?? ''
  return {
    args: runtimeSpec?.process?.args ?? [...record?.entrypoint ?? [], ...record?.command ?? []],
    memoryLimitBytes: Number(resources?.linux?.memoryLimitInBytes ?? 0n) || (runtimeSpec?.linux?.resources?.memory?.limit ?? record?.request?.resources?.memoryBytes ?? 0),
    // systemd's are SLICE:PREFIX:NAME
    cgroup: path.startsWith('/') ? path : cgroupOf(pidIn(info), id),
  }
}

function told(info: Readonly<Record<string, string>>): Told {
  try {
    return JSON.parse(info['info'] ?? '{}') as Told
  } catch {
    return {}
  }
}

/** Of a process of this machine whose cgroup is named after the container. */
function cgroupOf(pid: number | undefined, id: string): string {
  const lines = pid === undefined ? [] : (readText(`/proc/${pid}/cgroup`) ?? '').split('\n')
  const paths = lines.filter((line) => /^\d+:[^:]*\bmemory\b|^0::/.test(line)).map((line) => line.split(':').slice(2).join(':'))
  return paths.find((path) => path.includes(id)) ?? ''
}

const MIB = 1024 * 1024
const MAX_COMMAND = 200
export const memoryText = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`

export const factLines = ({ args, memoryLimitBytes }: ContainerFacts): string[] => [
  ...(args.length > 0 ? [`command: ${args.join(' ').slice(0, MAX_COMMAND)}`] : []), ...(memoryLimitBytes > 0 ? [`memory limit: ${memoryText(memoryLimitBytes)}`] : []),
]

/** How many of its processes the kernel killed for memory, while the cgroup is there: only on the node itself. */
export function oomKills({ cgroup }: ContainerFacts): number {
  if (cgroup === '') return 0
  for (const file of [`/sys/fs/cgroup${cgroup}/memory.events`, `/sys/fs/cgroup/memory${cgroup}/memory.oom_control`]) {
    const kills = /^oom_kill (\d+)$/m.exec(readText(file) ?? '')?.[1]
    if (kills !== undefined) return Number(kills)
  }
  return 0
}

function readText(file: string): string | undefined {
  try { return readFileSync(file, 'utf8') } catch { return undefined }
}
