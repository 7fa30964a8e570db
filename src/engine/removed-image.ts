import { isFailure } from '../errors.ts'
import type { Container } from '../state/containers.ts'
import type { Engine } from './engine.ts'

/** Runs the removal of a container; with --rmi the name of its image goes too, and the image if that was its last, unless somebody else uses it. */
export async function withHeldImage(engine: Engine, { record }: Container, remove: () => Promise<void>): Promise<void> {
  await remove()
  if (!record.request.removeImage || !record.image) return
  const { id, name } = record.image
  const { removeImage } = await import('./remove-image.ts')
  const { lookUpImage } = await import('./find-image.ts')
  // The name may be another image's by now.
  const isStillNamed = (await lookUpImage(engine, name))?.id === id
  await removeImage(engine, isStillNamed ? name : id, {}).catch((error: unknown) => {
    if (!isFailure(error)) throw error
  })
}
