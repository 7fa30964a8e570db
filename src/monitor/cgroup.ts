// Moving a monitor out of its caller's cgroup: otherwise a log-out or the restart of a service would kill it.
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '../clock.ts'
import { Failure, isFailure } from '../errors.ts'
import { readMounts, type Mount } from '../fs/mounts.ts'
import { log } from '../log.ts'
import { identify, isAlive, type ProcessIdentity } from '../process/identity.ts'
import { runProgram } from '../process/run-program.ts'

/** How the monitor leaves its caller's cgroup, before it starts anything. */
export type MonitorCgroup =
  | { readonly manager: 'cgroupfs'; /** Below each hierarchy's root, e.g. `scow/conmon-ID`: its parent is what counts. */ readonly path: string }
  | { readonly manager: 'systemd'; /** `scow-conmon-ID.scope` */ readonly unit: string; readonly slice: string }
  /** Stay where the caller is. */
  | { readonly manager: 'none' }

/**
 * Files of cgroups that the monitor is to enter as it starts; they are made here. Only hierarchies where this process is
 * below the root: in the root there is nothing to leave. A cgroup that can't be made is a warning, never a failure.
 */
export const monitorCgroupFiles = (cgroup: MonitorCgroup): string[] => {
  if (cgroup.manager !== 'cgroupfs') return []
  try {
    const left = memberships('self').filter((membership) => membership.path !== '/')
    return left.length === 0 ? [] : makeCgroups(left, cgroup.path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error
    log.warn(`the container's monitor stays in this session's cgroup: ${(error as Error).message}`)
    return []
  }
}

interface Membership { readonly controllers: readonly string[]; readonly path: string }

/**
 * One for all monitors of a parent. One for each could be removed by nobody: the exit program runs in its monitor's
 * cgroup, and the monitor waits for it.
 */
const SHARED = 'conmon'

const makeCgroups = (left: readonly Membership[], path: string): string[] => {
  const mounts = readMounts('cgroup')
  return left.flatMap(({ controllers }) => {
    const base = mountPoint(mounts, controllers)
    if (base === undefined) return []
    const dir = join(base, dirname(path), SHARED)
    mkdirSync(dir, { recursive: true })
    if (controllers.includes('cpuset')) inheritCpuset(base, dir)
    return [join(dir, controllers.length === 0 ? 'cgroup.procs' : 'tasks')]
  })
}

/** /proc/PID/cgroup: `9:cpu,cpuacct:/path`; version 2 has no controllers there. */
const memberships = (pid: number | 'self'): Membership[] =>
  readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n').flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    return path === undefined ? [] : [{ controllers: controllers === '' ? [] : controllers!.split(','), path }]
  })

const mountPoint = (mounts: readonly Mount[], controllers: readonly string[]): string | undefined =>
  mounts.find(({ type, superOptions }) =>
    controllers.length === 0 ? type === 'cgroup2' : type === 'cgroup' && controllers.every((name) => superOptions.includes(name)))?.target

/** A new cpuset cgroup of version 1 is empty and takes no process. */
const inheritCpuset = (base: string, dir: string): void => {
  if (dir === base) return
  inheritCpuset(base, dirname(dir))
  for (const file of ['cpuset.cpus', 'cpuset.mems'])
    if (readFileSync(join(dir, file), 'utf8').trim() === '') writeFileSync(join(dir, file), readFileSync(join(dirname(dir), file)))
}

const SYSTEMD_MS = 5000
const POLL_MS = 2

/**
 * systemd moves the process in a job of its own: only when it has may the monitor start children. A refusal is a warning, unless
 * the monitor has ended meanwhile: that is told elsewhere, with its reason.
 */
export const moveToScope = async (pid: number, cgroup: MonitorCgroup): Promise<void> => {
  if (cgroup.manager !== 'systemd') return
  const monitor = identify(pid)
  if (!monitor) return
  try {
    await moved(monitor, await requestScope(pid, cgroup))
  } catch (error) {
    if (!isFailure(error)) throw error
    if (isAlive(monitor)) log.warn(`the container's monitor stays in this session's cgroup: ${error.message}`)
  }
}

/** @returns the unit's name. @throws Failure */
const requestScope = async (pid: number, { unit, slice }: { unit: string; slice: string }): Promise<string> => {
  const { code, refusal } = await startScope(pid, { unit, slice })
  if (code === 0) return unit
  // The monitor of the last run has the name as long as it lives, which is while its exit program restarts the container.
  const other = unit.replace(/(?=\.scope$)/, `-${pid}`)
  const again = /already (loaded|exists)/.test(refusal) ? await startScope(pid, { unit: other, slice }) : { code, refusal }
  if (again.code === 0) return other
  throw new Failure('unavailable', `systemd refused: ${again.refusal}`)
}

const startScope = async (pid: number, { unit, slice }: { unit: string; slice: string }): Promise<{ code: number | undefined; refusal: string }> => {
  const { code, stderr } = await runProgram('busctl', ['call', '--quiet', 'org.freedesktop.systemd1', '/org/freedesktop/systemd1',
    'org.freedesktop.systemd1.Manager', 'StartTransientUnit', 'ssa(sv)a(sa(sv))', unit, 'replace',
    '5', 'PIDs', 'au', '1', String(pid), 'Slice', 's', slice, 'Delegate', 'b', 'true', 'DefaultDependencies', 'b', 'false',
    'CollectMode', 's', 'inactive-or-failed', '0'], { timeoutMs: SYSTEMD_MS })
  return { code, refusal: stderr.toString().trim() }
}

/** @throws Failure when systemd takes too long */
const moved = async (monitor: ProcessIdentity, unit: string): Promise<void> => {
  const deadline = monotonicMs() + SYSTEMD_MS
  while (isAlive(monitor) && !memberships(monitor.pid).some(({ path }) => path.endsWith(`/${unit}`))) {
    if (monotonicMs() > deadline) throw new Failure('timeout', `systemd has not moved it to ${unit}`)
    await sleep(POLL_MS)
  }
}

/** Removes an empty cgroup, in every hierarchy; missing and used ones are left. */
export const removeMonitorCgroup = (path: string): void => {
  for (const { target, type } of readMounts()) {
    if (type !== 'cgroup' && type !== 'cgroup2') continue
    try {
      rmdirSync(join(target, path))
    } catch (error) {
      if (!['ENOENT', 'EBUSY', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
}
