// From what a user typed to an image in the store.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, isFailure, type ErrorKind } from '../errors.ts'
import type { Platform } from '../image/descriptor.ts'
import { hostPlatform, normalisePlatform, parsePlatform } from '../image/platform.ts'
import { canonical, canonicalName, digestName, repositoryOf, type Reference } from '../image/reference.ts'
import type { Access, Candidates, Registry } from '../registry/registry.ts'
import type { ImageRecord } from '../state/images.ts'
import type { Engine } from './engine.ts'
import { DOCKER_TRANSPORT, lookUpImage, nameMeant } from './find-image.ts'
import { registrySource } from './image-source.ts'
import { layoutName } from './layout-name.ts'
import type { PullEvent } from './pull-events.ts'
import { storeImage } from './store-image.ts'

export type PullPolicy = 'always' | 'missing' | 'never' | 'newer'

export interface PullImage {
  /** A reference as typed, with or without `docker://`; `oci:DIRECTORY[:NAME]`; or an archive (pull-archive.ts). */
  readonly reference: string
  readonly policy: PullPolicy
  /** `os/arch[/variant]`; absent: this machine's. */
  readonly platform?: string
  readonly access?: Access
  readonly signal?: AbortSignal
  readonly onProgress?: (event: PullEvent) => void
  /** Asks a person which of several images a short name means; absent where nobody can be asked. @returns its index */
  readonly choose?: (name: string, images: readonly string[]) => Promise<number>
}

type Parts = Pick<Engine, 'config' | 'paths' | 'state' | 'self' | 'storage' | 'registry'>

const OCI_TRANSPORT = /^oci:/
const ARCHIVE_TRANSPORT = /^(docker-archive|oci-archive|dir):(.*)$/s
const OTHER_TRANSPORT = /^(docker-daemon|containers-storage|sif|ostree|atomic|tarball):/

/**
 * The image, pulled where the policy asks for it. Idempotent; killed at any byte, the next pull goes on from there.
 * @throws notFound, denied, unavailable, invalid, unsupported, cancelled
 */
export async function pullImage(engine: Parts, request: PullImage): Promise<ImageRecord> {
  const typed = request.reference.replace(DOCKER_TRANSPORT, '')
  const other = OTHER_TRANSPORT.exec(typed)
  if (other && !(request.policy !== 'always' && await isHere(engine, typed))) throw new Failure('unsupported', `images cannot be pulled from "${other[1]}:"`, { hint: 'pull from a registry (docker://), an OCI layout (oci:) or an archive (docker-archive:, oci-archive:, dir:)' })
  const [, transport, place] = ARCHIVE_TRANSPORT.exec(typed) ?? []
  if (transport !== undefined) return (await import('./pull-archive.ts')).pullArchive(engine, request, { transport, place: place! })
  if (OCI_TRANSPORT.test(typed)) return pullLayout(engine, request, typed.slice('oci:'.length))
  const platform = request.platform === undefined ? undefined : parsePlatform(request.platform, hostPlatform())
  const known = await lookUpImage(engine, typed)
  const text = (known && localName(typed, known)) ?? typed
  const here = request.policy === 'always' ? undefined : fits(known, platform)
  if (here && request.policy !== 'newer') return here
  if (request.policy === 'never') throw new Failure('notFound', `${text}: image not known, and the pull policy is never`, { hint: `pull it first: scow pull ${text}` })
  const registry = await engine.registry()
  const { references, short, undecided } = await registry.candidates(text)
  if (here && (await isCurrent({ registry, references, request, here }))) return here
  if (undecided) return pullChosen(engine, { registry, text, references, undecided, request, platform })
  return firstOf({ text, references, short }, (reference) => pullReference(engine, { registry, reference, request, platform }))
}

/** `atomic:1` may be the name of an image that was made here. */
const isHere = async (engine: Parts, typed: string): Promise<boolean> => /^\w+:[\w.-]+$/.test(typed) && await lookUpImage(engine, typed) !== undefined

/** A short name that stands for an image of this machine is never looked for in registries, where it is a stranger's. */
const localName = (typed: string, known: ImageRecord): string | undefined => {
  const name = nameMeant(typed, known)
  return name?.startsWith('localhost/') ? name : undefined
}

interface Undecided extends Pick<PullReference, 'registry' | 'request' | 'platform'> {
  readonly text: string
  readonly references: readonly Reference[]
  readonly undecided: NonNullable<Candidates['undecided']>
}

/** A short name that may be in several registries: what a person chooses is kept as an alias once it was pulled. */
async function pullChosen(engine: Parts, { registry, text, references, undecided: { name, mustAsk }, request, platform }: Undecided): Promise<ImageRecord> {
  const names = references.map(canonical)
  if (request.choose) {
    const reference = references[await request.choose(text, names)]!
    const image = await pullReference(engine, { registry, reference, request, platform })
    await registry.rememberAlias(name, reference)
    return image
  }
  if (mustAsk) {
    throw new Failure('invalid', `the short name "${text}" may be in ${references.length} registries, and short-name-mode is enforcing`, {
      hint: `write the registry too: ${names.slice(0, 5).join(' or ')}`,
    })
  }
  return firstOf({ text, references, short: true }, (reference) => pullReference(engine, { registry, reference, request, platform }))
}

