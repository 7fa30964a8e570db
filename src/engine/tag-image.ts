import { canonicalName, parseReference } from '../image/reference.ts'
import { Failure } from '../errors.ts'
import type { Engine } from './engine.ts'
import { findImage } from './find-image.ts'

/** Gives an image a further name; a name that another image has moves. A name without a registry becomes `localhost/name`. @throws notFound, invalid */
export async function tagImage(engine: Pick<Engine, 'state'>, text: string, name: string): Promise<void> {
  const image = await findImage(engine, text)
  await engine.state.images.tag({ id: image.id, name: givenName(name) })
}

/** The canonical name that a person gives an image. @throws invalid */
export function givenName(text: string): string {
  const first = text.split('/')[0]!
  const hasRegistry = text.includes('/') && (first.includes('.') || first.includes(':') || first === 'localhost')
  const reference = parseReference(hasRegistry ? text : `localhost/${text}`)
  if (reference.digest || /^sha256:/.test(text)) throw new Failure('invalid', `${text}: an image cannot be named by a digest`, { hint: 'use NAME:TAG' })
  return canonicalName(reference)
}
