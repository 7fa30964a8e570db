import { Failure, isFailure } from '../errors.ts'
import type { Descriptor } from '../image/descriptor.ts'
import { digestOf, hashFor, hexOf, isDigest, matchesDigest, type Digest } from '../image/digest.ts'
import { MAX_MANIFEST_BYTES } from '../image/manifest.ts'
import { ACCEPTED_MANIFESTS } from '../image/media-types.ts'
import { canonical, DEFAULT_TAG, type Reference } from '../image/reference.ts'
import { log } from '../log.ts'
import { discardBody, readBody } from './body.ts'
import type { Credentials } from './credentials.ts'
import type { Endpoint } from './endpoint.ts'
import { proxies } from './proxy.ts'
import type { RegistriesConf } from './registries-conf.ts'
import { replyFailure } from './registry-failure.ts'
import type { Access, Registry, RegistryOptions, Resolved } from './registry.ts'
import type { Session } from './session.ts'
import { DEFAULT_TIMINGS, type Timings } from './timings.ts'
import { makeTransport, type Transport } from './transport.ts'

const DEFAULT_RETRIES = 3
const DEFAULT_DELAY_MS = 2000

/** The open parts of one Registry. */
interface Parts {
  readonly options: RegistryOptions
  readonly timings: Timings
  readonly transport: Transport
  readonly conf: () => Promise<RegistriesConf>
  readonly sessions: Map<string, Promise<Session>>
  /** The way back from what was resolved to the access it was resolved with. */
  readonly used: WeakMap<Resolved, { readonly session: Session; readonly access: Access }>
}

export function makeRegistry(options: RegistryOptions): Registry {
  const timings = { ...DEFAULT_TIMINGS, ...options.timings }
  let conf: Promise<RegistriesConf> | undefined
  const parts: Parts = {
    options, timings, sessions: new Map(), used: new WeakMap(),
    transport: makeTransport({ proxyFor: proxies(options.proxies ?? []), timings }),
    conf: () => (conf ??= import('./registries-conf.ts').then(({ readRegistriesConf }) => readRegistriesConf(options.files))),
  }
  return {
    candidates: async (text) => (await import('./routes.ts')).candidatesFor(text, await parts.conf()),
    resolve: (reference, { access = {}, signal } = {}) => fromRoutes(parts, { reference, access }, (endpoint, session) => resolveAt(parts, { reference, endpoint, session, access, signal })),
    digest: (reference, { access = {}, signal } = {}) => fromRoutes(parts, { reference, access }, (endpoint, session) => digestAt(parts, { reference, endpoint, session, access, signal })),
    manifest: (resolved, descriptor, signal) => childManifest({ resolved, session: sessionOf(parts, resolved), descriptor, signal }),
    blob: (resolved, descriptor, offset) => blobAt(parts, { resolved, descriptor, ...offset }),
    blobSize: (resolved, digest, signal) => blobSize(parts, { resolved, digest, signal }),
    tags: (reference, { access = {}, signal } = {}) => fromRoutes(parts, { reference, access }, (endpoint, session) => tagsAt({ reference, endpoint, session, access, signal })),
    close: async () => parts.transport.close(),
  }
}

interface Wanted { readonly reference: Reference; readonly access: Access }

/** Asks the mirrors and then the registry; its failure is the one that counts. */
async function fromRoutes<T>(parts: Parts, { reference, access }: Wanted, ask: (endpoint: Endpoint, session: Session) => Promise<T>): Promise<T> {
  const { routesFor } = await import('./routes.ts')
  for (const endpoint of routesFor(reference, await parts.conf())) {
    try {
      return await ask(endpoint, await sessionFor(parts, endpoint, access))
    } catch (error) {
      if (!endpoint.mirror || isFailure(error, 'cancelled') || !isFailure(error)) throw error
      log.info(`mirror ${endpoint.host}: ${error.message}`)
    }
  }
  throw new Error('no route, not even the registry itself')
}

function sessionFor(parts: Parts, { host, insecure }: Endpoint, access: Access): Promise<Session> {
  const key = JSON.stringify([host, insecure, access.creds, access.authFile, access.certDir, access.tlsVerify, access.retry, access.retryDelayMs])
  const known = parts.sessions.get(key) ?? openSession(parts, { host, insecure, access })
  parts.sessions.set(key, known)
  return known
}

async function openSession({ options, transport, timings }: Parts, { host, insecure, access }: { host: string; insecure: boolean; access: Access }): Promise<Session> {
  const { makeSession } = await import('./session.ts')
  const certificates = new Map<string, Promise<object>>()
  return makeSession({
    host, transport,
    insecure: access.tlsVerify === undefined ? insecure || undefined : !access.tlsVerify,
    credentials: (path) => credentialsFor(options, { host, path, access }),
    certificates: (name) => {
      const known = certificates.get(name) ?? certificatesFor(options, { host, name, access })
      certificates.set(name, known)
      return known
    },
    backoff: { retries: access.retry ?? DEFAULT_RETRIES, firstMs: access.retryDelayMs ?? DEFAULT_DELAY_MS, maxMs: timings.maxDelayMs },
  })
}

