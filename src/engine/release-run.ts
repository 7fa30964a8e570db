import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '../clock.ts'
import { isFailure } from '../errors.ts'
import { killCgroup, removeCgroup } from '../process/cgroup-tree.ts'
import { identify, isAlive, killProcess, type ProcessIdentity } from '../process/identity.ts'
import { both } from './both.ts'
import { cgroupsPath, groupPath, type GroupOwner } from './cgroup-path.ts'
import type { Engine } from './engine.ts'

type Parts = Pick<Engine, 'config' | 'paths' | 'state' | 'self' | 'storage' | 'runtime' | 'networks'>

/** What is needed to give a run back, even when the record is gone. */
export interface RunOwner {
  readonly id: string
  readonly record: GroupOwner['record'] & { readonly runtime: { readonly path: string }; readonly request: { readonly network: { readonly kind: string }; readonly rootfs?: unknown } }
}

export interface Release {
  /** No process of it lives any more. */
  readonly dead?: boolean
  /** What its monitor may have begun to make is made or has failed: who asks has had the answer. */
  readonly answered?: boolean
  /** The runtime was asked to forget it already: `beginDelete`. */
  readonly deleted?: Promise<boolean> | undefined
  /** Done once nothing is mounted any more; not waiting for the runtime where the container is dead. */
  readonly andThen?: () => Promise<void>
}

/**
 * Gives back all that a run takes: runtime state, cgroups, monitor, mounts, network, ports, files of the run root. Idempotent:
 * it serves a failed start, the end of a container, removal, and what a killed process or a reboot left.
 */
export async function releaseRun(engine: Parts, owner: RunOwner, { dead = false, answered = dead, deleted, andThen = async () => {} }: Release = {}): Promise<void> {
  const { id } = owner
  await endMonitor(engine, id, { dead, answered })
  const gone = (deleted ?? Promise.resolve(false)).then(async (done) => { if (!done) await forget(engine, owner, { dead, force: true }) })
  if (!dead) await gone
  // The runtime's clean-up is a program of ten milliseconds: what it doesn't need goes meanwhile.
  await both(gone, releaseHost(engine, owner).then(andThen))
  await (await engine.storage()).trees.remove(engine.paths.container(id).run)
}

/** What a runtime has half made when it is ended, its groups above all, it does not find again itself: it has that long. */
const CREATION_MS = 5000
const POLL_MS = 10

/**
 * Before the runtime is asked to forget the container: its monitor may be about to have it made. One whose creation has failed
 * waits for its exit program, which waits for our lock.
 */
async function endMonitor(engine: Parts, id: string, { dead, answered }: { dead: boolean; answered: boolean }): Promise<void> {
  const { pidFile, monitorPidFile } = engine.paths.container(id)
  const monitor = monitorOf(monitorPidFile, id)
  if (!monitor) return
  const deadline = monotonicMs() + CREATION_MS
  while (!answered && !existsSync(pidFile) && isAlive(monitor) && monotonicMs() < deadline) await sleep(POLL_MS)
  killProcess(monitor, 'SIGKILL')
  // A runtime that it started ends with it, and not before.
  while (!dead && isAlive(monitor) && monotonicMs() < deadline + CREATION_MS) await sleep(1)
}

/** Has the runtime forget a container that has ended, while others look at how. @returns whether it has; never rejects */
export const beginDelete = (engine: Pick<Engine, 'runtime'>, owner: RunOwner): Promise<boolean> => forget(engine, owner, { dead: true }).then(() => true, () => false)

/** A runtime that was killed while it created, or lost its state, knows nothing of the cgroups that it made. */
async function forget(engine: Pick<Engine, 'runtime'>, owner: RunOwner, { dead, force = false }: { dead: boolean; force?: boolean }): Promise<void> {
  const runtime = await engine.runtime(owner.record.runtime.path)
  if (await runtime.delete(owner.id, { force })) return
  if (!dead) await killCgroup(groupPath(cgroupsPath(owner)))
  await removeGroups(owner)
}

/** The container's own, which others may keep in use. */
export async function removeGroups(owner: GroupOwner): Promise<void> {
  const left = await removeCgroup(groupPath(cgroupsPath(owner)))
  if (left.length === 0) return
  const { log } = await import('../log.ts')
  log.warn(`cgroups of container ${owner.id.slice(0, 12)} stay, since there are processes in them: ${left.join(', ')}`)
}

async function releaseHost(engine: Parts, { id, record }: RunOwner): Promise<void> {
  const { containers, trees } = await engine.storage()
  await trees.unmount(engine.paths.container(id).run)
  await containers.unmount(id)
  if (record.request.network.kind !== 'bridge') return
  await releaseNetwork(engine, id)
  await engine.state.containers.releasePorts(id, { durable: false })
}

/** DEL of every attachment and the namespace's end. A network that cannot be left now is an intent: the next command that writes tries again. */
export async function releaseNetwork(engine: Parts, id: string): Promise<void> {
  const networks = await engine.networks()
  const netns = networks.netnsPath(id)
  try {
    await networks.detach({ containerId: id, netns })
  } catch (error) {
    if (!isFailure(error)) throw error
    const { log } = await import('../log.ts')
    log.warn(`network of container ${id.slice(0, 12)} not released: ${error.message}; the next command tries again`)
    await engine.state.intents.open({ kind: 'teardown', target: id, owner: engine.self, data: {} }, { durable: false })
  }
  await networks.removeNetns(id)
}

/** The monitor that still runs for this container: a reused pid is told by its command line. */
function monitorOf(pidFile: string, id: string): ProcessIdentity | undefined {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8'))
    const commandLine = readFileSync(join('/proc', String(pid), 'cmdline'), 'latin1')
    return commandLine.includes(id) ? identify(pid) : undefined
  } catch {
    return undefined
  }
}
