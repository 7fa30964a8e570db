import type { Descriptor } from '../image/descriptor.ts'
import type { Digest } from '../image/digest.ts'
import type { BlobSource, Ingested, Layer, LayerCommit, Storage } from '../storage/storage.ts'
import type { ImageSource } from './image-source.ts'
import type { LayerState, PullEvent } from './pull-events.ts'

export interface WantedLayer {
  readonly descriptor: Descriptor
  /** Both absent for schema 1, where only unpacking tells them. */
  readonly diffId?: Digest
  readonly chainId?: Digest
}

export interface FetchLayers {
  readonly storage: Storage
  readonly source: ImageSource
  /** Bottom first. */
  readonly wanted: readonly WantedLayer[]
  /** Downloads at once. */
  readonly parallel: number
  /** Told what is to be fetched before it is; may refuse by throwing. */
  readonly check?: (missing: readonly Descriptor[]) => Promise<void>
  readonly signal?: AbortSignal
  readonly onProgress?: (event: PullEvent) => void
}

type Reached = Layer | Ingested

const isLayer = (reached: Reached): reached is Layer => 'tree' in reached

/**
 * Makes every layer present and visible, in the order of `wanted`. Layers come side by side; each is committed as soon as
 * those below it are. The first failure stops the others; what was committed stays.
 */
export async function fetchLayers(fetch: FetchLayers): Promise<Layer[]> {
  const { storage, wanted, onProgress } = fetch
  const present = await Promise.all(wanted.map(({ chainId }) => (chainId === undefined ? undefined : storage.layers.find(chainId))))
  const missing = wanted.filter((_, index) => present[index] === undefined).map(({ descriptor }) => descriptor)
  if (missing.length > 0) await fetch.check?.(missing)
  const stop = new AbortController()
  const signal = fetch.signal ? AbortSignal.any([fetch.signal, stop.signal]) : stop.signal
  const slots = makeSlots(fetch.parallel)
  const sameBlob = new Map<Digest, Promise<unknown>>()
  const reached = wanted.map(async (layer, index): Promise<Reached> => {
    const { digest, size } = layer.descriptor
    const known = present[index]
    if (known && await isBlobKept(storage, layer.descriptor, known)) {
      onProgress?.({ kind: 'layer', digest, doneBytes: size, totalBytes: size, state: 'exists' })
      return known
    }
    // The same blob twice in one image is fetched once.
    const before = sameBlob.get(digest)
    const fetched = (before ?? Promise.resolve()).then(() => slots((): Promise<Reached> => known ? fetchBlob(fetch, known, layer, signal) : ingest(fetch, layer, signal)))
    sameBlob.set(digest, fetched)
    return fetched
  })
  for (const one of reached) one.catch((error: unknown) => stop.abort(error))
  try {
    return await commitInOrder(storage, reached)
  } catch (error) {
    stop.abort(error)
    const ended = await Promise.allSettled(reached)
    await Promise.all(ended.map(async (one) => one.status === 'fulfilled' && !isLayer(one.value) && one.value.discard()))
    // The failure that stopped the rest is the one to tell, not that they were stopped.
    throw stop.signal.reason
  }
}

/** Commits what is ready in one go, so that a burst of small layers costs one sync. */
async function commitInOrder(storage: Storage, reached: readonly Promise<Reached>[]): Promise<Layer[]> {
  const done = new Map<number, Reached>()
  reached.forEach((one, index) => void one.then((value) => done.set(index, value), () => {}))
  const layers: Layer[] = []
  while (layers.length < reached.length) {
    await reached[layers.length]
    const ready: Reached[] = []
    for (let index = layers.length; done.has(index); index++) ready.push(done.get(index)!)
    const committed = await commit(storage, ready, layers.at(-1)?.chainId)
    layers.push(...committed)
  }
  return layers
}

async function commit(storage: Storage, ready: readonly Reached[], below: Digest | undefined): Promise<Layer[]> {
  const { chainId } = await import('../image/chain-id.ts')
  const commits: LayerCommit[] = []
  let parent = below
  for (const one of ready) {
    if (!isLayer(one)) commits.push({ ingested: one, parent })
    parent = isLayer(one) ? one.chainId : chainId(parent, one.diffId)
  }
  const made = commits.length === 0 ? [] : await storage.layers.commitAll(commits)
  return ready.map((one) => (isLayer(one) ? one : made.shift()!))
}

/** Its compressed bytes may be lost, or cut short, of a layer that is unpacked. One of another compression does as well. */
async function isBlobKept({ blobs }: Storage, { digest, size }: Descriptor, { blob }: Layer): Promise<boolean> {
  return !blobs.keepsLayers || await blobs.has(digest, size) || await blobs.has(blob.digest, blob.size)
}

const blobSource = (source: ImageSource, descriptor: Descriptor): BlobSource => ({
  descriptor,
  open: (offsetBytes, signal) => source.openBlob(descriptor, offsetBytes, signal),
  distrust: async () => await source.distrust?.(descriptor) ?? false,
})

async function fetchBlob({ storage, source, onProgress }: FetchLayers, known: Layer, { descriptor }: WantedLayer, signal: AbortSignal): Promise<Layer> {
  const { digest, size } = descriptor
  const tell = (state: LayerState, doneBytes: number): void => onProgress?.({ kind: 'layer', digest, doneBytes, totalBytes: size, state })
  tell('waiting', 0)
  await storage.blobs.fetch(
    blobSource(source, descriptor),
    { signal, onProgress: ({ phase, receivedBytes }) => tell(phase === 'unpacking' ? 'downloading' : phase, receivedBytes) },
  )
  tell('done', size)
  return known
}

async function ingest({ storage, source, onProgress }: FetchLayers, { descriptor, diffId, chainId }: WantedLayer, signal: AbortSignal): Promise<Ingested> {
  const { digest, size } = descriptor
  const tell = (state: LayerState, doneBytes: number): void => onProgress?.({ kind: 'layer', digest, doneBytes, totalBytes: size, state })
  tell('waiting', 0)
  return storage.layers.ingest(
    { ...blobSource(source, descriptor), ...(diffId && { diffId }), ...(chainId && { chainId }) },
    { signal, onProgress: ({ phase, receivedBytes }) => tell(phase, receivedBytes) },
  )
}

/** Runs at most `count` pieces of work at once, in the order they come. */
function makeSlots(count: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = count
  const waiting: (() => void)[] = []
  return async (work) => {
    if (free > 0) free--
    else await new Promise<void>((resume) => waiting.push(resume))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
}
