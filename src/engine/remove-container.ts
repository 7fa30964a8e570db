import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, isFailure } from '../errors.ts'
import type { Container } from '../state/containers.ts'
import { both } from './both.ts'
import { attendedFile } from './cleanup-command.ts'
import { withContainerLock } from './container-lock.ts'
import type { Engine } from './engine.ts'
import { findContainer, needReachable } from './find-container.ts'
import { recoverDead } from './recover.ts'
import { releaseRun, removeGroups, type Release, type RunOwner } from './release-run.ts'
import { removeVolumes } from './remove-volumes.ts'
import { endedWhole, settleContainer } from './settle-container.ts'
import { stopContainer } from './stop-container.ts'

type Parts = Pick<Engine, 'config' | 'paths' | 'state' | 'self' | 'storage' | 'runtime' | 'networks'>

export interface RemoveOptions {
  /** Stop it first when it runs. */
  readonly force?: boolean
  /** Its anonymous volumes too. */
  readonly volumes?: boolean
  /** What becomes of containers that need it: it stays (throws inUse), they go first, or (default) they lose it. */
  readonly dependents?: 'refuse' | 'remove'
  /** Told the id of each that went first. */
  readonly onDependentRemoved?: (id: string) => void
  /** Seconds between its stop signal and SIGKILL; absent: the container's own. */
  readonly stopTimeoutSeconds?: number
}

/** What `finishRemoval` needs once the record may be half gone. */
export interface RemovalData extends Pick<RunOwner, 'record'> {
  readonly anonymousVolumes: readonly string[]
}

/**
 * Removes a container with all that is its own. Killed at any point, the next command finishes it.
 * @throws wrongState when it runs and `force` isn't given; notFound; inUse
 */
export async function removeContainer(engine: Parts, id: string, options: RemoveOptions = {}): Promise<void> {
  await recoverDead(engine)
  if (options.dependents === 'refuse') await engine.state.containers.requireUnneeded(id)
  else if (options.dependents === 'remove') await removeDependents(engine, id, options)
  for (let rounds = 1; ; rounds++) {
    if (options.force) await stopFirst(engine, id, options)
    if (await removeStopped(engine, id, { ...options, force: options.force === true && rounds < MOST_ROUNDS })) return
  }
}

async function removeDependents(engine: Parts, id: string, options: RemoveOptions): Promise<void> {
  for (const other of await engine.state.containers.needing(id)) {
    await removeContainer(engine, other.id, options)
    options.onDependentRemoved?.(other.id)
  }
}

/** Others that start it as often as it is stopped do so a few times, not for ever. */
const MOST_ROUNDS = 20

/** @returns false with `force`: somebody has started it since it was stopped */
async function removeStopped(engine: Parts, id: string, options: RemoveOptions): Promise<boolean> {
  return withContainerLock(engine, id, async () => {
    const container = await settleContainer(engine, id)
    if (container.phase === 'running' || container.phase === 'paused') {
      needReachable(container)
      if (options.force) return false
      throw new Failure('wrongState', `cannot remove container ${container.name} (${id.slice(0, 12)}) as it is ${container.phase}`, { hint: 'stop it first, or remove it with --force' })
    }
    await removeSettled(engine, container, { volumes: options.volumes ?? false, unneeded: options.dependents !== undefined })
    return true
  })
}

/** The removal itself, under the container's lock, of one that doesn't run. `deleted`: as for `releaseRun`. @throws inUse with `unneeded` when others need it */
export async function removeSettled(engine: Parts, container: Container, { volumes, deleted, unneeded = false }: { volumes: boolean; deleted?: Promise<boolean> | undefined; unneeded?: boolean }): Promise<void> {
  const { id, record } = container
  const durable = !record.request.autoRemove
  const data: RemovalData = { record: runOwnerOf(container).record, anonymousVolumes: volumes ? record.volumes.filter(({ anonymous }) => anonymous).map(({ name }) => name) : [] }
  const intentId = await engine.state.containers.beginRemoval({ id, intent: { kind: 'remove', target: id, owner: engine.self, data: { ...data } }, unneeded }, { durable })
  // One that never ran may still have what a start took that was killed: whoever recovers that waits for our lock.
  const released = container.status.cleanedUp ?? (container.starts === 0 && ![engine.paths.container(id).run, join(engine.paths.netns, id)].some(existsSync))
  await finishRemoval(engine, { id, intentId, data, release: released ? undefined : { dead: endedWhole(container), deleted } })
}

/** Without `release` its run has been given back already. Idempotent; also what recovery does for a removal that was killed. The intent is on disk: losing the end of it to a power cut costs nothing. */
export async function finishRemoval(engine: Parts, { id, intentId, data, release }: { id: string; intentId: number; data: RemovalData; release: Release | undefined }): Promise<void> {
  const { dir, run } = engine.paths.container(id)
  const { containers, trees } = await engine.storage()
  const removeOwn = async (): Promise<void> => {
    await containers.remove(id)
    await trees.remove(dir)
  }
  const owner = { id, record: data.record }
  await (release ? releaseRun(engine, owner, { ...release, andThen: removeOwn }) : both(removeGroups(owner), removeOwn()))
  await trees.remove(run)
  const lock = join(engine.paths.locks, id)
  // Ids are never used again: nobody can want these locks for another container.
  for (const file of [lock, attendedFile(engine, id), join(engine.paths.exits, id), join(engine.paths.cleanupQueue, id), ...halfExits(engine, id)]) rmSync(file, { force: true })
  const hasVolumes = data.anonymousVolumes.length > 0
  // Its volumes are free only without the row; the intent holds on until they are gone.
  await engine.state.containers.remove({ id, ...(hasVolumes ? {} : { intentId }) }, { durable: false })
  // Who came while there was a row has made it anew.
  rmSync(lock, { force: true })
  if (!hasVolumes) return
  await removeVolumes(engine, data.anonymousVolumes)
  await engine.state.intents.close(intentId, { durable: false })
}

/** Of a monitor that was killed while it wrote the exit file. */
const halfExits = ({ paths }: Parts, id: string): string[] =>
  readdirSync(paths.exits).filter((name) => name.startsWith(`.${id}.`)).map((name) => join(paths.exits, name))

/** As little of the record as giving the run back needs. */
export const runOwnerOf = ({ id, record: { runtime, cgroupManager, request: { network, cgroupParent } } }: Container): RunOwner =>
  ({ id, record: { runtime, cgroupManager, request: { network: { kind: network.kind }, ...(cgroupParent !== undefined ? { cgroupParent } : {}) } } })

async function stopFirst(engine: Parts, id: string, { stopTimeoutSeconds }: RemoveOptions): Promise<void> {
  try {
    needReachable(await findContainer(engine, id))
    await stopContainer(engine, id, { ...(stopTimeoutSeconds !== undefined ? { timeoutSeconds: stopTimeoutSeconds } : {}) })
  } catch (error) {
    if (!isFailure(error, 'notFound') && !isFailure(error, 'wrongState')) throw error
  }
}
