import { Failure } from '../errors.ts'
import { signalName } from '../signals.ts'
import { findContainer, needReachable } from './find-container.ts'
import type { Engine } from './engine.ts'
import { signalContainer } from './signal-container.ts'

type Parts = Pick<Engine, 'paths' | 'self' | 'state' | 'runtime'>

const SIGKILL = 9

/** Sends `signal` to the container's first process. @throws wrongState when it doesn't run */
export async function killContainer(engine: Parts, id: string, signal: number): Promise<void> {
  const container = await findContainer(engine, id)
  if (container.phase !== 'running' && container.phase !== 'paused') {
    throw new Failure('wrongState', `can only kill running containers: ${container.name} is ${container.phase}`)
  }
  needReachable(container)
  const { restart } = container.record.request
  // What ends it is what its policy must not undo; other signals say something else to it.
  if (restart.name !== 'no' && (signal === SIGKILL || signal === container.record.stopSignal)) {
    await engine.state.containers.change({ id: container.id, status: { stoppedByUser: true } }, { durable: false })
  }
  await signalContainer(engine, container, signal)
  await engine.state.containers.change({ id: container.id, event: 'kill', attributes: { signal: signalName(signal) } }, { durable: false })
}
