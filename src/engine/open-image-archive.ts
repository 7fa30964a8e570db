// What an archive of images holds, as sources that any store can take in: docker-archive, OCI layout (tar or
// directory) and the dir form. Nothing in it is believed: names are checked here, content where it is stored.
import { createHash } from 'node:crypto'
import { Failure } from '../errors.ts'
import { annotatedName, archiveName, MAX_ARCHIVE_MANIFEST_BYTES, parseArchiveManifest, type DockerArchiveImage } from '../image/archive-manifest.ts'
import type { Descriptor } from '../image/descriptor.ts'
import { algorithmOf, digestOf, hexOf, matchesDigest, sha256Digest, type Digest } from '../image/digest.ts'
import { MAX_CONFIG_BYTES, parseImageConfig, requireLayers } from '../image/image-config.ts'
import { MAX_MANIFEST_BYTES, parseManifest, requireRunnable } from '../image/manifest.ts'
import { DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST, OCI_LAYER } from '../image/media-types.ts'
import { directoryFiles, isDirectory, tarFiles, type ArchiveFiles } from '../storage/archive-files.ts'
import { detectCompression } from '../storage/decompress.ts'
import { decompressFile } from './decompress-file.ts'
import type { ImageSource } from './image-source.ts'
import { layoutName } from './layout-name.ts'
import { chooseImage } from './store-image.ts'

export interface ArchivedImage {
  /** Canonical; may be none. */
  readonly names: readonly string[]
  readonly source: ImageSource
}

export interface ImageArchive {
  /** What it turned out to be, as containers-transports(5) calls it. */
  readonly transport: 'oci' | 'oci-archive' | 'docker-archive' | 'dir'
  readonly images: readonly ArchivedImage[]
  close(): void
}

export interface OpenImageArchive {
  /** Path of a file or a directory, or the bytes of an archive. */
  readonly from: string | AsyncIterable<Uint8Array>
  readonly scratchDir: string
  readonly signal?: AbortSignal | undefined
}

/** @throws cancelled, noSpace, notFound, denied, invalid, unsupported */
export async function openImageArchive({ from, scratchDir, signal }: OpenImageArchive): Promise<ImageArchive> {
  const what = typeof from === 'string' ? from : 'the archive'
  const dir = typeof from === 'string' && isDirectory(from) ? from : undefined
  const files = dir !== undefined ? directoryFiles(dir) : await tarFiles({
    from, scratchDir, decompress: (compression, opened) => decompressFile(compression, { ...opened, signal }),
  }).catch((error: unknown) => { throw explained(error, what) })
  try {
    const { transport, images } = await imagesIn(files, { what, dir })
    if (images.length === 0) throw new Failure('invalid', `${what} holds no image`)
    return { transport, images, close: files.close }
  } catch (error) {
    files.close()
    throw error
  }
}

const explained = (error: unknown, what: string): unknown =>
  (error instanceof Failure && (error.kind === 'invalid' || error.kind === 'unsupported') ? new Failure(error.kind, `${what} is no archive that can be read: ${error.message}`, { cause: error, ...(error.hint === undefined ? {} : { hint: error.hint }) }) : error)

interface Place { readonly what: string; readonly dir: string | undefined }

async function imagesIn(files: ArchiveFiles, { what, dir }: Place): Promise<Pick<ImageArchive, 'transport' | 'images'>> {
  // docker writes both forms into one archive: the layout is the exact one
  const index = await files.read('index.json', MAX_MANIFEST_BYTES)
  const manifest = await files.read('manifest.json', MAX_ARCHIVE_MANIFEST_BYTES)
  const docker = manifest && parseArchiveManifest(manifest, what)
  if (index) return { transport: dir === undefined ? 'oci-archive' : 'oci', images: await layoutImages(files, { what, dir, index }) }
  if (docker) return { transport: 'docker-archive', images: await Promise.all(docker.map(async (image) => ({ names: image.RepoTags.map((tag) => archiveName(tag)), source: await dockerSource(files, image, what) }))) }
  if (manifest) return { transport: 'dir', images: [{ names: dir === undefined ? [] : [layoutName(dir)], source: contentSource(files, { what, nameOf: hexOf, top: topOf(manifest, what) }) }] }
  throw new Failure('invalid', `${what} is no archive of images: it has neither index.json nor manifest.json`)
}

function topOf(bytes: Buffer, what: string): Descriptor {
  const { mediaType } = parseManifest(bytes, undefined, what)
  return { mediaType, digest: digestOf(bytes), size: bytes.length }
}

interface Layout extends Place { readonly index: Buffer }

