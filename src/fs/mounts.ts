// What is mounted where: /proc/PID/mountinfo (proc(5)), of this process and of others.
import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '../clock.ts'
import { mount, umount, umountAsync } from '../sys/addon.ts'
import { MNT_DETACH, MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, UMOUNT_NOFOLLOW } from '../sys/mount-flags.ts'

export interface Mount {
  readonly id: number
  readonly parent: number
  /** `major:minor` */
  readonly device: string
  /** The directory within the file system that is mounted. */
  readonly root: string
  readonly target: string
  readonly options: readonly string[]
  /** `shared:N`, `master:N`, ... */
  readonly propagation: readonly string[]
  readonly type: string
  readonly source: string
  readonly superOptions: readonly string[]
}

const unescape = (text: string): string =>
  text.includes('\\')
    ? Buffer.from(text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))), 'latin1').toString()
    : Buffer.from(text, 'latin1').toString()

/** In mount order. Lines that make no sense are left out. */
export const parseMounts = (latin1: string): Mount[] => latin1.split('\n').flatMap((line) => parseLine(line) ?? [])

const parseLine = (line: string): Mount | undefined => {
  const fields = line.split(' ')
  const dash = fields.indexOf('-', 6)
  if (dash < 0 || fields.length < dash + 4) return undefined
  return {
    id: Number(fields[0]), parent: Number(fields[1]), device: fields[2]!, root: unescape(fields[3]!), target: unescape(fields[4]!),
    options: fields[5]!.split(','), propagation: fields.slice(6, dash),
    type: fields[dash + 1]!, source: unescape(fields[dash + 2]!), superOptions: unescape(fields[dash + 3]!).split(','),
  }
}

/** What mountinfo writes as it is: of such a path only lines that have it need parsing, and mostly there are none. */
const PLAIN = /^[\w./+:@,=-]+$/

/** Of this process; with `about` perhaps only the lines that have one of its words. */
export const readMounts = (...about: readonly string[]): Mount[] => {
  const text = readFileSync('/proc/self/mountinfo', 'latin1')
  if (about.length === 0 || !about.every((word) => PLAIN.test(word))) return parseMounts(text)
  const named = (part: string): boolean => about.some((word) => part.includes(word))
  return named(text) ? parseMounts(text.split('\n').filter(named).join('\n')) : []
}

/** A tmpfs that anybody may write to, for several containers. `label`: of SELinux. */
export const mountSharedMemory = (target: string, sizeBytes: number, label?: string): void =>
  mount('shm', target, 'tmpfs', MS_NOSUID | MS_NODEV | MS_NOEXEC, `mode=1777,size=${sizeBytes}${label === undefined ? '' : `,context="${label}"`}`)

/** Keeps a namespace (a file of /proc/PID/ns) without its process, by a mount on the new file `target`. */
export function pinNamespace(source: string, target: string): void {
  writeFileSync(target, '', { flag: 'wx' })
  mount(source, target, null, MS_BIND)
}

/** Whether something is mounted on exactly `path`, an absolute path without links. */
export const isMounted = (path: string): boolean => mountedOn(path) !== undefined

/** The topmost mount on exactly `path`. */
export const mountedOn = (path: string): Mount | undefined => readMounts(path).findLast(({ target }) => target === path)

/** Mount points at and below the paths, deepest first: the order to unmount in. */
export const mountsBelow = (...paths: readonly string[]): string[] =>
  readMounts(...paths).map(({ target }) => target)
    .filter((target) => paths.some((path) => target === path || target.startsWith(path === '/' ? '/' : `${path}/`))).reverse()

/** The mount that the existing absolute path `path` lies in. */
export const mountOf = (path: string): Mount | undefined =>
  readMounts().findLast(({ target }) => target === '/' || target === path || path.startsWith(`${target}/`))

/**
 * Unmounts everything at and below the paths, stacked mounts too; nothing mounted is fine. A busy mount is tried for
 * `patienceMs` and then detached: it is gone from the tree at once and from the kernel with its last user.
 */
export const unmountTree = async (paths: string | readonly string[], patienceMs = 0): Promise<void> => {
  const deadline = monotonicMs() + patienceMs
  // With many containers the list is long: it is looked at once more only where a mount lay under another.
  for (let again = true; again;) {
    const unmounted: boolean[] = []
    for (const target of mountsBelow(...[paths].flat())) unmounted.push(await unmountOne(target, deadline))
    again = unmounted.includes(true) && unmounted.includes(false)
  }
}

/** False where no mount was to be found: another has unmounted it, or lies over it. */
const unmountOne = async (target: string, deadline: number): Promise<boolean> => {
  for (let pauseMs = 2; ; pauseMs = Math.min(pauseMs * 2, 50)) {
    try {
      await umountAsync(target, UMOUNT_NOFOLLOW)
      return true
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EINVAL' || code === 'ENOENT') return false
      if (code !== 'EBUSY') throw error
      if (monotonicMs() >= deadline) {
        umount(target, MNT_DETACH | UMOUNT_NOFOLLOW)
        return true
      }
      await sleep(pauseMs)
    }
  }
}
