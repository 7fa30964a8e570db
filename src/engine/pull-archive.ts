// Pulls of what is no registry: `docker-archive:FILE[:NAME|@INDEX]`, `oci-archive:FILE[:NAME]` and `dir:DIRECTORY`,
// as containers/image writes them (its containers-transports(5)).
import { Failure } from '../errors.ts'
import { archiveName } from '../image/archive-manifest.ts'
import { hostPlatform, parsePlatform } from '../image/platform.ts'
import { canonicalName, parseReference } from '../image/reference.ts'
import type { ImageRecord } from '../state/images.ts'
import type { Engine } from './engine.ts'
import { admitLocal } from './admit-local.ts'
import { openImageArchive, type ArchivedImage } from './open-image-archive.ts'
import type { PullImage } from './pull-image.ts'
import { storeImage } from './store-image.ts'

type Parts = Pick<Engine, 'config' | 'paths' | 'state' | 'self' | 'storage' | 'registry'>

export interface ArchiveReference {
  readonly transport: string
  /** What follows the colon. */
  readonly place: string
}

/** One image of an archive, under the names that it has there. @throws notFound, denied, invalid, unsupported, cancelled */
export async function pullArchive(engine: Parts, { platform, signal, onProgress }: PullImage, { transport, place }: ArchiveReference): Promise<ImageRecord> {
  const [path, image] = transport === 'dir' ? [place] : split(place)
  const what = `${transport}:${path}`
  if (path === '') throw new Failure('invalid', `"${what}" lacks a path`, { hint: `write ${transport}:PATH` })
  await engine.storage() // makes the folder
  const archive = await openImageArchive({ from: path, scratchDir: engine.paths.staging, signal })
  try {
    await admitLocal(engine, { transport: archive.transport, path, image })
    const { source, names } = choose(archive.images, { what, image })
    onProgress?.({ kind: 'source', reference: source.what })
    return await storeImage(engine, {
      source, names,
      ...(platform !== undefined && { platform: parsePlatform(platform, hostPlatform()) }), ...(signal && { signal }), ...(onProgress && { onProgress }),
    })
  } finally {
    archive.close()
  }
}

/** A file name has no colon there, as with podman. */
function split(place: string): [string, string?] {
  const colon = place.indexOf(':')
  return colon < 0 ? [place] : [place.slice(0, colon), place.slice(colon + 1)]
}

/** A short name is this machine's where the archive has it so, else docker.io's: others write those in full. */
function meant(images: readonly ArchivedImage[], image: string): string {
  const own = archiveName(image)
  return images.some(({ names }) => names.includes(own)) ? own : canonicalName(parseReference(image))
}

function choose(images: readonly ArchivedImage[], { what, image }: { what: string; image: string | undefined }): ArchivedImage {
  const at = /^@(\d{1,6})$/.exec(image ?? '')?.[1]
  const wanted = image === undefined || at !== undefined ? undefined : meant(images, image)
  const found = at !== undefined ? images.slice(Number(at), Number(at) + 1)
    : wanted === undefined ? images : images.filter(({ names }) => names.includes(wanted))
  const [first] = found
  if (first !== undefined && found.length === 1) return wanted === undefined ? first : { ...first, names: [wanted] }
  const names = images.map(({ names: [name] }, at) => name ?? `@${at}`).slice(0, 20)
  throw new Failure('notFound', first === undefined ? `${what} holds no image "${image}"` : `${what} holds ${found.length} images`, {
    hint: `it has ${names.join(', ')}: write ${what}:NAME, or read all of them with scow load`,
  })
}
