// Images as a server sees them.
import { canonicalName, parseReference } from '../image/reference.ts'
import type { ImageRecord } from '../state/images.ts'
import type { Storage } from '../storage/storage.ts'
import type { Engine } from './engine.ts'

export type { ImageRecord }

/** Whether a person means this image: by a name as it is typed, or a reference with its digest. */
export function isNamed({ names, digests }: Pick<ImageRecord, 'names' | 'digests'>, typed: string): boolean {
  const reference = parseReference(typed)
  const path = `${reference.domain}/${reference.path}`
  return reference.digest === undefined ? names.includes(canonicalName(reference)) : digests.includes(`${path}@${reference.digest}`)
}

export interface ImageUse {
  readonly mountpoint: string
  readonly usedBytes: number
  readonly inodes: number
}

const counted = new WeakMap<readonly ImageRecord[], { readonly partialBytes: number; readonly use: Promise<ImageUse> }>()

/** What images take on disk: the unpacked layers, the blobs that are kept, and what came so far of more. Not counted again where nothing changed. */
export async function imageUse(engine: Pick<Engine, 'paths' | 'storage' | 'state'>): Promise<ImageUse> {
  const images = await engine.state.images.list()
  const storage = await engine.storage()
  const partialBytes = await storage.blobs.partialBytes()
  const before = counted.get(images)
  if (before?.partialBytes === partialBytes) return before.use
  const use = countUse(engine, storage, partialBytes)
  counted.set(images, { partialBytes, use })
  use.catch(() => counted.delete(images))
  return use
}

async function countUse(engine: Pick<Engine, 'paths'>, storage: Storage, partialBytes: number): Promise<ImageUse> {
  const layers = await storage.layers.list()
  const blobs = await storage.blobs.list()
  const blobBytes = blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return {
    mountpoint: engine.paths.root, inodes: blobs.length + layers.reduce((sum, { entries }) => sum + entries, 0),
    usedBytes: partialBytes + blobBytes + layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  }
}
