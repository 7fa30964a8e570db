// Images as a server sees them.
import type { ImageRecord } from '../state/images.ts'
import type { Engine } from './engine.ts'

export type { ImageRecord }

export interface ImageUse {
  readonly mountpoint: string
  readonly usedBytes: number
  readonly inodes: number
}

/** What images take on disk: the unpacked layers and the blobs that are kept. */
export async function imageUse(engine: Pick<Engine, 'paths' | 'storage'>): Promise<ImageUse> {
  const storage = await engine.storage()
  const layers = await storage.layers.list()
  const blobs = await storage.blobs.list()
  const blobBytes = blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return {
    mountpoint: engine.paths.root, inodes: blobs.length + layers.length,
    usedBytes: blobBytes + layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  }
}
