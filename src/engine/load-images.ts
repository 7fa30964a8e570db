import type { ImageRecord } from '../state/images.ts'
import type { Engine } from './engine.ts'
import { admitLocal } from './admit-local.ts'
import { openImageArchive } from './open-image-archive.ts'
import type { PullEvent } from './pull-events.ts'
import { storeImage } from './store-image.ts'

export interface LoadImages {
  /** Path of an archive or a directory, or the bytes of an archive; gzip, zstd, xz and bzip2 are seen through. */
  readonly from: string | AsyncIterable<Uint8Array>
  readonly signal?: AbortSignal
  readonly onProgress?: (event: PullEvent) => void
}

export interface LoadedImage { readonly image: ImageRecord; readonly names: readonly string[] }

type Parts = Pick<Engine, 'config' | 'paths' | 'state' | 'self' | 'storage' | 'registry'>

/** Every image of an archive, verified on its way like one that is pulled. @throws notFound, denied, invalid, unsupported, unavailable, cancelled */
export async function loadImages(engine: Parts, { from, signal, onProgress }: LoadImages): Promise<LoadedImage[]> {
  await engine.storage() // makes the folder
  const archive = await openImageArchive({ from, scratchDir: engine.paths.staging, signal })
  try {
    await admitLocal(engine, { transport: archive.transport, path: typeof from === 'string' ? from : undefined })
    const loaded: LoadedImage[] = []
    for (const { names, source } of archive.images) {
      const image = await storeImage(engine, { source, names, event: 'loadfromarchive', ...(signal && { signal }), ...(onProgress && { onProgress }) })
      loaded.push({ image, names })
    }
    return loaded
  } finally {
    archive.close()
  }
}
