// Where a blob's bytes come from: the store, or a partial that this process continues.
import { closeSync, createReadStream, fstatSync, renameSync, rmSync } from 'node:fs'
import { Failure } from '../errors.ts'
import { hashFor, hexOf, type Digest } from '../image/digest.ts'
import { openBlob } from './blob-files.ts'
import { download } from './download.ts'
import { claimPartial, type Claim } from './partial.ts'
import type { Store } from './store.ts'
import type { BlobDescriptor, BlobSource, IngestOptions } from './storage.ts'
import type { Feed } from './unpackers.ts'

export interface Obtained {
  /** Opens the bytes, in this process only. */
  readonly path: string
  /** Absent when the blob is in the store. */
  readonly claim: Claim | undefined
  /** Bytes that were on disk before. */
  readonly reusedBytes: number
  /** Of the file as it is now. */
  sizeBytes(): number
  fetchedBytes(): number
  /** Ends the claim or closes the file; called once. */
  close(): void
  /** Tells `feed` what is there and downloads the rest. */
  arrive(work: { signal: AbortSignal, feed: Pick<Feed, 'grow'> }): Promise<void>
}

/** Waits while another process is at it. */
export async function obtain(store: Store, source: BlobSource, options: IngestOptions): Promise<Obtained> {
  const { digest, size } = source.descriptor
  for (;;) {
    const fd = openBlob(store.files, digest)
    if (fd !== undefined) return found(fd)
    const claim = await claimPartial({
      files: store.files, digest, sizeBytes: size, stallMs: store.stallMs,
      signal: options.signal ?? new AbortController().signal,
      onWaiting: (receivedBytes) => options.onProgress?.({ phase: 'waiting', receivedBytes, totalBytes: size }),
    })
    if (claim !== undefined) return claimed(claim, source, options)
  }
}

function found(fd: number): Obtained {
  const { size } = fstatSync(fd)
  return {
    path: pathOf(fd), claim: undefined, reusedBytes: size,
    sizeBytes: () => size,
    fetchedBytes: () => 0,
    arrive: async ({ feed }) => feed.grow(size),
    close: () => closeSync(fd),
  }
}

/** The file behind a descriptor of this process, whatever its name becomes meanwhile. */
const pathOf = (fd: number): string => `/proc/self/fd/${fd}`

function claimed(claim: Claim, source: BlobSource, options: IngestOptions): Obtained {
  const { descriptor } = source
  let fetched = 0
  return {
    path: pathOf(claim.fd), claim, reusedBytes: claim.sizeBytes,
    sizeBytes: () => fstatSync(claim.fd).size,
    fetchedBytes: () => fetched,
    close: claim.release,
    async arrive({ signal, feed }) {
      const report = (receivedBytes: number) => options.onProgress?.({
        phase: receivedBytes === descriptor.size ? 'unpacking' : 'downloading', receivedBytes, totalBytes: descriptor.size,
      })
      feed.grow(claim.sizeBytes)
      report(claim.sizeBytes)
      const onWritten = (available: number) => {
        fetched = available - claim.sizeBytes
        feed.grow(available)
        report(available)
      }
      await download({ claim, descriptor, open: source.open, signal, onWritten })
    },
  }
}

/** The bytes are right: the partial becomes a verified blob. Another process may have been faster. */
export async function acceptBlob(store: Store, blob: Obtained, { digest }: BlobDescriptor): Promise<void> {
  if (blob.claim === undefined) return
  if (store.files.present(digest) === undefined) renameSync(blob.claim.path, store.files.verified(digest))
  else blob.claim.discard()
}

/** The bytes are wrong, in the partial or in the store. */
export function dropDamaged(store: Store, blob: Obtained, { digest }: BlobDescriptor): void {
  blob.claim?.discard()
  if (blob.claim !== undefined) return
  rmSync(store.files.final(digest), { force: true })
  rmSync(store.files.verified(digest), { force: true })
}

/** Whether a file has the bytes of its digest. */
export async function isIntact(path: string, digest: Digest): Promise<boolean> {
  const hash = hashFor(digest)
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  return hash.digest('hex') === hexOf(digest)
}

export const damaged = ({ digest, size }: BlobDescriptor, cause?: unknown): Failure =>
  new Failure('invalid', `the bytes that came for blob ${digest} (${size} bytes) are not those of that digest`,
    { cause, hint: 'what was downloaded has been removed; the registry or a proxy in front of it may be broken' })
