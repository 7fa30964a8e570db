// The files of an image archive, whether they lie in a tar file or in a directory: read by name, bounded, never outside.
import { closeSync, constants, createReadStream, fstatSync, openSync, read, readSync, statfsSync, statSync, unlinkSync, writeSync } from 'node:fs'
import { join, posix } from 'node:path'
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { Failure } from '../errors.ts'
import { openInRoot } from '../sys/addon.ts'
import { detectCompression, foreignCompression, type ForeignCompression } from './decompress.ts'
import { indexArchive, type ArchiveMember } from './index-archive.ts'
import { plainBytes } from './plain-bytes.ts'

export interface ArchiveFiles {
  /** Undefined: there is no such file. @throws invalid: larger than `maxBytes` */
  read(name: string, maxBytes: number): Promise<Buffer | undefined>
  /** Undefined: there is no such file. */
  sizeBytes(name: string): Promise<number | undefined>
  /** @throws notFound */
  open(name: string, offsetBytes: number): AsyncIterable<Buffer>
  close(): void
}

const CHUNK = 1 << 20

/** A directory; links in it are resolved as if it were /. */
export function directoryFiles(dir: string): ArchiveFiles {
  const openFile = (name: string): number | undefined => {
    try {
      const fd = openInRoot(dir, name, constants.O_RDONLY | constants.O_NONBLOCK)
      if (fstatSync(fd).isFile()) return fd
      closeSync(fd)
      return undefined
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined
      throw new Failure('denied', `${join(dir, name)} cannot be read: ${code}`, { cause: error })
    }
  }
  return {
    async read(name, maxBytes) {
      const fd = openFile(name)
      return fd === undefined ? undefined : readPart(fd, { name, maxBytes, offsetBytes: 0, sizeBytes: fstatSync(fd).size, close: true })
    },
    async sizeBytes(name) {
      const fd = openFile(name)
      if (fd === undefined) return undefined
      try { return fstatSync(fd).size } finally { closeSync(fd) }
    },
    open(name, offsetBytes) {
      const fd = openFile(name)
      if (fd === undefined) throw new Failure('notFound', `${dir} lacks ${name}`)
      return createReadStream('', { fd, start: offsetBytes, highWaterMark: CHUNK })
    },
    close: () => {},
  }
}

interface Part { readonly name: string; readonly offsetBytes: number; readonly sizeBytes: number; readonly maxBytes: number; readonly close: boolean }

function readPart(fd: number, { name, offsetBytes, sizeBytes, maxBytes, close }: Part): Buffer {
  try {
    if (sizeBytes > maxBytes) throw new Failure('invalid', `${name} has ${sizeBytes} bytes, more than the ${maxBytes} that are allowed`)
    const bytes = Buffer.alloc(sizeBytes)
    for (let at = 0; at < sizeBytes;) {
      const count = readSync(fd, bytes, at, sizeBytes - at, offsetBytes + at)
      if (count === 0) throw new Failure('invalid', `${name} ends too early`)
      at += count
    }
    return bytes
  } finally {
    if (close) closeSync(fd)
  }
}

export interface ArchiveInput {
  /** Path of the archive, or its bytes. */
  readonly from: string | AsyncIterable<Uint8Array>
  /** For a copy, where the archive is compressed or cannot be read twice. */
  readonly scratchDir: string
  /** Writes what the file `input` holds, decompressed, into the empty file `output`; both stay open. */
  readonly decompress: (compression: ForeignCompression, files: { readonly input: number; readonly output: number }) => Promise<void>
}

/** A tar archive, compressed or not. @throws notFound, denied, invalid; unavailable: no room for the copy */
export async function tarFiles(archive: ArchiveInput): Promise<ArchiveFiles> {
  const fd = await openArchive(archive)
  try {
    return filesOf(fd, await indexArchive(stream(fd, 0)))
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

const readFrom = promisify(read)

/** Not a stream of Node's, which closes the descriptor when it is left early. */
async function* stream(fd: number, start: number, end = Infinity): AsyncGenerator<Buffer> {
  for (let at = start; at <= end;) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK, end - at + 1))
    const { bytesRead } = await readFrom(fd, chunk, 0, chunk.length, at)
    if (bytesRead === 0) return
    at += bytesRead
    yield chunk.subarray(0, bytesRead)
  }
}

const PROBE = 6

async function openArchive(archive: ArchiveInput): Promise<number> {
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
    return isTar ? fd : await spool(plainBytes(stream(fd, 0)), scratchDir)
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

const MAX_LINKS = 10

function filesOf(fd: number, members: ReadonlyMap<string, ArchiveMember>): ArchiveFiles {
  const find = (wanted: string): { offsetBytes: number; sizeBytes: number } | undefined => {
    let name = posix.join('/', wanted).slice(1)
    for (let links = 0; links < MAX_LINKS; links++) {
      const member = members.get(name)
      if (member === undefined || !('link' in member)) return member
      name = posix.resolve('/', posix.dirname(name), member.link).slice(1)
    }
    throw new Failure('invalid', `${wanted}: too many links in the archive`)
  }
  return {
    async read(name, maxBytes) {
      const member = find(name)
      return member && readPart(fd, { name, maxBytes, ...member, close: false })
    },
    sizeBytes: async (name) => find(name)?.sizeBytes,
    open(name, offsetBytes) {
      const member = find(name)
      if (!member) throw new Failure('notFound', `the archive lacks ${name}`)
      if (offsetBytes >= member.sizeBytes) return nothing()
      return stream(fd, member.offsetBytes + offsetBytes, member.offsetBytes + member.sizeBytes - 1)
    },
    close: () => closeSync(fd),
  }
}

async function* nothing(): AsyncGenerator<Buffer> {}

export const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
