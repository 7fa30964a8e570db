import { isFailure } from '../errors.ts'
import type { Digest } from '../image/digest.ts'
import { isAlive } from '../process/identity.ts'
import type { ImageRecord } from '../state/images.ts'
import type { Storage } from '../storage/storage.ts'
import type { Engine } from './engine.ts'
import { withStoreLock } from './store-lock.ts'

type Parts = Pick<Engine, 'paths' | 'state' | 'storage'>

/**
 * Removes layers and blobs that no image or container needs. While a pull runs nothing is collected: the next collection
 * does it. A pull that begins meanwhile waits for the lock, which is held for the collection alone.
 */
export async function collectGarbage(engine: Parts): Promise<{ readonly layers: number; readonly blobs: number }> {
  return await withStoreLock(engine, 'collect', async () => {
    // What a pull has fetched is nobody's until its record is there.
    const pulls = (await engine.state.intents.list()).filter(({ kind }) => kind === 'pull')
    if (pulls.some(({ owner }) => isAlive(owner))) return undefined
    const storage = await engine.storage()
    await storage.recover()
    const images = await engine.state.images.list()
    const neededLayers = new Set(images.flatMap(({ chainIds }) => chainIds))
    for (const id of await storage.containers.list()) for (const chainId of await layersOf(storage, id)) neededLayers.add(chainId)
    // What those without a record stand on, nobody knows: that doesn't keep it here.
    const broken = (await storage.layers.broken()).map((chainId) => ({ chainId, parent: undefined }))
    const doomed = [...broken, ...await storage.layers.list()].filter(({ chainId }) => !neededLayers.has(chainId))
    const layers = await removeTopFirst(storage.layers, doomed)
    const neededBlobs = new Set(images.flatMap(blobsOf))
    for (const layer of await storage.layers.list()) neededBlobs.add(layer.blob.digest)
    const blobs = (await storage.blobs.list()).filter(({ digest }) => !neededBlobs.has(digest))
    for (const { digest } of blobs) await storage.blobs.remove(digest)
    return { layers, blobs: blobs.length }
  }) ?? { layers: 0, blobs: 0 }
}

/** None of a container whose record is damaged: its image is in the state while it is, and keeps them. */
const layersOf = (storage: Storage, id: string): Promise<Digest[]> => storage.containers.layersOf(id).catch((error: unknown) => {
  if (isFailure(error, 'invalid') || isFailure(error, 'notFound')) return []
  throw error
})

/** Removes images, and then all that only they needed. Killed in between, the next command goes on collecting. */
export async function removeImages(engine: Parts & Pick<Engine, 'self'>, ids: readonly string[]): Promise<void> {
  const intentId = await engine.state.intents.open({ kind: 'collect', target: ids[0] ?? '', owner: engine.self, data: {} }, { durable: false })
  try {
    for (const id of ids) await engine.state.images.remove({ id })
    await collectGarbage(engine)
  } finally {
    await engine.state.intents.close(intentId, { durable: false })
  }
}

const blobsOf = ({ id, digest, indexDigest, layers }: ImageRecord): string[] =>
  [`sha256:${id}`, digest, ...(indexDigest ? [indexDigest] : []), ...layers.map((layer) => layer.digest)]

interface Doomed { readonly chainId: Digest; readonly parent: Digest | undefined }

/** A layer can go when none stands on it. */
async function removeTopFirst(layers: { remove(chainId: Digest): Promise<void> }, doomed: readonly Doomed[]): Promise<number> {
  const left = new Map(doomed.map((layer) => [layer.chainId, layer]))
  let removed = 0
  while (left.size > 0) {
    const parents = new Set([...left.values()].map(({ parent }) => parent))
    const tops = [...left.values()].filter(({ chainId }) => !parents.has(chainId))
    if (tops.length === 0) return removed
    for (const { chainId } of tops) {
      left.delete(chainId)
      try {
        await layers.remove(chainId)
        removed++
      } catch (error) {
        if (!isFailure(error, 'inUse')) throw error
      }
    }
  }
  return removed
}
