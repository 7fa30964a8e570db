import { Failure } from '../errors.ts'
import type { Descriptor } from '../image/descriptor.ts'
import type { Digest } from '../image/digest.ts'
import { canonical, repositoryOf, type Reference } from '../image/reference.ts'
import { askEndpoints, type Candidate, type Place } from './ask-endpoints.ts'
import type { Endpoint } from './endpoint.ts'
import { expiring } from './expiring.ts'
import { proxies } from './proxy.ts'
import type { RegistriesConf } from './registries-conf.ts'
import type { Access, Registry, RegistryOptions, Resolved } from './registry.ts'
import { makeSessions, type Sessions } from './sessions.ts'
import { DEFAULT_TIMINGS, type Timings } from './timings.ts'
import { makeTransport } from './transport.ts'

/** A server that runs for months sees a changed registries.conf after this. */
const CONF_LIFETIME_MS = 5000

/** The open parts of one Registry. */
interface Parts {
  readonly options: RegistryOptions
  readonly timings: Timings
  readonly conf: () => Promise<RegistriesConf>
  readonly sessions: Sessions
  /** Where else what was resolved can be read, the place that it came from first. */
  readonly places: WeakMap<Resolved, readonly Candidate[]>
  /** Of a blob, how many of its places gave wrong bytes. */
  readonly distrusted: WeakMap<Resolved, Map<Digest, number>>
}

export function makeRegistry(options: RegistryOptions): Registry {
  const timings = { ...DEFAULT_TIMINGS, ...options.timings }
  const authorities = async () => options.authorities && (await import('./authorities.ts')).readAuthorities(options.authorities)
  const transport = makeTransport({ proxyFor: proxies(options.proxies ?? []), timings, authorities })
  const read = expiring<Promise<RegistriesConf>>(CONF_LIFETIME_MS)
  const conf = () => read('', async () => (await import('./registries-conf.ts')).readRegistriesConf(options.files))
  const parts: Parts = { options, timings, conf, sessions: makeSessions({ options, timings, transport, conf }), places: new WeakMap(), distrusted: new WeakMap() }
  return {
    candidates: async (text) => (await import('./routes.ts')).candidatesFor(text, await conf()),
    configured: conf,
    async admit(local) {
      const { checkPolicy, pathIdentity, readPolicy } = await import('./policy.ts')
      checkPolicy(await readPolicy(options.files.policies), pathIdentity(local))
    },
    async rememberAlias(name, chosen) {
      const { rememberAlias } = await import('./remember-alias.ts')
      await rememberAlias(options.files.aliasCache, { name, target: repositoryOf(chosen) })
    },
    resolve: (reference, { access = {}, signal } = {}) => resolve(parts, { reference, access, signal }),
    async digest(reference, { access = {}, signal } = {}) {
      const { digestAt } = await import('./fetch-manifest.ts')
      return askEndpoints(await resolvers(parts, { reference, access }), (place, retries) => digestAt(place, { reference, signal, retries }))
    },
    async manifest(resolved, descriptor, signal) {
      const { childManifestAt } = await import('./fetch-manifest.ts')
      return askEndpoints(placesOf(parts, resolved), (place, retries) => childManifestAt(place, { reference: resolved.reference, descriptor, signal, retries }))
    },
    async blob(resolved, descriptor, { offsetBytes, signal }) {
      const { openBlobFrom } = await import('./fetch-blob.ts')
      return openBlobFrom(placesOf(parts, resolved), { reference: resolved.reference, descriptor, offsetBytes, signal, idleMs: timings.idleMs, skip: parts.distrusted.get(resolved)?.get(descriptor.digest) ?? 0 })
    },
    distrust: (resolved, descriptor) => distrust(parts, resolved, descriptor),
    async blobSize(resolved, digest, signal) {
      const { blobSizeAt } = await import('./fetch-blob.ts')
      return askEndpoints(placesOf(parts, resolved), (place, retries) => blobSizeAt(place, { reference: resolved.reference, digest, signal, retries }))
    },
    async tags(reference, { access = {}, signal } = {}) {
      const { tagsAt } = await import('./fetch-tags.ts')
      return askEndpoints(await resolvers(parts, { reference, access }), (place, retries) => tagsAt(place, { reference, signal, retries }))
    },
    close: async () => transport.close(),
  }
}

interface Wanted { readonly reference: Reference; readonly access: Access }

async function endpointsOf({ options: { files }, conf }: Parts, reference: Reference): Promise<Endpoint[]> {
  const { findEndpoints } = await import('./find-endpoints.ts')
  return findEndpoints(reference, { conf: await conf(), hostsDirs: files.hostsDirs })
}

const candidate = ({ sessions }: Parts, { reference: { domain }, access }: Wanted, endpoint: Endpoint): Candidate =>
  ({ endpoint, open: () => sessions(endpoint, { access, domain }) })

async function resolvers(parts: Parts, wanted: Wanted): Promise<Candidate[]> {
  const { thatResolve } = await import('./find-endpoints.ts')
  const { reference } = wanted
  const endpoints = thatResolve(await endpointsOf(parts, reference), reference)
  if (endpoints.length === 0) throw new Failure('denied', `${canonical(reference)}: hosts.toml names no host that may resolve it`, { hint: 'give one of its hosts the capabilities pull and resolve' })
  return endpoints.map((endpoint) => candidate(parts, wanted, endpoint))
}

async function resolve(parts: Parts, wanted: Wanted & { signal: AbortSignal | undefined }): Promise<Resolved> {
  const { reference, signal } = wanted
  const { checkPolicy, readPolicy, registryIdentity } = await import('./policy.ts')
  checkPolicy(await readPolicy(parts.options.files.policies), registryIdentity(reference))
  const { resolveAt } = await import('./fetch-manifest.ts')
  return askEndpoints(await resolvers(parts, wanted), async (place, retries) => {
    const resolved = await resolveAt(place, { reference, signal, retries })
    parts.places.set(resolved, await furtherPlaces(parts, wanted, place))
    return resolved
  })
}

/**
 * With hosts.toml each host that may give content is asked in order. With registries.conf content comes from where the
 * manifest came from; a mirror may have a manifest without all that it names, then the registry is asked.
 */
async function furtherPlaces(parts: Parts, wanted: Wanted, { endpoint, session }: Place): Promise<Candidate[]> {
  const endpoints = await endpointsOf(parts, wanted.reference)
  const here: Candidate = { endpoint, open: async () => session }
  if (endpoint.server !== undefined) {
    const pulling = endpoints.filter(({ server }) => server?.pulls)
    return pulling.map((each) => candidate(parts, wanted, each))
  }
  return endpoint.mirror ? [here, candidate(parts, wanted, endpoints.at(-1)!)] : [here]
}

async function distrust(parts: Parts, resolved: Resolved, descriptor: Descriptor): Promise<boolean> {
  const { countSources } = await import('./fetch-blob.ts')
  const skips = parts.distrusted.get(resolved) ?? new Map<Digest, number>()
  const skip = (skips.get(descriptor.digest) ?? 0) + 1
  if (skip >= countSources(placesOf(parts, resolved), descriptor)) return false
  parts.distrusted.set(resolved, skips.set(descriptor.digest, skip))
  return true
}

function placesOf({ places }: Parts, resolved: Resolved): readonly Candidate[] {
  const found = places.get(resolved)
  if (found === undefined) throw new TypeError('resolved by another registry client')
  return found
}
