import { isFailure } from '../errors.ts'
import type { Engine } from './engine.ts'
import { unmakeVolume } from './make-volume.ts'

/** Removes those of the volumes that nobody uses (any more). Idempotent. */
export async function removeVolumes(engine: Pick<Engine, 'config' | 'paths' | 'state' | 'self'>, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await unmakeVolume(engine, name).catch((error: unknown) => {
      if (!isFailure(error, 'inUse')) throw error
    })
  }
}
