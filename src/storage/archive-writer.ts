// Where an image archive is written to: one tar stream, or a directory of files.
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Failure, reasonOf } from '../errors.ts'
import { makeChosenDir } from '../fs/remove-tree.ts'
import { syncDir } from '../fs/write-atomic.ts'
import { endOfArchive, memberHeader, padding } from './tar-writer.ts'

export interface ArchiveWriter {
  /** `size` bytes must come. @throws invalid: more or fewer came */
  file(name: string, size: number, chunks: AsyncIterable<Uint8Array>): Promise<void>
  /** Whole from here on. */
  end(): Promise<void>
  /** Leaves nothing of it. Harmless after the end. */
  discard(): void
}

const HEADER = { type: 'file', linkName: '', mode: 0o644, uid: 0, gid: 0, mtimeNs: 0n, devMajor: 0, devMinor: 0, xattrs: new Map<string, Buffer>() } as const

/** As one stream of tar; members have no owner and no time, so that one image makes one archive. */
export function tarWriter(write: (bytes: Uint8Array) => void | Promise<void>): ArchiveWriter {
  return {
    async file(name, size, chunks) {
      await write(memberHeader({ ...HEADER, name, size }))
      await counted({ name, size, chunks }, write)
      await write(padding(size))
    },
    end: async () => { await write(endOfArchive()) },
    discard: () => {},
  }
}

/** As a file that is there only when it is whole; what is no regular file is written as it is. @throws denied */
export function tarFileWriter(path: string, isReplaced: boolean): ArchiveWriter {
  const temporary = isReplaced ? `${path}.${process.pid}.tmp` : path
  const fd = open(temporary, isReplaced ? 'wx' : 'w', path)
  const inner = tarWriter((bytes) => writeWhole(fd, bytes))
  let isOpen = true
  const close = (): void => { if (isOpen) closeSync(fd); isOpen = false }
  return {
    file: inner.file,
    async end() {
      await inner.end()
      if (isReplaced) fsyncSync(fd)
      close()
      if (!isReplaced) return
      renameSync(temporary, path)
      syncDir(dirname(path))
    },
    discard: () => { close(); if (isReplaced) rmSync(temporary, { force: true }) },
  }
}

/** As files below a directory, which is made. @throws denied */
export function directoryWriter(dir: string): ArchiveWriter {
  return {
    async file(name, size, chunks) {
      const path = join(dir, name)
      makeChosenDir(dirname(path))
      const fd = open(path, 'w')
      try {
        await counted({ name, size, chunks }, (bytes) => writeWhole(fd, bytes))
        fsyncSync(fd)
      } finally {
        closeSync(fd)
      }
    },
    end: async () => { syncDir(dir) },
    discard: () => {},
  }
}

interface Counted { readonly name: string; readonly size: number; readonly chunks: AsyncIterable<Uint8Array> }

async function counted({ name, size, chunks }: Counted, write: (bytes: Uint8Array) => void | Promise<void>): Promise<void> {
  let left = size
  for await (const chunk of chunks) {
    left -= chunk.length
    if (left < 0) break
    await write(chunk)
  }
  if (left !== 0) throw new Failure('invalid', `${name} does not have the ${size} bytes that it should have`)
}

function open(file: string, flags: string, wanted = file): number {
  try {
    return openSync(file, flags, 0o644)
  } catch (error) {
    throw new Failure('denied', `cannot write ${wanted}: ${reasonOf(error)}`, { cause: error })
  }
}

function writeWhole(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at)
}