async function credentialsFor({ files, helperDirs = [], helperEnv = {} }: RegistryOptions, { host, path, access }: { host: string; path: string; access: Access }): Promise<Credentials | undefined> {
  const { findCredentials, parseCreds } = await import('./credentials.ts')
  if (access.creds !== undefined) return parseCreds(access.creds)
  const askHelper = async (helper: string, server: string) =>
    (await import('./credential-helper.ts')).credentialHelper({ dirs: helperDirs, env: helperEnv })(helper, server)
  return findCredentials({ host, path }, { files: access.authFile === undefined ? files.authFiles : [{ path: access.authFile, required: true }], askHelper })
}

/** --cert-dir is for the registry alone: another host that it redirects to gets what certs.d has for that one. */
async function certificatesFor({ files }: RegistryOptions, { host, name, access }: { host: string; name: string; access: Access }): Promise<object> {
  const { readCertificates } = await import('./certificates.ts')
  return access.certDir !== undefined && name === host
    ? readCertificates([access.certDir], { required: true })
    : readCertificates(files.certDirs.map((dir) => `${dir}/${name}`), { required: false })
}

const usedFor = ({ used }: Parts, resolved: Resolved): { session: Session; access: Access } => {
  const found = used.get(resolved)
  if (found === undefined) throw new TypeError('resolved by another registry client')
  return found
}

const sessionOf = (parts: Parts, resolved: Resolved): Session => usedFor(parts, resolved).session

interface At { readonly reference: Reference; readonly endpoint: Endpoint; readonly session: Session; readonly access: Access; readonly signal: AbortSignal | undefined }

const ACCEPT = { accept: ACCEPTED_MANIFESTS.join(', ') }

const manifestPath = (path: string, { digest, tag }: Pick<Reference, 'digest' | 'tag'>): string =>
  `/v2/${path}/manifests/${digest ?? tag ?? DEFAULT_TAG}`

async function resolveAt(parts: Parts, { reference, endpoint, session, access, signal }: At): Promise<Resolved> {
  const what = canonical(reference)
  const reply = await session.request({ method: 'GET', path: manifestPath(endpoint.path, reference), headers: ACCEPT, repository: endpoint.path, what, signal })
  if (reply.status !== 200) throw await replyFailure(reply, session.host, what)
  const bytes = await readBody(reply.body, MAX_MANIFEST_BYTES)
  const said = reply.headers['docker-content-digest']
  const digest = reference.digest ?? (typeof said === 'string' && isDigest(said) ? said : digestOf(bytes))
  const mediaType = reply.headers['content-type'] ?? ''
  const resolved: Resolved = { reference, endpoint, bytes, descriptor: { mediaType, digest, size: bytes.length } }
  if (!(await matchesManifest(bytes, mediaType, digest))) throw differs(what, digest)
  parts.used.set(resolved, { session, access })
  return resolved
}

/** The digest of a signed schema 1 manifest is that of its payload, without the signatures. */
async function matchesManifest(bytes: Uint8Array, mediaType: string, digest: Descriptor['digest']): Promise<boolean> {
  if (matchesDigest(bytes, digest)) return true
  if (!mediaType.includes('prettyjws') && !mediaType.includes('manifest.v1+') && mediaType !== 'application/json') return false
  const { schema1Payload } = await import('../image/schema1.ts')
  const payload = schema1Payload(bytes)
  return payload !== undefined && hashFor(digest).update(payload).digest('hex') === hexOf(digest)
}

const differs = (what: string, digest: string): Failure => new Failure('invalid', `${what}: the manifest that the registry sent does not have the digest ${digest}`)

async function digestAt(parts: Parts, at: At): Promise<Descriptor> {
  const { reference, endpoint, session, signal } = at
  const what = canonical(reference)
  const reply = await session.request({ method: 'HEAD', path: manifestPath(endpoint.path, reference), headers: ACCEPT, repository: endpoint.path, what, signal })
  await discardBody(reply.body)
  const said = reply.headers['docker-content-digest']
  if (reply.status === 200 && typeof said === 'string' && isDigest(said)) {
    return { mediaType: reply.headers['content-type'] ?? '', digest: said, size: Number(reply.headers['content-length'] ?? 0) }
  }
  // Some registries answer HEAD without the digest, or not at all; GET also brings the reason of a failure.
  return (await resolveAt(parts, at)).descriptor
}

