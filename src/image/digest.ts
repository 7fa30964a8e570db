// Content digests, `algorithm:hex` (OCI image spec, descriptor.md). Every byte of an image is named by one.
import type { Hash } from 'node:crypto'
import { Failure } from '../errors.ts'

export type Digest = string & { readonly __brand: 'Digest' }

/** Hex digits of each algorithm that is understood. */
const LENGTHS: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 }

/** Loaded when something is hashed: whoever only reads names needn't pay for it. */
const createHash = (algorithm: string): Hash => process.getBuiltinModule('node:crypto').createHash(algorithm)

const HEX = /^[0-9a-f]+$/

export const isDigest = (text: string): text is Digest => {
  const colon = text.indexOf(':')
  const hex = text.slice(colon + 1)
  return colon > 0 && hex.length === LENGTHS[text.slice(0, colon)] && HEX.test(hex)
}

/** Fails with `invalid` on anything but a known algorithm with its number of lower-case hex digits. */
export const parseDigest = (text: string): Digest => {
  if (isDigest(text)) return text
  const shown = text.length > 150 ? `${text.slice(0, 150)}...` : text
  throw new Failure('invalid', `"${shown}" is not a digest`, { hint: 'a digest is sha256: and 64 lower-case hex digits' })
}

export const algorithmOf = (digest: Digest): string => digest.slice(0, digest.indexOf(':'))

export const hexOf = (digest: Digest): string => digest.slice(digest.indexOf(':') + 1)

/** Brands the 64 hex digits of a finished sha256. */
export const sha256Digest = (hex: string): Digest => parseDigest(`sha256:${hex}`)

export const digestOf = (content: Uint8Array | string): Digest => sha256Digest(createHash('sha256').update(content).digest('hex'))

/** A running hash of the algorithm that `digest` names. */
export const hashFor = (digest: Digest): Hash => createHash(algorithmOf(digest))

export const matchesDigest = (content: Uint8Array | string, digest: Digest): boolean =>
  hashFor(digest).update(content).digest('hex') === hexOf(digest)
