// The main process of a container, where it can be reached from here: the CRI tells it only in its verbose information.
import { readFileSync, readlinkSync, statSync } from 'node:fs'
import type { ContainerStatus } from '../wire/generated/runtime-v1.ts'

export interface ContainerProcess {
  readonly pid: number
  /** By the container's own ids. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
}

interface Told { readonly pid?: unknown; readonly runtimeSpec?: { readonly process?: { readonly user?: { readonly uid?: unknown; readonly gid?: unknown } } } }

/** The pid in the verbose information; undefined where none is told, or none runs. */
export function pidIn(info: Readonly<Record<string, string>>): number | undefined {
  const { pid } = parseInfo(info)
  return typeof pid === 'number' && Number.isSafeInteger(pid) && pid > 0 ? pid : undefined
}

function parseInfo(info: Readonly<Record<string, string>>): Told {
  try {
    const told: unknown = JSON.parse(info['info'] ?? '{}')
    return typeof told === 'object' && told !== null ? told : {}
  } catch {
    return {}
  }
}

/**
 * Its process, where that is one of this machine and /proc/PID/root is what the container sees: not where the runtime
 * is on another node, and not where the process is that of a virtual machine or of another kernel (kata, gVisor).
 */
export function localProcess(status: ContainerStatus, info: Readonly<Record<string, string>>): ContainerProcess | undefined {
  const pid = pidIn(info)
  if (pid === undefined || !isOfContainer(pid, status.id) || !hasOwnRoot(pid)) return undefined
  return { pid, user: userOf(status, parseInfo(info)) }
}

function userOf({ user }: ContainerStatus, { runtimeSpec }: Told): ContainerProcess['user'] {
  if (user?.linux) return { uid: Number(user.linux.uid), gid: Number(user.linux.gid) }
  const { uid, gid } = runtimeSpec?.process?.user ?? {}
  return typeof uid === 'number' && typeof gid === 'number' ? { uid, gid } : undefined
}

/** Runtimes name cgroups after the container; a pid of another machine, or one used again, has another. */
function isOfContainer(pid: number, id: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(id)
  } catch {
    return false
  }
}

/** What every container has mounted, and no sandbox of another kernel has. */
const CONTAINER_MOUNTS = ['/proc', '/dev', '/sys']

function hasOwnRoot(pid: number): boolean {
  try {
    if (readlinkSync(`/proc/${pid}/ns/mnt`) === readlinkSync('/proc/self/ns/mnt')) return false
    const [theirs, ours] = [statSync(`/proc/${pid}/root/`), statSync('/')]
    if (theirs.dev === ours.dev && theirs.ino === ours.ino) return false
    const mounted = new Set(readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n').map((line) => line.split(' ')[4]))
    return CONTAINER_MOUNTS.every((path) => mounted.has(path))
  } catch {
    return false
  }
}
