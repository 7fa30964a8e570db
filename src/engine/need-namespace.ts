// Namespaces that a user names by path, looked at before the runtime joins them: all it says is that its pipe has ended.
import { closeSync, openSync, readlinkSync, statSync, statfsSync } from 'node:fs'
import { Failure, reasonOf } from '../errors.ts'

const NSFS_MAGIC = 0x6e736673

/** Kinds as /proc/PID/ns calls them. */
const NAMES: Readonly<Record<string, string>> = { net: 'network', pid: 'PID', ipc: 'IPC', uts: 'UTS', cgroup: 'cgroup', user: 'user', mnt: 'mount', time: 'time' }

export type NamespaceKind = 'net' | 'pid' | 'ipc' | 'uts' | 'cgroup' | 'user'

/** @throws notFound, denied, invalid for what is no namespace, or one of another kind */
export function needNamespace(kind: NamespaceKind, path: string): void {
  const what = `${NAMES[kind]} namespace ${path}`
  const found = look(path, what)
  if (found === undefined) throw new Failure('invalid', `${what}: it is no namespace`, { hint: 'give a file of /proc/PID/ns, or one that a namespace is mounted on' })
  if (found !== '' && found !== kind) throw new Failure('invalid', `${what}: it is a ${NAMES[found] ?? found} namespace`)
}

/** Whether `path` is the namespace that this program is in. */
export function isOwnNamespace(kind: NamespaceKind, path: string): boolean {
  const [own, other] = [`/proc/self/ns/${kind}`, path].map((file) => statSync(file, { throwIfNoEntry: false }))
  return own !== undefined && other !== undefined && own.dev === other.dev && own.ino === other.ino
}

/** Its kind, empty where the kernel doesn't tell: a descriptor of a mounted one has the path of the mount. Undefined for what is none. */
function look(path: string, what: string): string | undefined {
  let fd: number | undefined
  try {
    if (statfsSync(path).type !== NSFS_MAGIC) return undefined
    fd = openSync(path, 'r')
    return /^(\w+):\[\d+\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] ?? ''
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new Failure('notFound', `${what}: no such file`, { cause: error })
    throw new Failure('denied', `${what}: ${reasonOf(error)}`, { cause: error })
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}