async function childManifest({ resolved, session, descriptor, signal }: { resolved: Resolved; session: Session; descriptor: Descriptor; signal: AbortSignal | undefined }): Promise<Uint8Array> {
  const { reference, endpoint } = resolved
  const what = canonical(reference)
  const { digest, size } = descriptor
  const reply = await session.request({ method: 'GET', path: manifestPath(endpoint.path, { digest }), headers: ACCEPT, repository: endpoint.path, what, signal })
  if (reply.status !== 200) throw await replyFailure(reply, session.host, what)
  const bytes = await readBody(reply.body, Math.min(MAX_MANIFEST_BYTES, size))
  if (bytes.length !== size || !matchesDigest(bytes, digest)) throw differs(what, digest)
  return bytes
}

interface BlobWanted { readonly resolved: Resolved; readonly descriptor: Descriptor; readonly offsetBytes: number; readonly signal?: AbortSignal }

async function blobAt(parts: Parts, wanted: BlobWanted): Promise<AsyncIterable<Uint8Array>> {
  const { resolved: { endpoint, reference }, descriptor: { urls = [] } } = wanted
  const { session, access } = usedFor(parts, wanted.resolved)
  try {
    return await blobFrom(parts, wanted, { endpoint, session })
  } catch (error) {
    if (isFailure(error, 'notFound') && urls.length > 0) return foreignBlob(parts, wanted, { session, urls })
    if (!endpoint.mirror || !isFailure(error) || error.kind === 'cancelled') throw error
    // A mirror may have a manifest without all that it names.
    log.info(`mirror ${endpoint.host}: ${error.message}`)
    const { routesFor } = await import('./routes.ts')
    const registry = routesFor(reference, await parts.conf()).at(-1)!
    return blobFrom(parts, wanted, { endpoint: registry, session: await sessionFor(parts, registry, access) })
  }
}

async function blobFrom({ timings }: Parts, { resolved, descriptor, offsetBytes, signal }: BlobWanted, { endpoint: { path }, session }: { endpoint: Endpoint; session: Session }): Promise<AsyncIterable<Uint8Array>> {
  const { openBlob } = await import('./blob-stream.ts')
  const what = canonical(resolved.reference)
  return openBlob({
    descriptor, offsetBytes, signal, what, host: session.host, backoff: session.backoff, idleMs: timings.idleMs,
    get: (headers) => session.request({ method: 'GET', path: `/v2/${path}/blobs/${descriptor.digest}`, headers, repository: path, what, signal }),
  })
}

/** Foreign layers lie elsewhere; nothing that is ours goes there. */
async function foreignBlob({ timings }: Parts, { resolved, descriptor, offsetBytes, signal }: BlobWanted, { session, urls }: { session: Session; urls: readonly string[] }): Promise<AsyncIterable<Uint8Array>> {
  const { openBlob } = await import('./blob-stream.ts')
  const what = canonical(resolved.reference)
  const url = urls.map((text) => URL.parse(text)).find((parsed) => parsed?.protocol === 'https:' || parsed?.protocol === 'http:')
  if (!url) throw new Failure('notFound', `${what}: blob ${descriptor.digest} lies at no web address`)
  return openBlob({
    descriptor, offsetBytes, signal, what, host: url.host, backoff: session.backoff, idleMs: timings.idleMs,
    get: (headers) => session.requestElsewhere(url, { method: 'GET', headers, what, signal }),
  })
}

async function blobSize(parts: Parts, { resolved, digest, signal }: { resolved: Resolved; digest: Digest; signal: AbortSignal | undefined }): Promise<number> {
  const { reference, endpoint: { path } } = resolved
  const session = sessionOf(parts, resolved)
  const what = canonical(reference)
  // Storage behind a redirect may know no HEAD.
  for (const method of ['HEAD', 'GET'] as const) {
    const reply = await session.request({ method, path: `/v2/${path}/blobs/${digest}`, repository: path, what, signal })
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

const MAX_TAGS_BYTES = 4 * 1024 * 1024
const MAX_TAG_PAGES = 1000

async function tagsAt({ reference, endpoint, session, signal }: At): Promise<string[]> {
  const { parseTags, nextPage } = await import('./tag-list.ts')
  const what = `${reference.domain}/${reference.path}`
  const tags: string[] = []
  let path: string | undefined = `/v2/${endpoint.path}/tags/list?n=1000`
  for (let page = 0; path !== undefined && page < MAX_TAG_PAGES; page++) {
    const reply = await session.request({ method: 'GET', path, repository: endpoint.path, what, signal })
    if (reply.status !== 200) throw await replyFailure(reply, session.host, what)
    tags.push(...parseTags(await readBody(reply.body, MAX_TAGS_BYTES), what))
    path = nextPage(reply.headers.link, reply.url)
  }
  return tags
}
