// A blob on its way into the store: downloaded or found, verified, and unpacked into staging, all at once.
import { mkdirSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, isFailure } from '../errors.ts'
import { removeTreeAsync } from '../fs/remove-tree.ts'
import { algorithmOf, hexOf, parseDigest, type Digest } from '../image/digest.ts'
import { acceptBlob, damaged, dropDamaged, isIntact, obtain, type Obtained } from './obtain.ts'
import { TREE } from './layer-record.ts'
import type { Store } from './store.ts'
import type { Ingested, IngestOptions, LayerSource } from './storage.ts'
import type { Unpacked, UnpackJob } from './unpack.ts'
import type { Unsettled } from './tree-writer.ts'

/** What commit needs to know of an ingested layer. */
export interface StagedLayer extends Ingested, Unsettled {
  /** Directory that becomes the layer's, with the tree in it; undefined where the layer exists already. */
  readonly dir: string | undefined
}

const MOST_ENTRIES = 10_000_000
const RESERVE_BYTES = 64 << 20

/** See Layers.ingest. `isCommitted` answers for `chainId`. */
export async function ingest(store: Store, source: LayerSource, options: IngestOptions & { isCommitted: () => Promise<Digest | undefined> }): Promise<StagedLayer> {
  for (let attempt = 0; ;) {
    const outcome = await ingestOnce(store, source, options)
    if (outcome === 'elsewhere') continue
    if (outcome !== 'again') return outcome
    if (attempt++ > 1) throw damaged(source.descriptor)
  }
}

/** 'again': bytes from an earlier process or the disk were bad and are gone now; 'elsewhere': those of one place, and there are more. */
async function ingestOnce(store: Store, source: LayerSource, options: IngestOptions & { isCommitted: () => Promise<Digest | undefined> }): Promise<StagedLayer | 'again' | 'elsewhere'> {
  const { descriptor } = source
  const blob = await obtain(store, source, options)
  const committed = await options.isCommitted()
  if (committed !== undefined && blob.claim === undefined) {
    blob.close()
    return withoutTree(source, committed)
  }
  const dir = store.staging.make()
  // Nothing is left to find out about it.
  let last: Failure | undefined
  let lost = false
  try {
    const unpacked = await unpackWhileArriving({ store, source, options, blob, dir, onLost: () => { lost = true } })
    const sound = unpacked.digestHex === hexOf(descriptor.digest) && blob.sizeBytes() === descriptor.size
    if (!sound) {
      dropDamaged(store, blob, descriptor)
      await removeTreeAsync(dir)
      if (blob.reusedBytes > 0) return 'again'
      if (await source.distrust?.()) return 'elsewhere'
      throw last = damaged(descriptor)
    }
    const diffId = parseDigest(`${jobAlgorithm(source)}:${unpacked.diffHex}`)
    if (source.diffId !== undefined && diffId !== source.diffId) {
      blob.claim?.discard()
      throw last = new Failure('invalid', `layer ${descriptor.digest} unpacks to ${diffId}, but the image says ${source.diffId}`)
    }
    await acceptBlob(store, blob, descriptor)
    options.onProgress?.({ phase: 'done', receivedBytes: descriptor.size, totalBytes: descriptor.size })
    return staged({ source, unpacked, diffId, dir, fetchedBytes: blob.fetchedBytes() })
  } catch (error) {
    await removeTreeAsync(dir)
    if (!isFailure(error, 'invalid') || error === last) throw error
    // Bad bytes can't be told from a bad archive before the end, so an archive that can't be read isn't resumed.
    const isWhole = blob.sizeBytes() === descriptor.size
    const intact = isWhole && await isIntact(blob.path, descriptor.digest)
    if (blob.claim !== undefined || !intact) dropDamaged(store, blob, descriptor)
    if (intact) throw error
    if (blob.reusedBytes > 0) return 'again'
    if (await source.distrust?.()) return 'elsewhere'
    throw isWhole && !lost ? damaged(descriptor, error) : error
  } finally {
    blob.close()
  }
}

interface Arrival {
  readonly store: Store
  readonly source: LayerSource
  readonly options: IngestOptions
  readonly blob: Obtained
  readonly dir: string
  /** Told when it is the bytes that did not come as they should. */
  readonly onLost: () => void
}

async function unpackWhileArriving({ store, source, options, blob, dir, onLost }: Arrival): Promise<Unpacked> {
  const root = join(dir, TREE)
  mkdirSync(root, { mode: 0o755 })
  const { feed, done } = (await store.unpackers()).start(jobFor(store, source, { file: blob.path, root }))
  const stop = new AbortController()
  const onAbort = () => feed.abort(new Failure('cancelled', `the pull of layer ${source.descriptor.digest} was cancelled`))
  options.signal?.addEventListener('abort', onAbort, { once: true })
  if (options.signal?.aborted) onAbort()
  const unpacking = done.catch((error: unknown) => {
    stop.abort(error)
    throw error
  })
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
  const arriving = blob.arrive({ signal, feed }).then(() => feed.end(), (error: unknown) => {
    feed.abort(error)
    if (!stop.signal.aborted) onLost()
    throw error
  })
  try {
    const [arrived, unpacked] = await Promise.allSettled([arriving, unpacking])
    // Who failed first made the other fail: an unpacking that broke off aborts the download.
    if (stop.signal.aborted && unpacked.status === 'rejected') throw unpacked.reason
    if (arrived.status === 'rejected') throw arrived.reason
    if (unpacked.status === 'rejected') throw unpacked.reason
    return unpacked.value
  } finally {
    options.signal?.removeEventListener('abort', onAbort)
  }
}

const jobAlgorithm = (source: LayerSource): string => (source.diffId === undefined ? 'sha256' : algorithmOf(source.diffId))

export function jobFor(store: Store, source: LayerSource, { file, root }: { file: string, root: string }): UnpackJob {
  const { bavail, bsize, ffree, files } = statfsSync(store.paths.root)
  return {
    file, root,
    digest: source.descriptor.digest,
    sizeBytes: source.descriptor.size,
    known: source.diffId !== undefined,
    diffAlgorithm: jobAlgorithm(source),
    style: store.style,
    umask: process.umask(),
    limits: {
      maxBytes: store.options.maxUnpackedBytes ?? Math.max(0, bavail * bsize - RESERVE_BYTES),
      ofDisk: store.options.maxUnpackedBytes === undefined,
      // Some file systems make inodes as they go and count none.
      maxEntries: Math.min(store.options.maxEntries ?? MOST_ENTRIES, files > 0 ? ffree : Infinity),
    },
  }
}

interface Outcome {
  readonly source: LayerSource
  readonly unpacked: Unpacked
  readonly diffId: Digest
  readonly dir: string
  readonly fetchedBytes: number
}

function staged({ source, unpacked, diffId, dir, fetchedBytes }: Outcome): StagedLayer {
  const { tree } = unpacked
  return {
    descriptor: source.descriptor, diffId, dir, fetchedBytes,
    sizeBytes: tree.sizeBytes, entries: tree.entries, implied: tree.implied, links: tree.links,
    discard: () => removeTreeAsync(dir),
  }
}

const withoutTree = (source: LayerSource, diffId: Digest): StagedLayer => ({
  descriptor: source.descriptor, diffId, dir: undefined, fetchedBytes: 0, sizeBytes: 0, entries: 0, implied: [], links: [],
  async discard() {},
})

