// What happens after a container's end: the exit is recorded, its run given back, then --rm or the restart policy.
import { isFailure } from '../errors.ts'
import type { Container } from '../state/containers.ts'
import { withContainerLock } from './container-lock.ts'
import type { Engine } from './engine.ts'
import { startCleanup } from './start-cleanup.ts'
import { removeSettled } from './remove-container.ts'
import { recordEnd, releaseEnded } from './settle-container.ts'
import { startSettled } from './start-container.ts'
import { restartDelayMs, wantsRestart } from './restart-policy.ts'
import { withHeldImage } from './removed-image.ts'

/**
 * Idempotent: the exit program calls it, and every command that looks at a dead container may.
 * @param due the delay of a scheduled restart is over
 * @param deleted the runtime was asked to forget it already
 */
export async function cleanupContainer(engine: Engine, id: string, { due = false, deleted }: { due?: boolean; deleted?: Promise<boolean> | undefined } = {}): Promise<void> {
  try {
    await withContainerLock(engine, id, async () => {
      const ended = await recordEnd(engine, id)
      if (ended.phase !== 'exited') return
      // Its removal gives back what the run used.
      if (ended.record.request.autoRemove && !wantsRestart(ended)) return withHeldImage(engine, ended, () => removeSettled(engine, ended, { volumes: true, deleted }))
      const container = ended.status.cleanedUp ? ended : await releaseEnded(engine, ended, deleted)
      if (wantsRestart(container)) return due ? restart(engine, container) : schedule(engine, container)
    })
  } catch (error) {
    if (!isFailure(error, 'notFound')) throw error
  }
}

async function restart(engine: Engine, container: Container): Promise<void> {
  const restarts = (container.status.restarts ?? 0) + 1
  try {
    await startSettled(engine, container, { restarts })
  } catch (error) {
    if (!isFailure(error)) throw error
    await engine.state.containers.change({ id: container.id, phase: 'exited', status: { restarts, error: error.message, cleanedUp: true } })
    const again = await engine.state.containers.get(container.id)
    if (again && wantsRestart(again)) await schedule(engine, again)
  }
}

/** The exit program sleeps the back-off, so that no Node waits. */
async function schedule(engine: Engine, container: Container): Promise<void> {
  await startCleanup(engine, { id: container.id, delayMs: restartDelayMs(container) })
}
