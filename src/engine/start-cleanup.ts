import { startDetached } from '../process/start-detached.ts'
import { cleanupCommand } from './cleanup-command.ts'
import type { Engine } from './engine.ts'

/** No container's: the queue is drained and the state checkpointed. */
export const CHECKPOINT = 'checkpoint'

/** Starts the exit program on its own: after `delayMs` for the restart of `id`, or for the upkeep alone. Nobody waits for it. */
export async function startCleanup(engine: Pick<Engine, 'config' | 'paths'>, { id = CHECKPOINT, delayMs }: { id?: string; delayMs?: number } = {}): Promise<void> {
  const [program, ...args] = await cleanupCommand(engine, { id, ...(delayMs !== undefined ? { delayMs } : {}) })
  await startDetached(program!, args)
}
