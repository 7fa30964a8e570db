// The files of an image archive, whether they lie in a tar file or in a directory: read by name, bounded, never outside.
import { closeSync, constants, createReadStream, fstatSync, readSync, statSync } from 'node:fs'
import { join, posix } from 'node:path'
import { Failure } from '../errors.ts'
import { openInRoot } from '../sys/addon.ts'
import { indexArchive, type ArchiveMember } from './index-archive.ts'
import { openArchive, readPieces, type ArchiveInput } from './open-archive.ts'

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

/** A tar archive, compressed or not. @throws notFound, denied, invalid; unavailable: no room for the copy */
export async function tarFiles(archive: ArchiveInput): Promise<ArchiveFiles> {
  const fd = await openArchive(archive)
  try {
    return filesOf(fd, await indexArchive(readPieces(fd, 0)))
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
      return readPieces(fd, member.offsetBytes + offsetBytes, member.offsetBytes + member.sizeBytes - 1)
    },
    close: () => closeSync(fd),
  }
}

async function* nothing(): AsyncGenerator<Buffer> {}

export const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
