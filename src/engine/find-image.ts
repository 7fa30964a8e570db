import { Failure } from '../errors.ts'
import { canonicalName, digestName, parseReference } from '../image/reference.ts'
import type { ImageRecord } from '../state/images.ts'
import type { Engine } from './engine.ts'

/**
 * The stored image a user means: by id (or a beginning of it), canonical name, `localhost/` name, digest, or a short
 * name that some stored name ends in.
 * @throws notFound
 */
export async function findImage(engine: Pick<Engine, 'state'>, text: string): Promise<ImageRecord> {
  const found = await lookUpImage(engine, text)
  if (!found) throw new Failure('notFound', `${text}: image not known`, { hint: `pull it first: scow pull ${text}` })
  return found
}

/** Like `findImage`, but undefined where there is none. @throws invalid for text that can name no image */
export async function lookUpImage(engine: Pick<Engine, 'state'>, given: string): Promise<ImageRecord | undefined> {
  const text = given.replace(DOCKER_TRANSPORT, '')
  if (LAYOUT.test(text)) return undefined // read anew each time: a directory may have changed
  const { images } = engine.state
  const id = text.replace(/^sha256:/, '')
  if (/^[0-9a-f]{64}$/.test(id)) return await images.get(id) ?? await byDigest(engine, `sha256:${id}`)
  const named = await byName(engine, text)
  if (named || !/^[0-9a-f]{1,63}$/.test(id)) return named
  const matches = await images.byIdPrefix(id)
  if (matches.length > 1) throw new Failure('invalid', `more than one image has an id that starts with ${id}`, { hint: 'give more digits' })
  return matches[0]
}

/** It may stand before any name. */
export const DOCKER_TRANSPORT = /^docker:\/\//
/** A transport and a path: not a name of the store. */
const LAYOUT = /^oci:(?:[./]|[^:]*\/)|^(?:docker-archive|oci-archive|dir):/

async function byName({ state }: Pick<Engine, 'state'>, text: string): Promise<ImageRecord | undefined> {
  const reference = parseReference(text)
  if (reference.digest) return byDigestName(state, digestName(reference, reference.digest))
  const canonical = canonicalName(reference)
  const exact = await state.images.byName(canonical)
  if (exact) return exact
  const short = withTag(text)
  const local = await state.images.byName(`localhost/${short}`)
  if (local) return local
  const [ending] = await state.images.namesEndingIn(short)
  return ending ? state.images.byName(ending) : undefined
}

/** By the name itself, by a manifest that it was found as there, or by a name of the same repository. */
async function byDigestName({ images }: Engine['state'], wanted: string): Promise<ImageRecord | undefined> {
  const named = await images.byName(wanted)
  if (named) return named
  const [repository, wantedDigest] = wanted.split('@') as [string, string]
  const all = await images.list()
  return all.find(({ digests }) => digests.includes(wanted))
    ?? all.find(({ digest, indexDigest, names }) => (digest === wantedDigest || indexDigest === wantedDigest) && names.some((name) => name.startsWith(`${repository}:`)))
}

const withTag = (text: string): string => (/:[^/]+$/.test(text) ? text : `${text}:latest`)

/** Tags and digests, as `rmi` and `untag` take them off. */
export const allNames = ({ names, digestNames }: Pick<ImageRecord, 'names' | 'digestNames'>): string[] => [...names, ...digestNames]

/** Which of an image's names the text means by which it was found; undefined: it was found by its id or a digest that is no name of it. */
export function nameMeant(text: string, { names, digestNames }: Pick<ImageRecord, 'names' | 'digestNames'>): string | undefined {
  const bare = text.replace(DOCKER_TRANSPORT, '')
  if (LAYOUT.test(bare) || /^(sha256:)?[0-9a-f]{64}$/.test(bare)) return undefined
  const reference = parseReference(bare)
  if (reference.digest) return digestNames.find((name) => name === digestName(reference, reference.digest!))
  const short = withTag(bare)
  return [canonicalName(reference), `localhost/${short}`].find((name) => names.includes(name)) ?? names.find((name) => name.endsWith(`/${short}`))
}

const byDigest = async ({ state }: Pick<Engine, 'state'>, digest: string): Promise<ImageRecord | undefined> =>
  (await state.images.list()).find((image) => image.digest === digest || image.indexDigest === digest || image.digests.some((name) => name.endsWith(`@${digest}`)))
