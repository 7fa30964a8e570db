import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive, isForeign } from '../process/identity.ts'
import type { Engine } from './engine.ts'
import { findExit } from './find-exit.ts'

type Parts = Pick<Engine, 'paths' | 'self' | 'state'>

/** A monitor that has written the exit file starts the exit program next, or a foreground command cleans up: so long nobody else does. */
const GRACE_MS = 10_000

/**
 * Queues, as the exit program would have, containers that have ended without anybody to say so: their monitor was killed, or
 * the exit program was. Looks at each that counts as running, so `run` doesn't wait for it. @returns whether there are any
 */
export async function queueUnwatched(engine: Parts): Promise<boolean> {
  let any = false
  for (const row of await engine.state.containers.running()) {
    const { monitor } = row.status
    if (monitor && !isForeign(monitor) && isAlive(monitor)) continue
    const exit = findExit(engine, row)
    if (!exit || (exit.error === undefined && Date.now() - exit.finishedAtMs < GRACE_MS)) continue
    writeFileSync(join(engine.paths.cleanupQueue, row.id), '', { mode: 0o600 })
    any = true
  }
  return any
}
