// An image that can be written to an archive: its documents, and its blobs byte by byte.
import { createReadStream } from 'node:fs'
import { Failure } from '../errors.ts'
import type { Descriptor } from '../image/descriptor.ts'
import type { Digest } from '../image/digest.ts'
import { MAX_CONFIG_BYTES, parseImageConfig, requireLayers, type ImageConfig } from '../image/image-config.ts'
import { MAX_MANIFEST_BYTES, parseManifest, type ImageManifest } from '../image/manifest.ts'
import { layerTypeIn } from '../image/convert-manifest.ts'
import { DOCKER_MANIFEST } from '../image/media-types.ts'
import type { ImageRecord } from '../state/images.ts'
import type { Engine } from './engine.ts'

export interface SavedImage {
  readonly what: string
  /** Canonical; the first counts where a form has room for one. */
  readonly names: readonly string[]
  readonly manifestBytes: Uint8Array
  readonly manifest: ImageManifest
  readonly configBytes: Uint8Array
  readonly config: ImageConfig
  open(blob: Descriptor): Promise<AsyncIterable<Uint8Array>>
}

export interface SavedParts {
  readonly what: string
  readonly names: readonly string[]
  readonly manifestBytes: Uint8Array
  readonly mediaType: string
  /** Verified content of a small blob. */
  readonly read: (digest: Digest, maxBytes: number) => Promise<Uint8Array>
  readonly open: SavedImage['open']
}

/** @throws invalid, unsupported */
export async function makeSavedImage({ what, names, manifestBytes, mediaType, read, open }: SavedParts): Promise<SavedImage> {
  const manifest = parseManifest(manifestBytes, mediaType, what)
  if (manifest.kind !== 'image') throw new Failure('unsupported', `${what} is no single image`)
  const configBytes = await read(manifest.config.digest, MAX_CONFIG_BYTES)
  const config = parseImageConfig(configBytes, what)
  requireLayers(config, manifest.layers.length, what)
  return { what, names, manifestBytes, manifest, configBytes, config, open }
}

const CHUNK = 1 << 20

/**
 * One of our own store. A layer that was here already when the image was pulled may have come in another compression:
 * then that blob takes its place, in the manifest too.
 * @throws notFound: its blobs are not kept
 */
export async function storedImage(engine: Pick<Engine, 'storage'>, { record, names }: { readonly record: ImageRecord; readonly names: readonly string[] }): Promise<SavedImage> {
  const { blobs, layers } = await engine.storage()
  const what = names[0] ?? record.id.slice(0, 12)
  const pulled = await blobs.read(record.digest as Digest, MAX_MANIFEST_BYTES)
  const kept = await Promise.all(record.layers.map(async (layer, at) => {
    if (await blobs.has(layer.digest as Digest, layer.size)) return layer
    const other = (await layers.find(record.chainIds[at] as Digest))?.blob
    if (other && await blobs.has(other.digest, other.size)) return other
    throw new Failure('notFound', `the compressed layer ${layer.digest} of ${what} is not in the store, or not all of it`, { hint: blobs.keepsLayers ? 'pull the image again' : 'pull the image again, with keep_blobs = true in storage.conf' })
  }))
  const isWhole = kept.every(({ digest }, at) => digest === record.layers[at]!.digest)
  return makeSavedImage({
    what, names, manifestBytes: isWhole ? pulled : withLayers(pulled, record.manifestMediaType, kept), mediaType: record.manifestMediaType,
    read: (digest, maxBytes) => blobs.read(digest, maxBytes),
    open: async ({ digest }) => createReadStream(blobs.path(digest), { highWaterMark: CHUNK }),
  })
}

function withLayers(manifest: Uint8Array, mediaType: string, layers: ImageRecord['layers']): Uint8Array {
  const document = JSON.parse(Buffer.from(manifest).toString('utf8')) as object
  const family = mediaType === DOCKER_MANIFEST ? 'docker' : 'oci'
  return Buffer.from(JSON.stringify({ ...document, layers: layers.map(({ digest, size, mediaType: type }) => ({ mediaType: layerTypeIn(type, family), digest, size })) }))
}
