import { Failure } from '../errors.ts'
import type { Descriptor } from '../image/descriptor.ts'
import { digestOf, hashFor, hexOf, isDigest, matchesDigest, type Digest } from '../image/digest.ts'
import { MAX_MANIFEST_BYTES } from '../image/manifest.ts'
import { ACCEPTED_MANIFESTS } from '../image/media-types.ts'
import { canonical, DEFAULT_TAG, type Reference } from '../image/reference.ts'
import type { Place } from './ask-endpoints.ts'
import { discardBody } from './body.ts'
import { replyFailure } from './registry-failure.ts'
import type { Resolved } from './registry.ts'
import type { RegistryRequest } from './session.ts'
import type { Reply } from './transport.ts'

export interface ManifestWanted {
  readonly reference: Reference
  readonly signal: AbortSignal | undefined
  readonly retries?: number | undefined
}

const ACCEPT = { accept: ACCEPTED_MANIFESTS.join(', ') }

const request = ({ endpoint: { path } }: Place, { reference, signal, retries }: ManifestWanted, method: 'GET' | 'HEAD', name: string): RegistryRequest =>
  ({ method, path: `${path}/manifests/${name}`, headers: ACCEPT, repository: path, what: canonical(reference), signal, retries })

const nameOf = ({ digest, tag }: Reference): string => digest ?? tag ?? DEFAULT_TAG

/** The manifest of a reference, verified: against its digest, or against the one that the registry says. */
export async function resolveAt(place: Place, wanted: ManifestWanted): Promise<Resolved> {
  const { reference } = wanted
  const what = canonical(reference)
  const reply = await place.session.read(request(place, wanted, 'GET', nameOf(reference)), MAX_MANIFEST_BYTES)
  if (reply.status !== 200) throw await replyFailure(reply, place.session.host, what)
  const { bytes } = reply
  if (!isJson(bytes)) throw new Failure('invalid', `${what}: what the registry ${place.session.host} answers is no manifest${bytes.length === 0 ? ', but empty' : ''}`)
  const mediaType = reply.headers['content-type'] ?? ''
  const digest = reference.digest ?? saidDigest(reply) ?? digestOf(await payloadOf(bytes, mediaType) ?? bytes)
  if (!(await matchesManifest(bytes, mediaType, digest))) throw differs(what, digest)
  return { reference, endpoint: place.endpoint, bytes, descriptor: { mediaType, digest, size: bytes.length } }
}

/** An empty answer, one that breaks off, the page of a portal: told as that before digests are compared or signatures looked for. */
function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString())
    return true
  } catch {
    return false
  }
}

function saidDigest({ headers }: Reply): Digest | undefined {
  const said = headers['docker-content-digest']
  return typeof said === 'string' && isDigest(said) ? said : undefined
}

/** The digest of a signed schema 1 manifest is that of its payload, without the signatures. */
async function matchesManifest(bytes: Uint8Array, mediaType: string, digest: Digest): Promise<boolean> {
  if (matchesDigest(bytes, digest)) return true
  const payload = await payloadOf(bytes, mediaType)
  return payload !== undefined && hashFor(digest).update(payload).digest('hex') === hexOf(digest)
}

async function payloadOf(bytes: Uint8Array, mediaType: string): Promise<Buffer | undefined> {
  if (!mediaType.includes('prettyjws') && !mediaType.includes('manifest.v1+') && !mediaType.startsWith('application/json')) return undefined
  return (await import('../image/schema1.ts')).schema1Payload(bytes)
}

const differs = (what: string, digest: string): Failure => new Failure('invalid', `${what}: the manifest that the registry sent does not have the digest ${digest}`)

/** What a name stands for now, by HEAD. */
export async function digestAt(place: Place, wanted: ManifestWanted): Promise<Descriptor> {
  const reply = await place.session.request(request(place, wanted, 'HEAD', nameOf(wanted.reference)))
  await discardBody(reply.body)
  const digest = saidDigest(reply)
  if (reply.status === 200 && digest !== undefined) {
    return { mediaType: reply.headers['content-type'] ?? '', digest, size: Number(reply.headers['content-length'] ?? 0) }
  }
  // Some registries answer HEAD without the digest, or not at all; GET also brings the reason of a failure.
  return (await resolveAt(place, wanted)).descriptor
}

/** A manifest of the same repository by its descriptor, verified. */
export async function childManifestAt(place: Place, { descriptor: { digest, size }, ...wanted }: ManifestWanted & { readonly descriptor: Descriptor }): Promise<Uint8Array> {
  const what = canonical(wanted.reference)
  const reply = await place.session.read(request(place, wanted, 'GET', digest), Math.min(MAX_MANIFEST_BYTES, size))
  if (reply.status !== 200) throw await replyFailure(reply, place.session.host, what)
  const { bytes } = reply
  if (bytes.length !== size || !matchesDigest(bytes, digest)) throw differs(what, digest)
  return bytes
}
