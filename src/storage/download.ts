// Network to partial file, in order, so that a file's length is all that a successor needs to know.
import { writev } from 'node:fs'
import { promisify } from 'node:util'
import { Failure } from '../errors.ts'
import type { Claim } from './partial.ts'
import type { BlobDescriptor, OpenBlob } from './storage.ts'

const writevAsync = promisify(writev)

/** Bytes that may wait for the disk before the network is held back. */
const MOST_PENDING = 4 << 20
const MOST_REOPENED = 3

export interface Download {
  readonly claim: Claim
  readonly descriptor: BlobDescriptor
  readonly open: OpenBlob
  readonly signal: AbortSignal
  /** Called with the length of what is written. */
  onWritten(availableBytes: number): void
}

/**
 * Appends what is missing and returns how much that was. Failures: invalid as soon as more comes than was announced,
 * unavailable when less comes, whatever `open` throws. Bytes written stay in the partial.
 */
export async function download(work: Download): Promise<number> {
  const { claim, descriptor } = work
  let position = claim.sizeBytes
  for (let opened = 0; position < descriptor.size; opened++) {
    const before = position
    position = await append(work, position)
    const stuck = position === before || opened === MOST_REOPENED
    if (position < descriptor.size && stuck) {
      throw new Failure('unavailable', `blob ${descriptor.digest} ended after ${position} of ${descriptor.size} bytes`, { hint: 'try again: what has arrived is kept' })
    }
  }
  return position - claim.sizeBytes
}

async function append({ claim, descriptor, open, signal, onWritten }: Download, start: number): Promise<number> {
  let received = start
  let written = start
  let pending: Uint8Array[] = []
  let writing: Promise<void> | undefined
  let failed: unknown
  const pump = async () => {
    while (pending.length > 0 && failed === undefined) {
      const batch = pending
      pending = []
      written = await writeBatch(claim.fd, batch, written)
      onWritten(written)
    }
  }
  const startWriting = () => {
    writing ??= pump().catch((error: unknown) => { failed = error ?? new Error('write failed') }).finally(() => { writing = undefined })
  }
  try {
    for await (const chunk of await open(start, signal)) {
      if (signal.aborted) break
      received += chunk.length
      if (received > descriptor.size) throw new Failure('invalid', `blob ${descriptor.digest} is bigger than the announced ${descriptor.size} bytes`)
      pending.push(chunk)
      startWriting()
      if (received - written > MOST_PENDING) await writing
      if (failed !== undefined) throw failed
    }
  } finally {
    await writing
  }
  if (failed !== undefined) throw failed
  if (signal.aborted) throw new Failure('cancelled', `the download of blob ${descriptor.digest} was cancelled`, { cause: signal.reason })
  return written
}

async function writeBatch(fd: number, batch: readonly Uint8Array[], position: number): Promise<number> {
  let left = batch
  let at = position
  while (left.length > 0) {
    const { bytesWritten } = await writevAsync(fd, left, at)
    at += bytesWritten
    left = after(left, bytesWritten)
  }
  return at
}

/** What a short write left over. */
function after(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes
  const rest: Uint8Array[] = []
  for (const chunk of chunks) {
    if (skip >= chunk.length) skip -= chunk.length
    else {
      rest.push(chunk.subarray(skip))
      skip = 0
    }
  }
  return rest
}