async function layoutImages(files: ArchiveFiles, { what, dir, index }: Layout): Promise<ArchivedImage[]> {
  const parsed = parseManifest(index, undefined, what)
  if (parsed.kind !== 'index') throw new Failure('invalid', `index.json of ${what} is no index of an OCI layout`)
  const nameOf = (digest: Digest): string => `blobs/${algorithmOf(digest)}/${hexOf(digest)}`
  const byDigest = Map.groupBy(parsed.manifests, ({ digest }) => digest)
  return [...byDigest.values()].map((entries) => {
    const names = entries.flatMap((entry) => annotatedName(entry) ?? []).map((text) => (dir !== undefined && !/[/:]/.test(text) ? layoutName(dir, text) : archiveName(text)))
    return { names: names.length === 0 && dir !== undefined ? [layoutName(dir)] : [...new Set(names)], source: contentSource(files, { what, nameOf, top: entries[0]! }) }
  })
}

interface Content { readonly what: string; readonly top: Descriptor; readonly nameOf: (digest: Digest) => string }

/** Blobs that are named by their digests. The manifest of the dir form has a name of its own. */
function contentSource(files: ArchiveFiles, { what, top, nameOf }: Content): ImageSource {
  const read = async ({ digest, size }: Descriptor): Promise<Uint8Array> => {
    const bytes = await files.read(nameOf(digest), MAX_MANIFEST_BYTES) ?? await files.read('manifest.json', MAX_MANIFEST_BYTES)
    if (!bytes) throw new Failure('notFound', `${what} lacks the manifest ${digest}`)
    if (bytes.length !== size || !matchesDigest(bytes, digest)) throw new Failure('invalid', `${what}: the content of ${digest} is damaged`)
    return bytes
  }
  return {
    what,
    resolve: async () => ({ descriptor: top, bytes: await read(top) }),
    manifest: read,
    openBlob: async ({ digest }, offsetBytes) => files.open(nameOf(digest), offsetBytes),
    blobSize: async (digest) => await files.sizeBytes(nameOf(digest)) ?? missing(what, digest),
  }
}

const missing = (what: string, name: string): never => { throw new Failure('notFound', `${what} lacks ${name}`) }

/** A manifest is made for it: the archive has none that tells digests and sizes. */
async function dockerSource(files: ArchiveFiles, image: DockerArchiveImage, archive: string): Promise<ImageSource> {
  const what = image.RepoTags[0] ?? archive
  const configBytes = await files.read(image.Config, MAX_CONFIG_BYTES) ?? missing(archive, image.Config)
  const config = parseImageConfig(configBytes, what)
  requireLayers(config, image.Layers.length, what)
  const named = new Map<Digest, string>()
  const layers: Descriptor[] = []
  for (const [at, name] of image.Layers.entries()) {
    const layer = await layerIn(files, { name, diffId: config.rootfs.diff_ids[at]!, archive })
    named.set(layer.digest, name)
    layers.push(layer)
  }
  const configDescriptor = { mediaType: DOCKER_CONFIG, digest: digestOf(configBytes), size: configBytes.length }
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: DOCKER_MANIFEST, config: configDescriptor, layers }))
  const nameOf = (digest: Digest): string => (digest === configDescriptor.digest ? image.Config : named.get(digest) ?? missing(archive, digest))
  return {
    what,
    resolve: async () => ({ descriptor: { mediaType: DOCKER_MANIFEST, digest: digestOf(bytes), size: bytes.length }, bytes }),
    manifest: async ({ digest }) => missing(archive, digest),
    openBlob: async ({ digest }, offsetBytes) => files.open(nameOf(digest), offsetBytes),
    blobSize: async (digest) => await files.sizeBytes(nameOf(digest)) ?? missing(archive, nameOf(digest)),
  }
}

/** Layers are plain as docker and podman write them, and named by nothing that could be trusted. */
async function layerIn(files: ArchiveFiles, { name, diffId, archive }: { readonly name: string; readonly diffId: Digest; readonly archive: string }): Promise<Descriptor> {
  const size = await files.sizeBytes(name) ?? missing(archive, name)
  let start: Buffer = Buffer.alloc(0)
  for await (const chunk of files.open(name, 0)) { start = chunk.subarray(0, 16); break }
  const compression = detectCompression(start)
  if (compression === 'none') return { mediaType: DOCKER_LAYER, digest: diffId, size }
  const hash = createHash('sha256')
  for await (const chunk of files.open(name, 0)) hash.update(chunk)
  return { mediaType: compression === 'gzip' ? `${DOCKER_LAYER}.gzip` : `${OCI_LAYER}+zstd`, digest: sha256Digest(hash.digest('hex')), size }
}

export interface ReadImage {
  readonly bytes: Uint8Array
  readonly manifest: Descriptor
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
}

/** The documents of an archived image, of this machine's platform, for a store that is not our own. @throws invalid, unsupported */
export async function readArchivedImage({ source }: ArchivedImage): Promise<ReadImage> {
  const { chosen, image } = await chooseImage({ source, names: [] }, await source.resolve())
  requireRunnable(image, source.what)
  return { bytes: chosen.bytes, manifest: { mediaType: image.mediaType, digest: chosen.descriptor.digest, size: chosen.bytes.length }, config: image.config, layers: image.layers }
}
