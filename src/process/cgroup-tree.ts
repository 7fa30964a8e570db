// A cgroup with all below it, as the kernel shows it: one directory under cgroup v2, one in each hierarchy under v1. `path` is
// as in /proc/PID/cgroup.
import { existsSync, readFileSync, readdirSync, rmdir, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { identify, killProcess, type ProcessIdentity } from './identity.ts'

const ROOT = '/sys/fs/cgroup'

/** What forks while it is killed is met again; what hangs in the kernel is not waited for. */
const MOST_ROUNDS = 50
const POLL_MS = 10

/** SIGKILL to every process of it, frozen ones too. Returns when they are gone, or after half a second. */
export async function killCgroup(path: string): Promise<void> {
  for (let rounds = 0; rounds < MOST_ROUNDS; rounds++) {
    const living = processesOf(path)
    if (living.length === 0) return
    // Of cgroup v2, from Linux 5.14 on: whole, and whatever an AppArmor profile says about signals.
    for (const dir of directoriesOf(path)) write(join(dir, 'cgroup.kill'), '1')
    for (const each of living) killProcess(each, 'SIGKILL')
    thawCgroup(path) // under v1 a frozen process does not even end
    await sleep(POLL_MS)
  }
}

/** Lets its processes go on. Idempotent. */
export function thawCgroup(path: string): void {
  for (const dir of directoriesOf(path)) {
    write(join(dir, 'freezer.state'), 'THAWED')
    write(join(dir, 'cgroup.freeze'), '0')
  }
}

/**
 * Removes it from every hierarchy, with what is below. A group with processes in it stays; what was just killed gets half a
 * second to leave. Idempotent. @returns the directories that stay
 */
export async function removeCgroup(path: string): Promise<string[]> {
  for (let rounds = 1; ; rounds++) {
    const left = (await Promise.all(directoriesOf(path).map(removeWhole))).flat()
    if (left.length === 0 || rounds === MOST_ROUNDS) return left
    await sleep(POLL_MS)
  }
}

async function removeWhole(dir: string): Promise<string[]> {
  const left: string[] = []
  for (const group of withGroupsBelow(dir)) if (!await removeGroup(group)) left.push(group)
  return left
}

/** On the thread pool: the kernel takes its time. @returns whether it is gone */
export const removeGroup = (dir: string): Promise<boolean> =>
  new Promise((resolve) => rmdir(dir, (error) => resolve(error === null || error.code === 'ENOENT')))

/** A pid is read before and after its process is known: that one is in the group, and no other that got its pid. */
function processesOf(path: string): ProcessIdentity[] {
  const groups = directoriesOf(path).flatMap(withGroupsBelow)
  const found = [...pidsIn(groups)].flatMap((pid) => identify(pid) ?? [])
  const still = pidsIn(groups)
  return found.filter(({ pid }) => still.has(pid))
}

const pidsIn = (groups: readonly string[]): Set<number> =>
  new Set(groups.flatMap((dir) => (read(join(dir, 'cgroup.procs')) ?? '').split('\n').filter(Boolean).map(Number)))

/** Joined as if from the root: no path leads out of the hierarchy. */
const directoriesOf = (path: string): string[] => roots().map((root) => join(root, join('/', path))).filter((dir) => existsSync(dir))

/** Names of two controllers may be links to the same hierarchy. */
const roots = (): string[] => (existsSync(join(ROOT, 'cgroup.controllers')) ? [ROOT] : directoriesIn(ROOT))

/** The innermost first. */
const withGroupsBelow = (dir: string): string[] => [...directoriesIn(dir).flatMap(withGroupsBelow), dir]

/** None where it is gone. */
function directoriesIn(dir: string): string[] {
  try {
    return readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => join(dir, name))
  } catch (error) {
    return unlessGone(error) ?? []
  }
}

const read = (file: string): string | undefined => {
  try { return readFileSync(file, 'utf8') } catch (error) { return unlessGone(error) }
}

/** Not every hierarchy has every file, the kernel makes them alone, and some may be kept from us. */
const write = (file: string, text: string): void => {
  try { writeFileSync(file, text, { flag: 'r+' }) } catch (error) { if ((error as NodeJS.ErrnoException).code !== 'EACCES') unlessGone(error) }
}

/** Gone before it was opened, or after that; of a threaded group the kernel names the processes only at its root. */
const unlessGone = (error: unknown): undefined => {
  if (!['ENOENT', 'ENODEV', 'EOPNOTSUPP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
}
