// Who downloads a blob: the process that holds flock on its partial file. The lock goes with the process, so a dead
// holder is succeeded at once; the file stays, so nothing on disk is fetched again.
import { closeSync, constants, copyFileSync, fstatSync, ftruncateSync, openSync, statSync, unlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '../clock.ts'
import { Failure } from '../errors.ts'
import { flock } from '../sys/addon.ts'
import type { Digest } from '../image/digest.ts'
import type { BlobFiles } from './blob-files.ts'

export interface Claim {
  readonly path: string
  readonly fd: number
  /** Bytes that are there already, still to be hashed. */
  readonly sizeBytes: number
  /** The file stays, for a successor. Idempotent. */
  release(): void
  /** The file goes too. */
  discard(): void
}

export interface ClaimRequest {
  readonly files: BlobFiles
  readonly digest: Digest
  /** As announced. */
  readonly sizeBytes: number
  /** How long another's partial may stand still before we make our own. */
  readonly stallMs: number
  readonly signal: AbortSignal
  /** Called while another process is at it. */
  onWaiting(receivedBytes: number): void
}

const POLL_MS = 20
const SLOTS = 8
/** A partial that is whole waits for its holder to unpack it, which takes no bytes. */
const PATIENCE_WHEN_WHOLE = 6

/** Waits for the right to write the blob; undefined when another process has finished it meanwhile. Failure cancelled. */
export async function claimPartial(request: ClaimRequest): Promise<Claim | undefined> {
  for (let slot = 0; slot < SLOTS; slot++) {
    const outcome = await waitForSlot(request, slot)
    if (outcome === 'present') return undefined
    if (outcome !== 'stalled') return outcome
  }
  throw new Failure('unavailable', `${SLOTS} other processes are downloading blob ${request.digest} and none gets on`)
}

async function waitForSlot(request: ClaimRequest, slot: number): Promise<Claim | 'present' | 'stalled'> {
  const { files, digest, signal } = request
  const path = files.partial(digest, slot)
  let fd = openPartial(path)
  let seen = -1
  let since = monotonicMs()
  try {
    for (;;) {
      if (signal.aborted) throw new Failure('cancelled', `the download of blob ${digest} was cancelled`, { cause: signal.reason })
      if (files.present(digest) !== undefined) return 'present'
      if (flock(fd, 'exclusive')) {
        if (isSame(fd, path)) {
          const claimed = fd
          fd = -1
          return takeOver(request, { fd: claimed, path, slot })
        }
        closeSync(fd)
        fd = openPartial(path)
        continue
      }
      const { size } = fstatSync(fd)
      if (size !== seen) {
        seen = size
        since = monotonicMs()
        request.onWaiting(size)
      } else if (monotonicMs() - since > request.stallMs * (size >= request.sizeBytes ? PATIENCE_WHEN_WHOLE : 1)) return 'stalled'
      await sleep(POLL_MS)
    }
  } finally {
    if (fd >= 0) closeSync(fd)
  }
}

const openPartial = (path: string): number => openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)

const isSame = (fd: number, path: string): boolean => {
  const there = statSync(path, { throwIfNoEntry: false })
  return there !== undefined && there.ino === fstatSync(fd).ino
}

function takeOver(request: ClaimRequest, { fd, path, slot }: { fd: number, path: string, slot: number }): Claim | 'present' {
  const claim = makeClaim(fd, path)
  if (request.files.present(request.digest) !== undefined) {
    claim.discard()
    return 'present'
  }
  const best = longestOther(request, slot)
  if (best !== undefined && best.sizeBytes > fstatSync(fd).size) copyFileSync(best.path, path, constants.COPYFILE_FICLONE)
  if (fstatSync(fd).size > request.sizeBytes) ftruncateSync(fd, 0)
  return { ...claim, sizeBytes: fstatSync(fd).size }
}

/** Others' bytes are as good as ours: all are hashed before they count. */
function longestOther({ files, digest }: ClaimRequest, own: number): { path: string, sizeBytes: number } | undefined {
  let best: { path: string, sizeBytes: number } | undefined
  for (let slot = 0; slot < SLOTS; slot++) {
    const path = files.partial(digest, slot)
    const sizeBytes = slot === own ? 0 : statSync(path, { throwIfNoEntry: false })?.size ?? 0
    if (sizeBytes > (best?.sizeBytes ?? 0)) best = { path, sizeBytes }
  }
  return best
}

function makeClaim(fd: number, path: string): Claim {
  let open = true
  const release = () => {
    if (!open) return
    open = false
    flock(fd, 'unlock')
    closeSync(fd)
  }
  const discard = () => {
    if (open && isSame(fd, path)) unlinkSync(path)
    release()
  }
  return { path, fd, sizeBytes: 0, release, discard }
}
