// An OCI image layout on disk (OCI image spec, image-layout.md) as a source of images.
import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, reasonOf } from '../errors.ts'
import type { Descriptor } from '../image/descriptor.ts'
import { algorithmOf, hexOf, matchesDigest, type Digest } from '../image/digest.ts'
import { MAX_MANIFEST_BYTES, parseManifest } from '../image/manifest.ts'
import type { ImageSource } from './image-source.ts'

const REF_NAME = 'org.opencontainers.image.ref.name'

/** `tag` is the org.opencontainers.image.ref.name of the entry, or its digest; absent: the only entry. */
export function ociLayoutSource(dir: string, tag?: string): ImageSource {
  const what = `oci:${dir}${tag === undefined ? '' : `:${tag}`}`
  const pathOf = (digest: Digest): string => join(dir, 'blobs', algorithmOf(digest), hexOf(digest))
  const read = async (descriptor: Descriptor): Promise<Uint8Array> => {
    const { digest, size } = descriptor
    if (size > MAX_MANIFEST_BYTES) throw new Failure('invalid', `${what}: the manifest ${digest} is larger than ${MAX_MANIFEST_BYTES} bytes`)
    const bytes = await readFile(pathOf(digest)).catch(unreadable(what, pathOf(digest)))
    if (bytes.length !== size || !matchesDigest(bytes, digest)) throw new Failure('invalid', `${what}: the content of ${digest} is damaged`)
    return bytes
  }
  return {
    what,
    resolve: async () => {
      const descriptor = await entry(dir, tag, what)
      return { descriptor, bytes: await read(descriptor) }
    },
    manifest: read,
    openBlob: async ({ digest }, offsetBytes, signal) => {
      const file = await open(pathOf(digest)).catch(unreadable(what, pathOf(digest)))
      return file.createReadStream({ start: offsetBytes, highWaterMark: 1 << 20, ...(signal && { signal }) })
    },
    blobSize: async (digest) => (await stat(pathOf(digest)).catch(unreadable(what, pathOf(digest)))).size,
  }
}

const unreadable = (what: string, path: string) => (cause: NodeJS.ErrnoException): never => {
  throw new Failure(cause.code === 'ENOENT' || cause.code === 'ENOTDIR' ? 'notFound' : 'invalid', `${what}: ${path} cannot be read: ${reasonOf(cause)}`, { cause })
}

async function entry(dir: string, tag: string | undefined, what: string): Promise<Descriptor> {
  const path = join(dir, 'index.json')
  const index = parseManifest(await readFile(path).catch(unreadable(what, path)), undefined, what)
  if (index.kind !== 'index') throw new Failure('invalid', `${path} is not an index of an OCI layout`)
  const found = tag === undefined ? index.manifests : index.manifests.filter(({ digest, annotations }) => annotations?.[REF_NAME] === tag || digest === tag)
  const [first] = found
  if (first !== undefined && found.length === 1) return first
  const names = index.manifests.flatMap(({ annotations }) => annotations?.[REF_NAME] ?? []).slice(0, 20)
  throw new Failure('notFound', first === undefined ? `${what}: no such image in the layout` : `${dir} holds ${found.length} images${tag === undefined ? '' : ` called ${tag}`}`, {
    ...(names.length > 0 && { hint: `it has ${names.join(', ')}: write oci:${dir}:NAME` }),
  })
}
