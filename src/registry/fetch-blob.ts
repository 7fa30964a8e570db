import { Failure } from '../errors.ts'
import type { Descriptor } from '../image/descriptor.ts'
import type { Digest } from '../image/digest.ts'
import { canonical, type Reference } from '../image/reference.ts'
import { log } from '../log.ts'
import { isDown, isPassing, MIRROR_RETRIES, noteDown, type Candidate, type Place } from './ask-endpoints.ts'
import { replyFailure } from './registry-failure.ts'

export interface BlobWanted {
  readonly reference: Reference
  readonly descriptor: Descriptor
  readonly offsetBytes: number
  readonly signal: AbortSignal | undefined
  readonly idleMs: number
  /** So many of the places gave wrong bytes and are left out. */
  readonly skip: number
}

/**
 * The blob from the first place that has it, then from its own addresses (foreign layers). A place that breaks off for good is
 * left for the next one, which goes on at the same byte.
 */
export async function openBlobFrom(candidates: readonly Candidate[], wanted: BlobWanted): Promise<AsyncIterable<Uint8Array>> {
  const sources = sourcesOf(candidates, wanted).slice(wanted.skip)
  const [only] = sources
  if (sources.length === 1) return only!.open(wanted.offsetBytes)
  return carryOn(await openNext(sources, wanted.offsetBytes), wanted.offsetBytes)
}

interface Source {
  readonly host: string
  readonly open: (offsetBytes: number) => Promise<AsyncIterable<Uint8Array>>
}

interface Opened {
  readonly stream: AsyncIterable<Uint8Array>
  readonly rest: readonly Source[]
}

/** How many places there are to get a blob from. */
export const countSources = (candidates: readonly Candidate[], { urls = [] }: Descriptor): number => candidates.length + urls.flatMap((url) => foreignUrl(url) ?? []).length

function foreignUrl(text: string): URL | undefined {
  const url = URL.parse(text)
  return url?.protocol === 'https:' || url?.protocol === 'http:' ? url : undefined
}

function sourcesOf(candidates: readonly Candidate[], wanted: BlobWanted): Source[] {
  const regular = candidates.map((candidate, index): Source => ({
    host: candidate.endpoint.host,
    open: async (offsetBytes) => openCandidate(candidate, { ...wanted, offsetBytes }, { isLast: index === candidates.length - 1 }),
  }))
  const registry = candidates.at(-1)!
  const foreign = (wanted.descriptor.urls ?? []).flatMap((text): Source[] => {
    const url = foreignUrl(text)
    return url === undefined ? [] : [{ host: url.host, open: async (offsetBytes) => openElsewhere(url, { ...wanted, offsetBytes }, await registry.open()) }]
  })
  return [...regular, ...foreign]
}

async function openCandidate({ endpoint, open }: Candidate, wanted: BlobWanted, { isLast }: { isLast: boolean }): Promise<AsyncIterable<Uint8Array>> {
  const session = await open()
  if (isLast) return openAt({ endpoint, session }, wanted, undefined)
  if (isDown(session)) throw new Failure('unavailable', `${endpoint.host} was not reached a moment ago`)
  try {
    return await openAt({ endpoint, session }, wanted, MIRROR_RETRIES)
  } catch (error) {
    if (isPassing(error)) noteDown(session, error)
    throw error
  }
}

async function openNext(sources: readonly Source[], offsetBytes: number): Promise<Opened> {
  for (const [index, source] of sources.entries()) {
    try {
      return { stream: await source.open(offsetBytes), rest: sources.slice(index + 1) }
    } catch (error) {
      if (index === sources.length - 1 || !isPassing(error)) throw error
      log.info(`${source.host}: ${error.message}`)
    }
  }
  throw new TypeError('there is no place to ask')
}

async function* carryOn(first: Opened, offsetBytes: number): AsyncGenerator<Uint8Array> {
  let opened = first
  let position = offsetBytes
  for (;;) {
    try {
      for await (const chunk of opened.stream) {
        position += chunk.length
        yield chunk
      }
      return
    } catch (error) {
      if (opened.rest.length === 0 || !isPassing(error)) throw error
      log.info(error.message)
      opened = await openNext(opened.rest, position)
    }
  }
}

async function openAt({ endpoint: { path }, session }: Place, { reference, descriptor, offsetBytes, signal, idleMs }: BlobWanted, retries: number | undefined): Promise<AsyncIterable<Uint8Array>> {
  const { openBlob } = await import('./blob-stream.ts')
  const what = canonical(reference)
  return openBlob({
    descriptor, offsetBytes, signal, what, host: session.host, backoff: session.backoff, idleMs,
    get: (headers) => session.request({ method: 'GET', path: `${path}/blobs/${descriptor.digest}`, headers, repository: path, what, signal, retries }),
  })
}

/** Foreign layers lie elsewhere; nothing that is ours goes there. */
async function openElsewhere(url: URL, { reference, descriptor, offsetBytes, signal, idleMs }: BlobWanted, session: Place['session']): Promise<AsyncIterable<Uint8Array>> {
  const { openBlob } = await import('./blob-stream.ts')
  const what = canonical(reference)
  const target = new URL(url)
  target.username = target.password = ''
  return openBlob({
    descriptor, offsetBytes, signal, what, host: url.host, backoff: session.backoff, idleMs,
    get: (headers) => session.requestElsewhere(target, { method: 'GET', headers, what, signal }),
  })
}

/** Size of a blob whose manifest doesn't say it. */
export async function blobSizeAt({ endpoint: { path }, session }: Place, { reference, digest, signal, retries }: { reference: Reference; digest: Digest; signal: AbortSignal | undefined; retries: number | undefined }): Promise<number> {
  const what = canonical(reference)
  // Storage behind a redirect may know no HEAD.
  for (const method of ['HEAD', 'GET'] as const) {
    const reply = await session.request({ method, path: `${path}/blobs/${digest}`, repository: path, what, signal, retries })
    const length = Number(reply.headers['content-length'] ?? NaN)
    if (reply.status === 200 && Number.isSafeInteger(length)) {
      reply.body.destroy()
      return length
    }
    if (method === 'GET' && reply.status !== 200) throw await replyFailure(reply, session.host, what)
    reply.body.destroy()
  }
  throw new Failure('unavailable', `${what}: the registry ${session.host} does not tell the size of blob ${digest}`)
}
