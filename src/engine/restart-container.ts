import type { Engine } from './engine.ts'
import { startContainer } from './start-container.ts'
import { stopContainer } from './stop-container.ts'

/** Stops it when it runs, and starts it. */
export async function restartContainer(engine: Engine, id: string, { timeoutSeconds }: { timeoutSeconds?: number } = {}): Promise<void> {
  const { id: found } = await engine.state.containers.find(id)
  await stopContainer(engine, found, timeoutSeconds !== undefined ? { timeoutSeconds } : {})
  await startContainer(engine, found)
}
