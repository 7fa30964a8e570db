import { isFailure } from '../errors.ts'
import type { Engine } from './engine.ts'
import { startContainer } from './start-container.ts'

/** What runtimes report for a process that never was. */
const START_ERROR = 128

/** As `startContainer`, without an exit program: a server watches. One that cannot be started has ended, with the reason. */
export async function startPodContainer(engine: Engine, id: string, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
  try {
    await startContainer(engine, id, { exitProgram: false, once: true, ...(signal ? { signal } : {}) })
  } catch (error) {
    if (!isFailure(error, 'wrongState')) await noteFailure(engine, id, error instanceof Error ? error.message : String(error))
    throw error
  }
}

async function noteFailure(engine: Engine, id: string, error: string): Promise<void> {
  const container = await engine.state.containers.get(id)
  if (container?.phase !== 'created') return
  await engine.state.containers.change({ id, phase: 'exited', status: { exitCode: START_ERROR, error, startedAtMs: Date.now(), finishedAtMs: Date.now(), cleanedUp: true }, event: 'died', attributes: { containerExitCode: String(START_ERROR) } })
}