/** Every tag of a repository, in the order the registry lists them. */
export async function pullAllTags(engine: Parts, request: PullImage): Promise<ImageRecord[]> {
  const registry = await engine.registry()
  const text = request.reference.replace(DOCKER_TRANSPORT, '')
  const { references, short } = await registry.candidates(text)
  return firstOf({ text, references, short }, async ({ domain, path }) => {
    const repository = `${domain}/${path}`
    const tags = await registry.tags({ domain, path }, asking(request))
    if (tags.length === 0) throw new Failure('notFound', `${repository} has no tags`)
    const pulled: ImageRecord[] = []
    for (const tag of tags) pulled.push(await pullImage(engine, { ...request, reference: `${repository}:${tag}` }))
    return pulled
  })
}

const asking = ({ access, signal }: PullImage) => ({ ...(access && { access }), ...(signal && { signal }) })

/** Another platform's image is no answer to a request that names one. */
function fits(image: ImageRecord | undefined, wanted: Platform | undefined): ImageRecord | undefined {
  if (image === undefined || wanted === undefined) return image
  const is = normalisePlatform(image.config as Platform)
  return is.os === wanted.os && is.architecture === wanted.architecture && (wanted.variant === undefined || is.variant === wanted.variant) ? image : undefined
}

interface Current { readonly registry: Registry; readonly references: readonly Reference[]; readonly request: PullImage; readonly here: ImageRecord }

/** An image that is here is current, too, when no registry can be asked. */
async function isCurrent({ registry, references, request, here }: Current): Promise<boolean> {
  for (const reference of references) {
    if (!here.names.includes(canonicalName(reference)) && reference.digest === undefined && references.length > 1) continue
    try {
      const { digest } = await registry.digest(reference, asking(request))
      return [here.digest, here.indexDigest].includes(digest) || here.digests.some((known) => known.endsWith(`@${digest}`))
    } catch (error) {
      if (!isFailure(error) || isFailure(error, 'cancelled')) throw error
    }
  }
  return true
}

/** Failures after which another registry may still have a short name. */
const GO_ON: ReadonlySet<ErrorKind> = new Set(['notFound', 'denied', 'unavailable'])

async function firstOf<T>({ text, references, short }: { text: string; references: readonly Reference[]; short: boolean }, attempt: (reference: Reference) => Promise<T>): Promise<T> {
  const failures: Failure[] = []
  for (const reference of references) {
    try {
      return await attempt(reference)
    } catch (error) {
      if (!isFailure(error) || !GO_ON.has(error.kind) || references.length === 1) throw error
      failures.push(error)
    }
  }
  const [first] = failures
  throw new Failure(first!.kind, `${text}: none of ${references.length} registries gives it: ${failures.map(({ message }) => message).join('; ')}`, {
    cause: first, ...(short && { hint: 'write the name with its registry' }),
  })
}

interface PullReference { readonly registry: Registry; readonly reference: Reference; readonly request: PullImage; readonly platform: Platform | undefined }

function pullReference(engine: Parts, { registry, reference, request, platform }: PullReference): Promise<ImageRecord> {
  const { signal, onProgress } = request
  const access = { ...configuredRetry(engine), ...request.access }
  onProgress?.({ kind: 'source', reference: canonical(reference) })
  return storeImage(engine, {
    source: registrySource(registry, reference, access),
    // A tag beside a digest says nothing.
    ...(reference.digest === undefined ? { names: [canonicalName(reference)] } : { names: [], digestNames: [digestName(reference, reference.digest)] }),
    repository: repositoryOf(reference),
    ...(platform && { platform }), ...(signal && { signal }), ...(onProgress && { onProgress }),
  })
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 }

/** retry and retry_delay of containers.conf; a delay such as `5s`. */
function configuredRetry({ config: { engine: { retry, retryDelay } } }: Pick<Engine, 'config'>): Access {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(retryDelay) ?? []
  return { usualRetry: retry, ...(number !== undefined && { retryDelayMs: Number(number) * UNITS_MS[unit!]! }) }
}

async function pullLayout(engine: Parts, { platform, signal, onProgress }: PullImage, text: string): Promise<ImageRecord> {
  const [{ ociLayoutSource }, { admitLocal }] = await Promise.all([import('./oci-layout-source.ts'), import('./admit-local.ts')])
  const [dir, tag] = layoutPlace(text)
  await admitLocal(engine, { transport: 'oci', path: dir, image: tag })
  const source = ociLayoutSource(dir, tag)
  onProgress?.({ kind: 'source', reference: source.what })
  return storeImage(engine, {
    source, names: [layoutName(dir, tag)],
    ...(platform !== undefined && { platform: parsePlatform(platform, hostPlatform()) }), ...(signal && { signal }), ...(onProgress && { onProgress }),
  })
}

/** `DIRECTORY[:NAME]`, where the name may have colons and slashes: a directory that is there wins over the shortest. */
function layoutPlace(text: string): [dir: string, tag?: string] {
  const colon = text.indexOf(':')
  return colon <= 0 || existsSync(join(text, 'index.json')) ? [text] : [text.slice(0, colon), text.slice(colon + 1)]
}
