// Images as a server sees them.
import { canonicalName, parseReference } from '../image/reference.ts'
import type { ImageRecord } from '../state/images.ts'
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

const counted = new WeakMap<readonly ImageRecord[], Promise<ImageUse>>()

/** What images take on disk: the unpacked layers and the blobs that are kept. Not counted again where the state has not changed. */
export async function imageUse(engine: Pick<Engine, 'paths' | 'storage' | 'state'>): Promise<ImageUse> {
  const images = await engine.state.images.list()
  const use = counted.get(images) ?? countUse(engine)
  counted.set(images, use)
  use.catch(() => counted.delete(images))
  return use
}

async function countUse(engine: Pick<Engine, 'paths' | 'storage'>): Promise<ImageUse> {
  const storage = await engine.storage()
  const layers = await storage.layers.list()
  const blobs = await storage.blobs.list()
  const blobBytes = blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return {
    mountpoint: engine.paths.root, inodes: blobs.length + layers.length,
    usedBytes: blobBytes + layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  }
}
