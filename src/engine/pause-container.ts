import { Failure, isFailure } from '../errors.ts'
import type { Container } from '../state/containers.ts'
import { withContainerLock } from './container-lock.ts'
import type { Engine } from './engine.ts'
import { findContainer } from './find-container.ts'

type Parts = Pick<Engine, 'paths' | 'self' | 'state' | 'runtime'>

interface Change { readonly from: 'running' | 'paused'; readonly to: 'running' | 'paused'; readonly event: 'pause' | 'unpause' }

/** Freezes every process of a running container. @throws wrongState */
export const pauseContainer = (engine: Parts, id: string): Promise<void> => change(engine, id, { from: 'running', to: 'paused', event: 'pause' })

/** @throws wrongState when it isn't paused */
export const unpauseContainer = (engine: Parts, id: string): Promise<void> => change(engine, id, { from: 'paused', to: 'running', event: 'unpause' })

/** What is recorded may not be so: who was killed between the act and the record left it, or the runtime was called behind our back. */
async function change(engine: Parts, id: string, wanted: Change): Promise<void> {
  await withContainerLock(engine, id, async () => {
    const container = await findContainer(engine, id)
    await (container.phase === wanted.from ? unlessSo(engine, container, wanted) : ifUnrecorded(engine, container, wanted))
    await engine.state.containers.change({ id: container.id, phase: wanted.to, event: wanted.event })
  })
}

/** One that is so already only has to be recorded. */
async function unlessSo(engine: Parts, container: Container, wanted: Change): Promise<void> {
  await act(engine, container, wanted).catch(async (error: unknown) => {
    if (!isFailure(error, 'wrongState') || await truePhase(engine, container) !== wanted.to) throw error
  })
}

/** Recorded as it is wanted, but not so. */
async function ifUnrecorded(engine: Parts, container: Container, wanted: Change): Promise<void> {
  if (container.phase !== wanted.to || await truePhase(engine, container) !== wanted.from) {
    throw new Failure('wrongState', `cannot ${wanted.event} container ${container.name}: it is ${container.phase}, not ${wanted.from}`)
  }
  await act(engine, container, wanted)
}

async function act({ runtime: open }: Parts, { id, record }: Container, { to }: Change): Promise<void> {
  const runtime = await open(record.runtime.path)
  await (to === 'paused' ? runtime.pause(id) : runtime.resume(id))
}

const truePhase = async ({ runtime: open }: Parts, { id, record }: Container): Promise<string | undefined> =>
  (await (await open(record.runtime.path)).state(id))?.status
