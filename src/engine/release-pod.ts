import { isFailure } from '../errors.ts'
import { log } from '../log.ts'
import type { Engine } from './engine.ts'
import { removeContainer } from './remove-container.ts'

type Parts = Pick<Engine, 'config' | 'paths' | 'state' | 'self' | 'storage' | 'runtime' | 'networks'>

/** Takes away a pod that failed or was killed while it was made, with its pause process. Idempotent. */
export async function releasePod(engine: Parts, id: string): Promise<void> {
  for (const container of await engine.state.containers.ofPod(id)) await removeContainer(engine, container.id, { force: true, volumes: true, stopTimeoutSeconds: 0 })
  await releasePodRun(engine, id, { needNetwork: false })
}

/**
 * Gives back network, ports, pins and files of the run root. Idempotent; works for a namespace that is gone, too.
 * @param needNetwork whether a network plugin that fails is a Failure, with all that is left kept for another try; false: it is warned of
 */
export async function releasePodRun(engine: Parts, id: string, { needNetwork }: { needNetwork: boolean }): Promise<void> {
  const networks = await engine.networks()
  try {
    await networks.detach({ containerId: id, netns: networks.netnsPath(id) })
  } catch (error) {
    if (needNetwork || !isFailure(error)) throw error
    log.warn(`network of pod ${id.slice(0, 12)} not released: ${error.message}`)
  }
  await networks.removeNetns(id)
  await engine.state.containers.releasePorts(id, { durable: false })
  const { run } = engine.paths.pod(id)
  const { trees } = await engine.storage()
  await trees.unmount(run)
  await trees.remove(run)
}
