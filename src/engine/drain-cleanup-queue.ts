import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { lockFile, unlockInherited } from '../fs/lock.ts'
import { log } from '../log.ts'
import { CHECKPOINT } from './start-cleanup.ts'
import { cleanupContainer } from './cleanup-container.ts'
import { endExecSession, parseSessionEntry } from './end-exec-session.ts'
import type { Engine } from './engine.ts'
import { queueUnwatched } from './queue-unwatched.ts'
import { recoverDead } from './recover.ts'

/** The exit program hands its lock on as this descriptor. */
const LOCK_FD = 3
const AT_ONCE = 4

/**
 * Cleans up after every container in the queue. Whoever queued one while the lock was held relies on this holder: so after
 * the lock is given back, the queue is looked at once more.
 */
export async function drainCleanupQueue(engine: Engine): Promise<void> {
  await recoverDead(engine)
  await queueUnwatched(engine)
  rmSync(join(engine.paths.cleanupQueue, CHECKPOINT), { force: true })
  await drain(engine)
  unlockInherited(LOCK_FD)
  while (queued(engine).length > 0) {
    const lock = await lockFile(join(engine.paths.locks, 'cleanup'), { wait: false })
    if (!lock) return
    await drain(engine)
    lock.release()
  }
  await engine.state.events.prune(undefined, { durable: false })
  rmSync(join(engine.paths.cleanupQueue, CHECKPOINT), { force: true }) // who asked for it meanwhile found us at work
  await engine.state.checkpoint()
}

/** Ids of ended containers, `ID.due` for restarts whose delay is over, and ended exec sessions. */
const queued = ({ paths }: Engine): string[] => readdirSync(paths.cleanupQueue).filter((name) => /^[0-9a-f]{64}(\.due)?$/.test(name) || parseSessionEntry(name))

async function drain(engine: Engine): Promise<void> {
  for (;;) {
    const next = queued(engine)
    if (next.length === 0) return
    const work = async (): Promise<void> => {
      for (let name = next.shift(); name !== undefined; name = next.shift()) await handle(engine, name)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
  }
}

/** The entry goes first: an end of a later start queues it anew. */
async function handle(engine: Engine, name: string): Promise<void> {
  rmSync(join(engine.paths.cleanupQueue, name), { force: true })
  const session = parseSessionEntry(name)
  const done = session ? endExecSession(engine, session) : cleanupContainer(engine, name.slice(0, 64), { due: name.endsWith('.due') })
  await done.catch((error: unknown) =>
    log.error(`cleanup of container ${name.slice(0, 12)}: ${error instanceof Error ? error.stack : error}`))
}
