// Writes images as docker-archive, OCI layout (tar or directory) or in the dir form. Blobs go out byte by byte; a
// docker-archive has its layers plain, as docker wants them, each checked against its diff id first.
import { Failure, isFailure } from '../errors.ts'
import { OCI_LAYOUT_FILE, REF_NAME } from '../image/archive-manifest.ts'
import { convertManifest } from '../image/convert-manifest.ts'
import { digestOf, hashFor, hexOf, algorithmOf, type Digest } from '../image/digest.ts'
import { OCI_INDEX, layerType } from '../image/media-types.ts'
import { plainBytes } from '../storage/plain-bytes.ts'
import type { ArchiveWriter } from '../storage/archive-writer.ts'
import type { SavedImage } from './saved-image.ts'

export const ARCHIVE_FORMATS = ['docker-archive', 'oci-archive', 'oci-dir', 'docker-dir'] as const
export type ArchiveFormat = typeof ARCHIVE_FORMATS[number]

/** @throws invalid: a damaged blob; notFound: one that is not kept; unsupported */
export async function writeImageArchive(images: readonly SavedImage[], format: ArchiveFormat, archive: ArchiveWriter): Promise<void> {
  if (format === 'docker-archive') return writeDocker(images, archive)
  for (const image of images) await (format === 'docker-dir' ? writeDir(image, archive) : writeLayout(image, archive))
}

async function writeDocker(images: readonly SavedImage[], archive: ArchiveWriter): Promise<void> {
  const written = new Set<string>()
  const once = async (name: string, write: () => Promise<void>): Promise<void> => {
    if (written.has(name)) return
    written.add(name)
    await write()
  }
  const manifest = []
  const repositories: Record<string, Record<string, string>> = {}
  for (const image of images) {
    const diffIds = image.config.rootfs.diff_ids
    for (const [at, layer] of image.manifest.layers.entries()) {
      const diffId = diffIds[at]!
      await once(layerFile(diffId), async () => {
        const plain = async (): Promise<AsyncIterable<Uint8Array>> => plainBytes(await image.open(layer))
        const size = await checkedSize(await plain(), { diffId, what: image.what })
        await archive.file(layerFile(diffId), size, await plain())
      })
    }
    const configFile = `${hexOf(image.manifest.config.digest)}.json`
    await once(configFile, () => archive.file(configFile, image.configBytes.length, only(image.configBytes)))
    manifest.push({ Config: configFile, RepoTags: [...image.names], Layers: diffIds.map(layerFile) })
    for (const name of image.names) {
      const colon = name.lastIndexOf(':')
      const [repository, tag] = [name.slice(0, colon), name.slice(colon + 1)]
      const top = diffIds.at(-1)
      if (top) repositories[repository] = { ...repositories[repository], [tag]: hexOf(top) }
    }
  }
  await json(archive, 'manifest.json', manifest)
  await json(archive, 'repositories', repositories)
}

const layerFile = (diffId: Digest): string => `${hexOf(diffId)}.tar`

/** A blob that was damaged on disk must not become an archive that looks whole. */
async function checkedSize(bytes: AsyncIterable<Uint8Array>, { diffId, what }: { readonly diffId: Digest; readonly what: string }): Promise<number> {
  const damaged = (why: string, cause?: unknown): Failure =>
    new Failure('invalid', `a layer of ${what} is damaged in the store: ${why}`, { cause, hint: 'remove the image and pull it again' })
  const hash = hashFor(diffId)
  let size = 0
  try {
    for await (const chunk of bytes) {
      hash.update(chunk)
      size += chunk.length
    }
  } catch (error) {
    throw isFailure(error, 'invalid') ? damaged(error.message, error) : error
  }
  if (hash.digest('hex') !== hexOf(diffId)) throw damaged(`it does not have the diff id ${diffId}`)
  return size
}

async function writeLayout(image: SavedImage, archive: ArchiveWriter): Promise<void> {
  const { bytes, mediaType } = convertManifest(image.manifestBytes, image.manifest, 'oci')
  const blob = (digest: Digest): string => `blobs/${algorithmOf(digest)}/${hexOf(digest)}`
  await blobs(image, archive, blob)
  const digest = digestOf(bytes)
  await archive.file(blob(digest), bytes.length, only(bytes))
  await json(archive, 'oci-layout', OCI_LAYOUT_FILE)
  const [name] = image.names
  await json(archive, 'index.json', {
    schemaVersion: 2, mediaType: OCI_INDEX, manifests: [{ mediaType, digest, size: bytes.length, ...(name === undefined ? {} : { annotations: { [REF_NAME]: name } }) }],
  })
}

const DIR_VERSION = Buffer.from('Directory Transport Version: 1.1\n')

async function writeDir(image: SavedImage, archive: ArchiveWriter): Promise<void> {
  // zstd is not of docker's words: such an image stays what it is
  const isPlain = image.manifest.layers.every(({ mediaType }) => { const type = layerType(mediaType); return type.kind === 'layer' && type.compression !== 'zstd' })
  const { bytes } = isPlain ? convertManifest(image.manifestBytes, image.manifest, 'docker') : { bytes: image.manifestBytes }
  await blobs(image, archive, hexOf)
  await archive.file('version', DIR_VERSION.length, only(DIR_VERSION))
  await archive.file('manifest.json', bytes.length, only(bytes))
}

async function blobs(image: SavedImage, archive: ArchiveWriter, nameOf: (digest: Digest) => string): Promise<void> {
  const written = new Set<Digest>()
  for (const layer of image.manifest.layers) {
    if (written.has(layer.digest)) continue
    written.add(layer.digest)
    await archive.file(nameOf(layer.digest), layer.size, verified(await image.open(layer), layer.digest, image.what))
  }
  const { digest } = image.manifest.config
  await archive.file(nameOf(digest), image.configBytes.length, only(image.configBytes))
}

async function* verified(bytes: AsyncIterable<Uint8Array>, digest: Digest, what: string): AsyncGenerator<Uint8Array> {
  const hash = hashFor(digest)
  for await (const chunk of bytes) {
    hash.update(chunk)
    yield chunk
  }
  if (hash.digest('hex') !== hexOf(digest)) throw new Failure('invalid', `the layer ${digest} of ${what} is damaged in the store`, { hint: 'remove the image and pull it again' })
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> { yield bytes }

async function json(archive: ArchiveWriter, name: string, value: unknown): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(value))
  await archive.file(name, bytes.length, only(bytes))
}
