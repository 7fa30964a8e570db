// Reading files of somebody else's tree: links in it are resolved as if the tree were /.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { Failure } from '../errors.ts'
import { openInRoot } from '../sys/addon.ts'

/**
 * Undefined when the file, or a directory on the way, is missing. No link or `..` leads out of `root`; a fifo or device
 * is never waited for. Failure invalid when it is no regular file or bigger than `maxBytes`.
 */
export const readInRoot = (root: string, path: string, maxBytes: number): Buffer | undefined => {
  let fd: number
  try {
    fd = openInRoot(root, path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    if (code === 'ENXIO' || code === 'ELOOP') throw new Failure('invalid', `${path} in ${root} is no regular file`, { cause: error })
    throw error
  }
  try {
    return readBounded(fd, `${path} in ${root}`, maxBytes)
  } finally {
    closeSync(fd)
  }
}

/** The whole regular file `path`; Failure invalid when it is bigger than `maxBytes`. Errors of the system as they are. */
export const readFileBounded = (path: string | Buffer, maxBytes: number): Buffer => {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    return readBounded(fd, String(path), maxBytes)
  } finally {
    closeSync(fd)
  }
}

const readBounded = (fd: number, name: string, maxBytes: number): Buffer => {
  const { size } = regular(fd, name)
  if (size > maxBytes) throw tooBig(name, maxBytes)
  const chunks: Buffer[] = []
  let total = 0
  for (;;) {
    // A file of /proc says size 0: read to the end whatever the size is.
    const chunk = Buffer.allocUnsafe(Math.max(size - total, 4096) + 1)
    const n = readSync(fd, chunk)
    if (n === 0) return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
    total += n
    if (total > maxBytes) throw tooBig(name, maxBytes)
    chunks.push(chunk.subarray(0, n))
  }
}

const regular = (fd: number, name: string): { size: number } => {
  const stat = fstatSync(fd)
  if (!stat.isFile()) throw new Failure('invalid', `${name} is no regular file`)
  return stat
}

const tooBig = (name: string, maxBytes: number): Failure => new Failure('invalid', `${name} is bigger than ${maxBytes} bytes`)
