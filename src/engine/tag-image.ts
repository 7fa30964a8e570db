import { canonicalName, parseReference } from '../image/reference.ts'
import { Failure } from '../errors.ts'
import type { Engine } from './engine.ts'
import { findImage } from './find-image.ts'

/** Gives an image a further name; a name that another image has moves. A name without a registry becomes `localhost/name`. @throws notFound, invalid */
export async function tagImage(engine: Pick<Engine, 'state'>, text: string, name: string): Promise<void> {
  const image = await findImage(engine, text)
  const first = name.split('/')[0]!
  const hasRegistry = name.includes('/') && (first.includes('.') || first.includes(':') || first === 'localhost')
  const reference = parseReference(hasRegistry ? name : `localhost/${name}`)
  if (reference.digest) throw new Failure('invalid', `${name}: an image cannot be named by a digest`, { hint: 'use NAME:TAG' })
  await engine.state.images.tag({ id: image.id, name: canonicalName(reference) })
}
