import { isFailure } from '../errors.ts'
import type { ContainerRow } from '../state/containers.ts'
import { withContainerLock } from './container-lock.ts'
import type { Engine } from './engine.ts'
import { findContainer, trueRow } from './find-container.ts'
import { removeSettled } from './remove-container.ts'
import { wantsRestart } from './restart-policy.ts'
import { settleContainer } from './settle-container.ts'

type Parts = Pick<Engine, 'config' | 'paths' | 'state' | 'self' | 'storage' | 'runtime' | 'networks'>

/**
 * Finishes what the cleanup in the background has not come to yet: for whoever wants a name, a port, an image, a volume or
 * a network that these containers still held a moment ago. @returns whether one of them has let go: then it is worth to look again
 */
export async function finishEnded(engine: Parts, ids: readonly string[]): Promise<boolean> {
  let any = false
  for (const id of ids) {
    const row = await engine.state.containers.get(id)
    const phase = row && trueRow(engine, row).phase
    if (phase === undefined || ((phase === 'exited' || phase === 'removing') && await finishContainer(engine, id))) any = true
  }
  return any
}

/** By name or id; one that has ended is finished first, so that one of --rm is not found. @throws notFound, invalid (ambiguous) */
export async function findLasting(engine: Parts, nameOrId: string): Promise<ContainerRow> {
  const row = await findContainer(engine, nameOrId)
  const hasEnded = row.phase === 'exited' || row.phase === 'removing'
  return hasEnded && await finishContainer(engine, row.id) ? engine.state.containers.find(nameOrId) : row
}

/** The same of one container. */
export async function finishContainer(engine: Parts, id: string): Promise<boolean> {
  const seen = await engine.state.containers.get(id)
  if (!seen) return true
  const goes = seen.record.request.autoRemove && !wantsRestart(seen)
  if (seen.phase === 'exited' && seen.status.cleanedUp && !goes) return false
  try {
    await withContainerLock(engine, id, async () => {
      const container = await settleContainer(engine, id)
      if (container.phase === 'exited' && goes) await removeSettled(engine, container, { volumes: true })
    })
  } catch (error) {
    if (!isFailure(error, 'notFound')) throw error
  }
  return true
}
