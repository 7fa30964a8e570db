import { isFailure } from '../errors.ts'
import type { Container } from '../state/containers.ts'
import type { Engine } from './engine.ts'

/** Runs the removal of a container; with --rmi its image goes too, unless somebody else uses it. */
export async function withHeldImage(engine: Engine, { record }: Container, remove: () => Promise<void>): Promise<void> {
  await remove()
  if (!record.request.removeImage || !record.image) return
  const { removeImage } = await import('./remove-image.ts')
  await removeImage(engine, record.image.id, {}).catch((error: unknown) => {
    if (!isFailure(error)) throw error
  })
}
