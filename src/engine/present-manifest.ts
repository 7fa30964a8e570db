import { Failure } from '../errors.ts'
import { matchesDigest, parseDigest } from '../image/digest.ts'
import { MAX_MANIFEST_BYTES, parseManifest } from '../image/manifest.ts'
import { hostPlatform, selectPlatform } from '../image/platform.ts'

export interface PresentManifest {
  readonly what: string
  readonly top: { readonly mediaType: string; readonly digest: string }
  readonly read: (digest: string, maxBytes: number) => Promise<Uint8Array>
  readonly has: (digest: string) => Promise<boolean>
}

const MAX_NESTED = 3

/** The manifest of one image below what may be an index: this machine's platform, else one that is there. @throws notFound, invalid */
export async function presentManifest({ what, top, read, has }: PresentManifest): Promise<{ readonly bytes: Uint8Array; readonly mediaType: string }> {
  let { digest, mediaType } = top
  for (let depth = 0; depth <= MAX_NESTED; depth++) {
    const bytes = await read(digest, MAX_MANIFEST_BYTES)
    if (!matchesDigest(bytes, parseDigest(digest))) throw new Failure('invalid', `${what}: the content of ${digest} is damaged`)
    const manifest = parseManifest(bytes, mediaType, what)
    if (manifest.kind !== 'index') return { bytes, mediaType: manifest.mediaType }
    const present = []
    for (const entry of manifest.manifests) if (await has(entry.digest)) present.push(entry)
    if (present.length === 0) throw new Failure('notFound', `${what}: none of the images of its index is there`)
    const chosen = present.length === 1 ? present[0]! : selectPlatform(present, hostPlatform(), what)
    ;({ digest, mediaType } = chosen)
  }
  throw new Failure('unsupported', `${what}: its index does not lead to an image`)
}
