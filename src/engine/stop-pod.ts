import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { isFailure } from '../errors.ts'
import { log } from '../log.ts'
import { withContainerLock } from './container-lock.ts'
import type { Engine } from './engine.ts'
import { INFRA_LABEL } from './pod-infra.ts'
import { recoverDead } from './recover.ts'
import { releasePodRun } from './release-pod.ts'
import { removeContainer } from './remove-container.ts'
import { stopContainer } from './stop-container.ts'

/**
 * Ends every container of the pod and gives back its network and namespaces; the containers stay, ended. Idempotent, and
 * fine for a pod that is gone or whose namespaces went with the machine. A network plugin that fails is a Failure, and the
 * next stop asks it again: its daemon may be about to start, and an address that nobody frees is lost.
 * @param timeoutSeconds between stop signal and SIGKILL; default 0
 */
export async function stopPod(engine: Engine, id: string, { timeoutSeconds = 0 }: { timeoutSeconds?: number } = {}): Promise<void> {
  await recoverDead(engine)
  await withContainerLock(engine, id, async () => {
    const pod = await engine.state.pods.get(id)
    if (!pod) forgetLock(engine, id)
    if (!pod || pod.status.released) return
    // Killed from here on, the next start of a server finishes it.
    if (pod.phase === 'ready') await engine.state.pods.change({ id, phase: 'stopped' }, { durable: false })
    const containers = await engine.state.containers.ofPod(id)
    const [infra, workloads] = [containers.filter(isInfra), containers.filter((container) => !isInfra(container))]
    await Promise.all(workloads.map((container) => unlessGone(stopContainer(engine, container.id, { timeoutSeconds }))))
    for (const { id: infraId } of infra) await unlessGone(removeContainer(engine, infraId, { force: true, stopTimeoutSeconds: 0 }))
    await releasePodRun(engine, id, { needNetwork: true })
    await engine.state.pods.change({ id, status: { released: true }, event: 'stop' })
  })
}

/** Stops it, removes its containers, and forgets it. Idempotent. */
export async function removePod(engine: Engine, id: string): Promise<void> {
  await stopPod(engine, id)
  await withContainerLock(engine, id, async () => {
    if (!await engine.state.pods.change({ id, phase: 'removing' })) return
    for (const container of await engine.state.containers.ofPod(id)) await unlessGone(removeContainer(engine, container.id, { force: true, volumes: true, stopTimeoutSeconds: 0 }))
    await engine.state.pods.remove({ id })
  })
  forgetLock(engine, id)
}

/** Ids are never used again. */
const forgetLock = ({ paths }: Pick<Engine, 'paths'>, id: string): void => rmSync(join(paths.locks, id), { force: true })

/** Finishes what a killed process had begun: a stop, a removal. */
export async function finishPods(engine: Engine): Promise<void> {
  for (const { id, phase, status } of await engine.state.pods.list()) {
    if (phase === 'ready' || (phase === 'stopped' && status.released)) continue
    const finishing = phase === 'removing' ? removePod(engine, id) : stopPod(engine, id)
    await finishing.catch((error: unknown) => log.warn(`pod ${id.slice(0, 12)} is still half gone: ${error instanceof Error ? error.message : error}`))
  }
}

const isInfra = ({ summary }: { summary: { labels: Readonly<Record<string, string>> } }): boolean => INFRA_LABEL in summary.labels

async function unlessGone(act: Promise<unknown>): Promise<void> {
  await act.catch((error: unknown) => {
    if (!isFailure(error, 'notFound')) throw error
  })
}
