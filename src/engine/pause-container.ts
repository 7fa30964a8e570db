import { Failure } from '../errors.ts'
import { withContainerLock } from './container-lock.ts'
import type { Engine } from './engine.ts'
import { findContainer } from './find-container.ts'

type Parts = Pick<Engine, 'paths' | 'self' | 'state' | 'runtime'>

/** Freezes every process of a running container. @throws wrongState */
export const pauseContainer = (engine: Parts, id: string): Promise<void> => change(engine, id, { from: 'running', to: 'paused', event: 'pause' })

/** @throws wrongState when it isn't paused */
export const unpauseContainer = (engine: Parts, id: string): Promise<void> => change(engine, id, { from: 'paused', to: 'running', event: 'unpause' })

async function change(engine: Parts, id: string, { from, to, event }: { from: 'running' | 'paused'; to: 'running' | 'paused'; event: string }): Promise<void> {
  await withContainerLock(engine, id, async () => {
    const container = await findContainer(engine, id)
    if (container.phase !== from) throw new Failure('wrongState', `cannot ${event} container ${container.name}: it is ${container.phase}, not ${from}`)
    const runtime = await engine.runtime(container.record.runtime.path)
    await (to === 'paused' ? runtime.pause(id) : runtime.resume(id))
    await engine.state.containers.change({ id, phase: to, event })
  })
}
