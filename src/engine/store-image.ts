// Brings one image from a source into the store and records it. Everything is verified on its way, each layer becomes
// visible when those below it are, and what is here already is not fetched: a killed pull goes on where it was.
import { statfs } from 'node:fs/promises'
import { Failure, isFailure } from '../errors.ts'
import { chainIds } from '../image/chain-id.ts'
import type { Descriptor, Platform } from '../image/descriptor.ts'
import { digestOf, hexOf, matchesDigest, type Digest } from '../image/digest.ts'
import { MAX_CONFIG_BYTES, parseImageConfig, requireLayers, type ImageConfig } from '../image/image-config.ts'
import { parseManifest, requireRunnable, type ImageManifest } from '../image/manifest.ts'
import { hostPlatform, platformText, runsOn, selectPlatform } from '../image/platform.ts'
import { log } from '../log.ts'
import type { ImageRecord } from '../state/images.ts'
import type { Layer, Storage } from '../storage/storage.ts'
import type { Engine } from './engine.ts'
import { withStoreLock } from './store-lock.ts'
import { fetchLayers, type WantedLayer } from './fetch-layers.ts'
import type { ImageSource } from './image-source.ts'
import type { PullEvent } from './pull-events.ts'

type Parts = Pick<Engine, 'config' | 'paths' | 'state' | 'self' | 'storage'>

export interface StoreImage {
  readonly source: ImageSource
  /** Absent: this machine's. */
  readonly platform?: Platform
  /** Canonical `domain/path:tag`. */
  readonly names: readonly string[]
  /** Canonical `domain/path@digest`. */
  readonly digestNames?: readonly string[]
  /** `domain/path`; the image is known by its digests there. */
  readonly repository?: string
  /** What is told of it; a pull unless named. */
  readonly event?: string
  readonly signal?: AbortSignal
  readonly onProgress?: (event: PullEvent) => void
}

/** A manifest and how it was come by. */
export interface Chosen {
  readonly descriptor: Descriptor
  readonly bytes: Uint8Array
  readonly index?: { readonly digest: Digest; readonly bytes: Uint8Array }
}

/** @throws notFound, denied, unavailable, invalid, unsupported, cancelled; whole layers that came stay */
export async function storeImage(engine: Parts, request: StoreImage): Promise<ImageRecord> {
  const { source, signal } = request
  const top = await source.resolve(signal)
  const manifest = parseManifest(top.bytes, top.descriptor.mediaType, source.what)
  if (manifest.kind === 'schema1') {
    const { storeSchema1 } = await import('./store-schema1.ts')
    return storeSchema1(engine, request, top)
  }
  const { chosen, image } = await chooseImage(request, top)
  requireRunnable(image, source.what)
  const storage = await engine.storage()
  const configBytes = await readConfig(storage, source, image.config, signal)
  const config = parseImageConfig(configBytes, source.what)
  requireLayers(config, image.layers.length, source.what)
  warnOfPlatform(config, request)
  request.onProgress?.({ kind: 'resolved', digest: chosen.descriptor.digest, layers: image.layers.map(({ digest, size }) => ({ digest, size })) })
  const chain = chainIds(config.rootfs.diff_ids)
  const wanted = image.layers.map((descriptor, index): WantedLayer => ({ descriptor, diffId: config.rootfs.diff_ids[index]!, chainId: chain[index]! }))
  return whileLeased(engine, { target: source.what, chain }, async () => {
    const layers = await fetchLayers({ storage, source, wanted, parallel: parallelOf(engine), check: (missing) => checkSpace(engine, missing, source.what), ...events(request) })
    return record(engine, { request, chosen, mediaType: image.mediaType, annotations: image.annotations, config, configBytes, layers, descriptors: image.layers })
  })
}

export const parallelOf = ({ config }: Pick<Engine, 'config'>): number => Math.max(1, config.engine.imageParallelCopies || 6)

export const events = ({ signal, onProgress }: StoreImage) => ({ ...(signal && { signal }), ...(onProgress && { onProgress }) })

const MAX_NESTED = 3

/** The image below what may be an index. @throws invalid, unsupported, notFound */
export async function chooseImage({ source, platform, signal }: StoreImage, top: Chosen): Promise<{ chosen: Chosen; image: ImageManifest }> {
  let chosen = top
  for (let depth = 0; depth <= MAX_NESTED; depth++) {
    const manifest = parseManifest(chosen.bytes, chosen.descriptor.mediaType, source.what)
    if (manifest.kind === 'image') return { chosen, image: manifest }
    if (manifest.kind === 'schema1') break
    const descriptor = selectPlatform(manifest.manifests, platform ?? hostPlatform(), source.what)
    chosen = { descriptor, bytes: await source.manifest(descriptor, signal), index: { digest: top.descriptor.digest, bytes: top.bytes } }
  }
  throw new Failure('unsupported', `${source.what}: its index does not lead to an image`)
}

