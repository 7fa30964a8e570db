// Images in Docker's schema 1 form: sizes and diff ids are found out, and the image is kept as schema 2.
import type { Descriptor } from '../image/descriptor.ts'
import type { Digest } from '../image/digest.ts'
import { DOCKER_LAYER, DOCKER_MANIFEST } from '../image/media-types.ts'
import { convertSchema1, parseSchema1 } from '../image/schema1.ts'
import type { ImageRecord } from '../state/images.ts'
import type { Engine } from './engine.ts'
import { fetchLayers } from './fetch-layers.ts'
import { checkSpace, events, parallelOf, record, whileLeased, type Chosen, type StoreImage } from './store-image.ts'

type Parts = Pick<Engine, 'config' | 'paths' | 'state' | 'self' | 'storage'>

/** Like storeImage, of a manifest that was found to be schema 1. */
export async function storeSchema1(engine: Parts, request: StoreImage, top: Chosen): Promise<ImageRecord> {
  const { source, signal, repository } = request
  const known = repository === undefined ? undefined : await alreadyHere(engine, `${repository}@${top.descriptor.digest}`)
  if (known) return engine.state.images.put({ record: { ...known, names: request.names } })
  const image = parseSchema1(top.bytes, source.what)
  const storage = await engine.storage()
  const sizes = new Map<Digest, number>()
  for (const digest of new Set(image.blobs)) sizes.set(digest, await source.blobSize(digest, signal))
  const descriptors = image.blobs.map((digest): Descriptor => ({ mediaType: `${DOCKER_LAYER}.gzip`, digest, size: sizes.get(digest)! }))
  request.onProgress?.({ kind: 'resolved', digest: top.descriptor.digest, layers: descriptors.map(({ digest, size }) => ({ digest, size })) })
  return whileLeased(engine, { target: source.what, chain: [] }, async () => {
    const layers = await fetchLayers({ storage, source, wanted: descriptors.map((descriptor) => ({ descriptor })), parallel: parallelOf(engine), check: (missing) => checkSpace(engine, missing, source.what), ...events(request) })
    const diffIds = layers.map(({ diffId }) => diffId)
    const { config, manifest } = convertSchema1(image, descriptors, diffIds)
    const converted: Chosen = { bytes: manifest, descriptor: { mediaType: DOCKER_MANIFEST, digest: top.descriptor.digest, size: manifest.length } }
    return record(engine, { request, chosen: converted, mediaType: DOCKER_MANIFEST, annotations: {}, config: image.config(diffIds), configBytes: config, layers, descriptors })
  })
}

async function alreadyHere(engine: Parts, digest: string): Promise<ImageRecord | undefined> {
  const found = (await engine.state.images.list()).find(({ digests }) => digests.includes(digest))
  if (found === undefined) return undefined
  const { layers } = await engine.storage()
  for (const chainId of found.chainIds) if (!(await layers.find(chainId as Digest))) return undefined
  return found
}
