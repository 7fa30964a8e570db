import { dirname } from 'node:path'
import { isFailure } from '../errors.ts'
import { removeTree } from '../fs/remove-tree.ts'
import { volumeDir } from './container-volumes.ts'
import type { Engine } from './engine.ts'

/** Removes those of the volumes that nobody uses (any more). Idempotent. The row goes first: a volume that shows is whole. */
export async function removeVolumes(engine: Pick<Engine, 'config' | 'paths' | 'state'>, names: readonly string[]): Promise<void> {
  for (const name of names) {
    try {
      await engine.state.volumes.remove(name)
    } catch (error) {
      if (isFailure(error, 'inUse')) continue
      throw error
    }
    removeTree(dirname(volumeDir(engine, name)))
  }
}