async function readConfig(storage: Storage, source: ImageSource, descriptor: Descriptor, signal?: AbortSignal): Promise<Uint8Array> {
  const { digest, size } = descriptor
  if (size > MAX_CONFIG_BYTES) throw new Failure('invalid', `the configuration of ${source.what} has ${size} bytes, more than the ${MAX_CONFIG_BYTES} that are allowed`)
  if (await storage.blobs.has(digest)) {
    // A damaged one is fetched anew.
    const kept = await storage.blobs.read(digest, MAX_CONFIG_BYTES).catch((error: unknown) => { if (!isFailure(error)) throw error })
    if (kept) return kept
  }
  do {
    const chunks: Uint8Array[] = []
    for await (const chunk of await source.openBlob(descriptor, 0, signal)) chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    if (bytes.length === size && matchesDigest(bytes, digest)) return bytes
  } while (await source.distrust?.(descriptor))
  throw new Failure('invalid', `the configuration of ${source.what} does not have the digest ${digest}`)
}

function warnOfPlatform(config: ImageConfig, { source, platform }: StoreImage): void {
  const wanted = platform ?? hostPlatform()
  if (!runsOn(config, wanted)) log.warn(`${source.what} is for ${platformText(config)}, not for ${platformText(wanted)}`)
}

/** Unpacked layers take at least what their blobs take, whatever of the blobs is here already. */
export async function checkSpace({ paths }: Pick<Engine, 'paths'>, missing: readonly Descriptor[], what: string): Promise<void> {
  const neededBytes = missing.reduce((sum, { size }) => sum + size, 0)
  const { bavail, bsize } = await statfs(paths.root)
  if (neededBytes <= bavail * bsize) return
  const mib = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`
  throw new Failure('noSpace', `${what} needs more than ${mib(neededBytes)} in ${paths.root}, where ${mib(bavail * bsize)} are free`, {
    hint: 'free some space, for example with scow image prune, or choose another folder with --root',
  })
}

/** Keeps garbage from being collected until the image is recorded; waits for a collection that is under way. */
export async function whileLeased<T>({ state, self, paths }: Parts, { target, chain }: { target: string; chain: readonly Digest[] }, work: () => Promise<T>): Promise<T> {
  const intent = (await withStoreLock({ paths }, 'use', () => state.intents.open({ kind: 'pull', target, owner: self, data: { chainIds: chain } })))!
  try {
    return await work()
  } finally {
    await state.intents.close(intent)
  }
}

export interface NewRecord {
  readonly request: StoreImage
  readonly chosen: Chosen
  readonly mediaType: string
  readonly annotations: Readonly<Record<string, string>>
  readonly config: ImageConfig
  readonly configBytes: Uint8Array
  readonly layers: readonly Layer[]
  readonly descriptors: readonly Descriptor[]
}

/** Writes the documents, then the row that makes the image visible. */
export async function record(engine: Parts, made: NewRecord): Promise<ImageRecord> {
  const { request, chosen, config, layers } = made
  const { blobs } = await engine.storage()
  for (const bytes of [made.configBytes, chosen.bytes, ...(chosen.index ? [chosen.index.bytes] : [])]) {
    const digest = digestOf(bytes)
    if (!(await blobs.has(digest, bytes.length))) await blobs.put(bytes)
  }
  const now = new Date().toISOString()
  const known = [chosen.descriptor.digest, ...(chosen.index ? [chosen.index.digest] : [])]
  const stored = await engine.state.images.put({
    ...(request.event === undefined ? {} : { status: request.event }),
    record: {
      id: hexOf(digestOf(made.configBytes)),
      digest: digestOf(chosen.bytes),
      ...(chosen.index && { indexDigest: chosen.index.digest }),
      names: request.names,
      digestNames: request.digestNames ?? [],
      digests: request.repository === undefined ? [] : known.map((digest) => `${request.repository}@${digest}`),
      chainIds: layers.map(({ chainId }) => chainId),
      diffIds: layers.map(({ diffId }) => diffId),
      config,
      manifestMediaType: made.mediaType,
      sizeBytes: layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      // Without a time, or with Go's zero time, it is as old as it is here.
      createdAt: config.created === undefined || config.created.startsWith('0001-01-01') ? now : config.created,
      pulledAt: now,
      layers: made.descriptors,
      annotations: made.annotations,
    },
  })
  request.onProgress?.({ kind: 'image', id: stored.id })
  return stored
}
