// Images of containerd as sources and targets of archives.
import { Failure, isFailure } from '../../errors.ts'
import { makeSavedImage, type SavedImage } from '../../engine/saved-image.ts'
import { readArchivedImage, type ArchivedImage } from '../../engine/open-image-archive.ts'
import { presentManifest } from '../../engine/present-manifest.ts'
import type { ContainerdStore } from './containerd-store.ts'

/** @param names as they are to be in the archive; `name` is one that containerd knows. @throws notFound, invalid */
export async function savedFromContainerd(store: ContainerdStore, { name, names }: { readonly name: string; readonly names: readonly string[] }): Promise<SavedImage> {
  const what = names[0] ?? name
  const read = async (digest: string, maxBytes: number): Promise<Uint8Array> => {
    const parts: Uint8Array[] = []
    let size = 0
    for await (const part of store.read(digest, 0)) {
      size += part.length
      if (size > maxBytes) throw new Failure('invalid', `${digest} of ${what} has more than ${maxBytes} bytes`)
      parts.push(part)
    }
    return Buffer.concat(parts)
  }
  const { target } = await store.image(name)
  const { bytes, mediaType } = await presentManifest({ what, top: target, read, has: store.has })
  return makeSavedImage({ what, names, manifestBytes: bytes, mediaType, read, open: async ({ digest }) => layer(store, digest, what) })
}

async function* layer(store: ContainerdStore, digest: string, what: string): AsyncGenerator<Uint8Array> {
  try {
    yield* store.read(digest, 0)
  } catch (error) {
    if (!isFailure(error, 'notFound')) throw error
    throw new Failure('unavailable', `containerd does not have layer ${digest} of ${what} as it was pulled`, { cause: error, hint: 'it fetches none that is unpacked already: ctr -n k8s.io content fetch brings it' })
  }
}

/** Its manifest, configuration and layers into the store, then its names. @returns id of the image: its configuration's digest */
export async function loadIntoContainerd(store: ContainerdStore, image: ArchivedImage): Promise<string> {
  const { source, names } = image
  const { manifest, config, layers, bytes } = await readArchivedImage(image)
  for (const blob of [config, ...layers]) await store.write({ ...blob, open: () => source.openBlob(blob, 0) })
  const target = { mediaType: manifest.mediaType, digest: manifest.digest, size: bytes.length }
  await store.write({ ...target, needs: [config, ...layers].map(({ digest }) => digest), open: async () => (async function* () { yield bytes })() })
  // by its id alone the CRI finds what has no name
  for (const name of names.length > 0 ? names : [config.digest]) await store.name({ name, target })
  return config.digest
}
