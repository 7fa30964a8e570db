// Where blobs lie. A blob goes partial -> verified -> final: `verified` holds the right bytes, but they are only
// known to be on the disk itself once an image's one sync has passed; so its name carries the boot, and after a
// power cut it is a partial again.
import { existsSync, openSync, readFileSync, readdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { algorithmOf, hexOf, parseDigest, isDigest, type Digest } from '../image/digest.ts'
import { makeDir } from '../fs/remove-tree.ts'

export interface BlobFiles {
  readonly dir: string
  readonly partials: string
  final(digest: Digest): string
  verified(digest: Digest): string
  partial(digest: Digest, slot: number): string
  /** The file with the blob's bytes, or undefined. */
  present(digest: Digest): string | undefined
}

const VERIFIED = /^([a-z0-9]+)-([0-9a-f]+)\.verified-([0-9a-f-]+)$/
export const PARTIAL = /^([a-z0-9]+)-([0-9a-f]+)\.([0-9])$/

let boot: string | undefined
const bootId = (): string => (boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())

export function makeBlobFiles(dir: string): BlobFiles {
  const partials = join(dir, 'partial')
  const stem = (digest: Digest) => join(partials, `${algorithmOf(digest)}-${hexOf(digest)}`)
  const files: BlobFiles = {
    dir,
    partials,
    final: (digest) => join(dir, algorithmOf(digest), hexOf(digest)),
    verified: (digest) => `${stem(digest)}.verified-${bootId()}`,
    partial: (digest, slot) => `${stem(digest)}.${slot}`,
    // In the order in which a blob moves: the other way round it could slip through between the two looks.
    present: (digest) => [files.verified(digest), files.final(digest)].find((path) => existsSync(path)),
  }
  makeDir(dir, 0o700) // of images that a registry gives only to whom it knows
  makeDir(join(dir, 'sha256'))
  makeDir(partials, 0o700)
  return files
}

/** After the sync: the verified file becomes the blob. Harmless when it is one already or another process was faster. */
export function finalize(files: BlobFiles, digest: Digest): void {
  makeDir(join(files.dir, algorithmOf(digest)))
  try {
    renameSync(files.verified(digest), files.final(digest))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** A descriptor of the blob's file, to be closed; undefined where there is none. */
export function openBlob(files: BlobFiles, digest: Digest): number | undefined {
  for (const path of [files.verified(digest), files.final(digest)]) {
    try {
      return openSync(path, 'r')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return undefined
}

/** Blobs verified before the last boot may have lost bytes: their next user hashes them again. */
export function demoteOldVerified(files: BlobFiles): void {
  for (const name of readdirSync(files.partials)) {
    const [, algorithm, hex, madeIn] = VERIFIED.exec(name) ?? []
    if (madeIn === undefined || madeIn === bootId()) continue
    const digest = parseDigest(`${algorithm}:${hex}`)
    try {
      renameSync(join(files.partials, name), files.partial(digest, 0))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
}

/** What has come so far of blobs that are on their way, or was left of one. A server is asked for it all the time: no thread of its own stays for it. */
export async function partialBytes(files: BlobFiles): Promise<number> {
  const { readdir, stat } = await import('node:fs/promises')
  const names = (await readdir(files.partials)).filter((name) => PARTIAL.test(name))
  const sizes = await Promise.all(names.map((name) => stat(join(files.partials, name)).then(({ size }) => size, () => 0)))
  return sizes.reduce((sum, size) => sum + size, 0)
}

export function listBlobs(files: BlobFiles): { digest: Digest, sizeBytes: number }[] {
  const found = new Map<string, string>()
  for (const name of readdirSync(files.partials)) {
    const [, algorithm, hex, madeIn] = VERIFIED.exec(name) ?? []
    if (madeIn === bootId()) found.set(`${algorithm}:${hex}`, join(files.partials, name))
  }
  for (const algorithm of readdirSync(files.dir)) {
    if (algorithm === 'partial') continue
    for (const hex of readdirSync(join(files.dir, algorithm))) found.set(`${algorithm}:${hex}`, join(files.dir, algorithm, hex))
  }
  return [...found].flatMap(([digest, path]) => {
    const stats = isDigest(digest) ? statSync(path, { throwIfNoEntry: false }) : undefined
    return stats === undefined ? [] : [{ digest: digest as Digest, sizeBytes: stats.size }]
  })
}
