import { isFailure } from '../errors.ts'
import type { Engine } from './engine.ts'
import { findContainer, needReachable } from './find-container.ts'
import { recordEvent } from './record-event.ts'
import { startContainer } from './start-container.ts'
import { stopContainer } from './stop-container.ts'

/** Stops it when it runs, and starts it. Where another starts it in between, that start is as good as ours. */
export async function restartContainer(engine: Engine, id: string, { timeoutSeconds }: { timeoutSeconds?: number } = {}): Promise<void> {
  const container = await findContainer(engine, id)
  needReachable(container)
  const { id: found, starts } = container
  await recordEvent(engine, container, { status: 'restart' }) // before the end and the start that it brings, as podman
  await stopContainer(engine, found, timeoutSeconds !== undefined ? { timeoutSeconds } : {})
  await startContainer(engine, found).catch(async (error: unknown) => {
    const now = isFailure(error, 'wrongState') ? await engine.state.containers.get(found) : undefined
    if (now?.phase !== 'running' || now.starts <= starts) throw error
  })
}
