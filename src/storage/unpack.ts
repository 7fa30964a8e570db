// One pass over a blob: its digest, decompression, the diff id and the tree.
import { createHash } from 'node:crypto'
import { Failure, isFailure, isNoSpace } from '../errors.ts'
import { shownPath } from './byte-path.ts'
import { detectCompression, makeDecompressor, type Decompressor } from './decompress.ts'
import type { GrowingFile } from './growing-file.ts'
import { TarParser } from './tar-parser.ts'
import { FREE_SPACE, tooLarge, TreeWriter, type TreeLimits, type WrittenTree } from './tree-writer.ts'
import type { WhiteoutStyle } from './whiteouts.ts'

/** Can be sent to a worker. */
export interface UnpackJob {
  /** The blob's file, which may still grow. */
  readonly file: string
  /** Digest that the blob should have, for messages and its algorithm. */
  readonly digest: string
  /** That the blob should have. */
  readonly sizeBytes: number
  /** Whether the diff id is known, so that the archive's own checksums need no look. */
  readonly known: boolean
  /** Algorithm of the diff id. */
  readonly diffAlgorithm: string
  /** Empty directory for the tree; absent: digest only. */
  readonly root?: string
  readonly style: WhiteoutStyle
  readonly limits: TreeLimits
  readonly umask: number
}

export interface Unpacked {
  /** Hex of the bytes as they came, and of them decompressed. */
  readonly digestHex: string
  readonly diffHex: string
  readonly tree: WrittenTree
}

/** Beyond the files' own bytes: headers, padding, whatever follows the end mark. */
const STREAM_SLACK = 1 << 30

/** Failures: invalid (names digest and entry), noSpace, unavailable (of the disk). The tree's root stays, half filled, on failure. */
export async function unpack(job: UnpackJob, input: GrowingFile): Promise<Unpacked> {
  const blobHash = createHash(job.digest.slice(0, job.digest.indexOf(':')))
  const diffHash = createHash(job.diffAlgorithm)
  const writer = new TreeWriter({ root: job.root ?? '', style: job.style, limits: job.limits, umask: job.umask })
  const parser = new TarParser(writer)
  let streamed = 0
  const onBytes = (chunk: Buffer) => {
    streamed += chunk.length
    if (streamed > job.limits.maxBytes + STREAM_SLACK) throw tooLarge(job.limits)
    diffHash.update(chunk)
    parser.feed(chunk)
  }
  try {
    let decompressor: Decompressor | undefined
    for (let chunk = await input.next(); chunk !== undefined; chunk = await input.next()) {
      blobHash.update(chunk)
      decompressor ??= makeDecompressor(detectCompression(chunk), onBytes, { checked: !job.known })
      await decompressor.write(chunk)
      // Others of this thread have their turn: downloads, and messages for a worker.
      await new Promise(setImmediate)
    }
    await decompressor?.finish()
    parser.finish()
    const tree = writer.finish()
    return { digestHex: blobHash.digest('hex'), diffHex: diffHash.digest('hex'), tree }
  } catch (error) {
    writer.close()
    throw explain(error, job.digest, writer.current)
  } finally {
    input.close()
  }
}

const OF_THE_DISK = new Set(['EROFS', 'EIO', 'ENFILE', 'EMFILE'])

/** Says which layer and entry; a refusal of the file system is the archive's fault unless the disk is. */
function explain(error: unknown, digest: string, entry: string): unknown {
  const where = `layer ${digest}${entry === '' ? '' : `, entry "${shownPath(entry)}"`}`
  if (isFailure(error)) {
    if (error.kind === 'cancelled') return error
    return new Failure(error.kind, `${where}: ${error.message}`, { cause: error, ...(error.hint === undefined ? {} : { hint: error.hint }) })
  }
  const { code, syscall } = error as NodeJS.ErrnoException
  if (code === undefined || syscall === undefined) return error
  if (isNoSpace(code)) return new Failure('noSpace', `${where}: can't be written (${code})`, { cause: error, hint: FREE_SPACE })
  if (OF_THE_DISK.has(code)) return new Failure('unavailable', `${where}: can't be written (${code})`, { cause: error })
  return new Failure('invalid', `${where}: can't be unpacked (${syscall}: ${code})`, { cause: error, ...(code === 'EPERM' && process.geteuid?.() !== 0 ? { hint: 'run scow as root: it has no rootless containers yet' } : {}) })
}
