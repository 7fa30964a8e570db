import { closeSync, fdatasync, fstatSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Failure } from '../errors.ts'
import { writeFileAtomic } from '../fs/write-atomic.ts'
import { makeDir } from '../fs/remove-tree.ts'
import { algorithmOf, digestOf, hashFor, hexOf, matchesDigest, type Digest } from '../image/digest.ts'
import { finalize, listBlobs, openBlob, partialBytes, type BlobFiles } from './blob-files.ts'
import { acceptBlob, damaged, dropDamaged, obtain } from './obtain.ts'
import { GrowingFile } from './growing-file.ts'
import type { Store } from './store.ts'
import type { Blobs, BlobSource, IngestOptions } from './storage.ts'

const sync = promisify(fdatasync)

export function makeBlobs(store: Store): Blobs {
  const { files } = store
  return {
    has: async (digest, sizeBytes) => {
      const path = files.present(digest)
      return path !== undefined && (sizeBytes === undefined || statSync(path, { throwIfNoEntry: false })?.size === sizeBytes)
    },
    keepsLayers: store.options.keepBlobs !== false,
    path: (digest) => files.present(digest) ?? files.final(digest),
    async read(digest, maxBytes) {
      const fd = openBlob(files, digest)
      if (fd === undefined) throw new Failure('notFound', `blob ${digest} isn't in the store`)
      try {
        if (fstatSync(fd).size > maxBytes) throw new Failure('invalid', `blob ${digest} is bigger than ${maxBytes} bytes`)
        const content = readFileSync(fd)
        if (matchesDigest(content, digest)) return content
      } finally {
        closeSync(fd)
      }
      removeBlob(files, digest)
      throw new Failure('invalid', `blob ${digest} was damaged on disk and has been removed`, { hint: 'pull the image again' })
    },
    async put(bytes) {
      const digest = digestOf(bytes)
      if (statSync(files.final(digest), { throwIfNoEntry: false })?.size !== bytes.length) {
        makeDir(join(files.dir, algorithmOf(digest)))
        writeFileAtomic(files.final(digest), bytes, { sync: store.sync, mode: 0o600 })
      }
      return digest
    },
    fetch: (source, options = {}) => fetchBlob(store, source, options),
    remove: async (digest) => removeBlob(files, digest),
    list: async () => listBlobs(files),
    partialBytes: () => partialBytes(files),
  }
}

function removeBlob(files: BlobFiles, digest: Digest): void {
  rmSync(files.verified(digest), { force: true })
  rmSync(files.final(digest), { force: true })
}

async function fetchBlob(store: Store, source: BlobSource, options: IngestOptions): Promise<void> {
  const { descriptor } = source
  for (let attempt = 0; ; attempt++) {
    const blob = await obtain(store, source, options)
    if (blob.claim === undefined) {
      blob.close()
      if (blob.sizeBytes() === descriptor.size) return
      dropDamaged(store, blob, descriptor)
      continue
    }
    try {
      const file = new GrowingFile(blob.path)
      const hashing = hashOf(file, descriptor)
      const arriving = blob.arrive({ signal: options.signal ?? new AbortController().signal, feed: file }).then(() => file.end(), (error: unknown) => {
        file.abort(error)
        throw error
      })
      const [, hex] = await Promise.all([arriving, hashing])
      if (hex === hexOf(descriptor.digest)) {
        if (store.sync) await sync(blob.claim.fd)
        await acceptBlob(store, blob, descriptor)
        finalize(store.files, descriptor.digest)
        return
      }
      dropDamaged(store, blob, descriptor)
      if (blob.reusedBytes === 0 ? !await source.distrust?.() : attempt > 0) throw damaged(descriptor)
    } catch (error) {
      if (error instanceof Failure && error.kind === 'invalid') blob.claim.discard()
      throw error
    } finally {
      blob.close()
    }
  }
}

async function hashOf(file: GrowingFile, { digest }: BlobSource['descriptor']): Promise<string> {
  const hash = hashFor(digest)
  try {
    for (let chunk = await file.next(); chunk !== undefined; chunk = await file.next()) hash.update(chunk)
    return hash.digest('hex')
  } finally {
    file.close()
  }
}
