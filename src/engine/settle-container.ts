import { existsSync } from 'node:fs'
import { Failure } from '../errors.ts'
import type { Container } from '../state/containers.ts'
import { findExit } from './find-exit.ts'
import type { Engine } from './engine.ts'
import { releaseRun } from './release-run.ts'
import { wantsRestart } from './restart-policy.ts'
import { startCleanup } from './start-cleanup.ts'

type Parts = Pick<Engine, 'config' | 'paths' | 'state' | 'storage' | 'runtime' | 'networks' | 'self'>

/**
 * Brings a container's row up to what is true, under its lock: an end that nobody recorded is recorded, and what the run
 * used is given back. @returns the container as it is now @throws notFound
 */
export async function settleContainer(engine: Parts, id: string): Promise<Container> {
  const container = await recordEnd(engine, id)
  if (container.phase !== 'exited' || container.status.cleanedUp) return container
  // Its monitor is ended with the rest, perhaps before it came to start the exit program. After a boot, when its files of the
  // run are gone, recovery and the units of the boot decide.
  const ofThisBoot = existsSync(engine.paths.container(id).run)
  const settled = await releaseEnded(engine, container)
  if (ofThisBoot && (settled.record.request.autoRemove || wantsRestart(settled))) await startCleanup(engine, { id })
  return settled
}

/** The first half of it: the end alone. */
export async function recordEnd(engine: Parts, id: string): Promise<Container> {
  const container = await engine.state.containers.get(id)
  if (!container) throw new Failure('notFound', `no container with ID ${id.slice(0, 12)} found: no such container`)
  const exit = container.phase === 'running' || container.phase === 'paused' ? findExit(engine, container) : undefined
  if (!exit) return container
  await engine.state.containers.exited({ id, starts: container.starts, exit }, { durable: false }) // after a power cut the monitor's own file still tells
  return (await engine.state.containers.get(id)) ?? container
}

/** The second half, of one that has ended. */
export async function releaseEnded(engine: Parts, container: Container, deleted?: Promise<boolean>): Promise<Container> {
  const { id } = container
  await releaseRun(engine, container, { dead: endedWhole(container), deleted })
  await engine.state.containers.change({ id, status: { cleanedUp: true, netns: null, process: null, monitor: null } }, { durable: false })
  return (await engine.state.containers.get(id)) ?? container
}

/** With the first process of a table of their own all others have ended. */
export const endedWhole = ({ record }: Container): boolean => record.request.namespaces.pid.kind === 'private'
