import { Failure, isFailure } from '../errors.ts'
import type { Container } from '../state/containers.ts'
import type { Engine } from './engine.ts'
import { viewPod } from './find-pod.ts'
import { startContainer } from './start-container.ts'

/** What runtimes report for a process that never was. */
const START_ERROR = 128

/** As `startContainer`, without an exit program: a server watches. One that cannot be started has ended, with the reason. */
export async function startPodContainer(engine: Engine, id: string, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
  try {
    await startContainer(engine, id, { exitProgram: false, admit: (container) => needFirst(engine, container), ...(signal ? { signal } : {}) })
  } catch (error) {
    if (!isFailure(error, 'wrongState')) await noteFailure(engine, id, error instanceof Error ? error.message : String(error))
    throw error
  }
}

/** Kubernetes starts none twice: a restart is another container. A pod that is being stopped ends those alone that run, or that it sees start. */
async function needFirst(engine: Engine, { name, phase, podId }: Container): Promise<void> {
  if (phase !== 'created') throw new Failure('wrongState', `container ${name} has been started before: it is ${phase}`)
  const pod = podId === undefined ? undefined : await viewPod(engine, podId)
  if (!pod?.ready) throw new Failure('wrongState', `the pod of container ${name} is not ready`)
}

async function noteFailure(engine: Engine, id: string, error: string): Promise<void> {
  const container = await engine.state.containers.get(id)
  if (container?.phase !== 'created') return
  await engine.state.containers.change({ id, phase: 'exited', status: { exitCode: START_ERROR, error, startedAtMs: Date.now(), finishedAtMs: Date.now(), cleanedUp: true }, event: 'died', attributes: { containerExitCode: String(START_ERROR) } })
}
