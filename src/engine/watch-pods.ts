// A server's watch over its pods' containers: their monitors start no exit program.
import { watch } from 'node:fs'
import { log } from '../log.ts'
import { listExits } from '../monitor/exit.ts'
import { trimMemory } from '../process/trim-memory.ts'
import { cleanupContainer } from './cleanup-container.ts'
import type { Engine } from './engine.ts'
import { trueRow } from './find-container.ts'

const NET_MS = 2000
const UPKEEP_MS = 10_000

/** Records ends and gives runs back as they come, those of before it was called too, until `signal`. */
export function watchPodContainers(engine: Engine, signal: AbortSignal): void {
  let busy = false
  let again = false
  let thorough = true
  const look = async (): Promise<void> => {
    again = true
    if (busy) return
    busy = true
    try {
      while (again && !signal.aborted) {
        again = false
        const missing = thorough
        thorough = false
        await settleEnded(engine, { missing })
      }
    } catch (error) {
      log.error(`watching containers: ${error instanceof Error ? error.stack : error}`)
    } finally {
      busy = false
    }
  }
  const watcher = watch(engine.paths.exits, (_, name) => { if (name === null || !name.includes('.')) void look() })
  watcher.on('error', () => watcher.close())
  const net = setInterval(() => {
    thorough = true
    void look()
  }, NET_MS)
  const upkeep = setInterval(() => {
    void keepShort(engine)
    void trimMemory() // what threads that have ended leave, and code that the start alone needed
  }, UPKEEP_MS)
  signal.addEventListener('abort', () => {
    watcher.close()
    clearInterval(net)
    clearInterval(upkeep)
  }, { once: true })
  void look()
}

/** What the exit program does elsewhere. Somebody who reads just now makes it fail: the next time does it. */
async function keepShort({ state }: Engine): Promise<void> {
  if (!state.needsCheckpoint()) return
  try {
    await state.events.prune()
    await state.checkpoint()
  } catch (error) {
    log.warn(`the state's log was not folded in: ${error instanceof Error ? error.message : error}`)
  }
}

/**
 * An exit file tells of most ends; a container whose monitor was killed has none.
 * @param missing looks for those too, process by process
 */
async function settleEnded(engine: Engine, { missing }: { missing: boolean }): Promise<void> {
  const exits = new Set(listExits(engine.paths.exits))
  for (const row of await engine.state.containers.list()) {
    if (row.podId === undefined || (row.phase !== 'running' && row.phase !== 'paused')) continue
    if (!exits.has(row.id) && !(missing && trueRow(engine, row).phase === 'exited')) continue
    await cleanupContainer(engine, row.id)
  }
}
