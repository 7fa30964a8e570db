import { isFailure } from '../errors.ts'
import { killCgroup, thawCgroup } from '../process/cgroup-tree.ts'
import { killProcess } from '../process/identity.ts'
import type { Container } from '../state/containers.ts'
import { cgroupsPath, groupPath } from './cgroup-path.ts'
import type { Engine } from './engine.ts'

const SIGKILL = 9

/**
 * To the first process of a container that runs, or `all` that it has. A runtime that has lost its state of it is not needed:
 * the process is known by itself, and the others by their cgroup. @throws notFound when it is gone; wrongState
 */
export async function signalContainer(engine: Pick<Engine, 'runtime'>, container: Container, signal: number, { all = false }: { all?: boolean } = {}): Promise<void> {
  const runtime = await engine.runtime(container.record.runtime.path)
  await runtime.kill(container.id, signal, { all }).catch(async (error: unknown) => {
    if (!isFailure(error, 'notFound')) throw error
    const { process: init } = container.status
    const sent = init !== undefined && killProcess(init, signal)
    const group = groupPath(cgroupsPath(container))
    if (signal === SIGKILL && all) await killCgroup(group)
    else if (signal === SIGKILL) thawCgroup(group) // under cgroup v1 a frozen process does not even end
    if (!sent) throw error
  })
}

/** Lets a frozen container go on, likewise. Idempotent. */
export async function thawContainer(engine: Pick<Engine, 'runtime'>, container: Container): Promise<void> {
  const runtime = await engine.runtime(container.record.runtime.path)
  await runtime.resume(container.id).catch((error: unknown) => {
    if (isFailure(error, 'wrongState')) return
    if (!isFailure(error, 'notFound')) throw error
    thawCgroup(groupPath(cgroupsPath(container)))
  })
}
