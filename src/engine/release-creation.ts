import type { Engine } from './engine.ts'
import { removeVolumes } from './remove-volumes.ts'

type Parts = Pick<Engine, 'config' | 'paths' | 'state' | 'self' | 'storage'>

/** Takes away a creation that failed or was killed before its record existed. Idempotent. */
export async function releaseCreation(engine: Parts, { id, intentId, anonymous }: { id: string; intentId: number; anonymous: readonly string[] }): Promise<void> {
  const storage = await engine.storage()
  await storage.containers.remove(id)
  const { dir, run } = engine.paths.container(id)
  for (const path of [dir, run]) await storage.trees.remove(path)
  await removeVolumes(engine, anonymous)
  await engine.state.containers.remove({ id, intentId })
}
