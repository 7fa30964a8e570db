// An archive of images, from wherever it comes and however it is compressed, as one plain file that can be read at any place.
import { randomUUID } from 'node:crypto'
import { closeSync, constants, createReadStream, fstatSync, openSync, read, readSync, statfsSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Failure } from '../errors.ts'
import { detectCompression, foreignCompression, type ForeignCompression } from './decompress.ts'
import { plainBytes } from './plain-bytes.ts'

const CHUNK = 1 << 20

export interface ArchiveInput {
  /** Path of the archive, or its bytes. */
  readonly from: string | AsyncIterable<Uint8Array>
  /** For a copy, where the archive is compressed or cannot be read twice. */
  readonly scratchDir: string
  /** Writes what the file `input` holds, decompressed, into the empty file `output`; both stay open. */
  readonly decompress: (compression: ForeignCompression, files: { readonly input: number; readonly output: number }) => Promise<void>
}

const readFrom = promisify(read)

/** Not a stream of Node's, which closes the descriptor when it is left early. */
export async function* readPieces(fd: number, start: number, end = Infinity): AsyncGenerator<Buffer> {
  for (let at = start; at <= end;) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK, end - at + 1))
    const { bytesRead } = await readFrom(fd, chunk, 0, chunk.length, at)
    if (bytesRead === 0) return
    at += bytesRead
    yield chunk.subarray(0, bytesRead)
  }
}

const PROBE = 6

/** A descriptor of the plain tar archive: the file itself, or a copy that nobody else sees. @throws notFound, denied, invalid, unsupported; unavailable, noSpace: no room for the copy */
export async function openArchive(archive: ArchiveInput): Promise<number> {
  const { from, scratchDir } = archive
  if (typeof from !== 'string') return copyOf(from, archive)
  const fd = openReadable(from)
  // a pipe has no positions: its stream owns the descriptor
  if (!fstatSync(fd).isFile()) return copyOf(createReadStream('', { fd }), archive)
  let isTar = false
  try {
    const start = Buffer.alloc(PROBE)
    readSync(fd, start, 0, PROBE, 0)
    const foreign = foreignCompression(start)
    if (foreign) return await decompressed(foreign, fd, archive)
    isTar = detectCompression(start) === 'none'
    return isTar ? fd : await spool(plainBytes(readPieces(fd, 0)), scratchDir)
  } finally {
    if (!isTar) closeSync(fd)
  }
}

async function copyOf(chunks: AsyncIterable<Uint8Array>, archive: ArchiveInput): Promise<number> {
  const { start, all } = await begun(chunks)
  const foreign = foreignCompression(start)
  if (!foreign) return spool(plainBytes(all), archive.scratchDir)
  const compressed = await spool(all, archive.scratchDir)
  try {
    return await decompressed(foreign, compressed, archive)
  } finally {
    closeSync(compressed)
  }
}

/** The first bytes, and all from the beginning on. */
async function begun(chunks: AsyncIterable<Uint8Array>): Promise<{ start: Buffer; all: AsyncIterable<Uint8Array> }> {
  const rest = chunks[Symbol.asyncIterator]()
  const first: Uint8Array[] = []
  let size = 0
  while (size < PROBE) {
    const { done, value } = await rest.next()
    if (done) break
    first.push(value)
    size += value.length
  }
  return {
    start: Buffer.concat(first),
    all: (async function* () {
      yield* first
      yield* { [Symbol.asyncIterator]: () => rest }
    })(),
  }
}

async function decompressed(compression: ForeignCompression, input: number, { scratchDir, decompress }: ArchiveInput): Promise<number> {
  const output = scratchFile(scratchDir)
  try {
    await decompress(compression, { input, output })
    return output
  } catch (error) {
    closeSync(output)
    throw error
  }
}

function openReadable(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Failure(code === 'ENOENT' ? 'notFound' : 'denied', `cannot read ${path}: ${code === 'ENOENT' ? 'it does not exist' : code}`, { cause: error })
  }
}

/** Without a name: it goes with its descriptor, whatever becomes of us. */
function scratchFile(dir: string): number {
  const path = join(dir, `.archive-${randomUUID()}`)
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600)
  unlinkSync(path)
  return fd
}

async function spool(chunks: AsyncIterable<Uint8Array>, dir: string): Promise<number> {
  const fd = scratchFile(dir)
  const { bavail, bsize } = statfsSync(dir)
  let left = bavail * bsize
  try {
    for await (const chunk of chunks) {
      left -= chunk.length
      if (left < 0) throw new Failure('unavailable', `the archive is larger than the space that is left in ${dir}`)
      for (let at = 0; at < chunk.length;) at += writeSync(fd, chunk, at)
    }
    return fd
  } catch (error) {
    closeSync(fd)
    throw error
  }
}
