// Writing to a descriptor at once, without Node's streams: loading them takes longer than most commands compute.
import { writeSync } from 'node:fs'
import { Failure, reasonOf } from './errors.ts'

/** The reader of our output has gone: end quietly. */
export class PipeClosed extends Error {
  constructor() {
    super('the reader of the output has gone')
    this.name = 'PipeClosed'
  }
}

const PAUSE_MS = 5
const pauseCell = new Int32Array(new SharedArrayBuffer(4))

/** Writes all of `data`, however slow the reader is: short writes and EAGAIN are waited out. Throws PipeClosed when nobody reads any more. Failure unavailable for a file that takes no more. */
export function writeAll(fd: number, data: string | Uint8Array): void {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data
  let offset = 0
  while (offset < bytes.length) {
    try {
      offset += writeSync(fd, bytes, offset)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EPIPE' || code === 'ECONNRESET') throw new PipeClosed() // the second: a socket that was closed with bytes unread
      if (code !== 'EAGAIN' && code !== 'EINTR') throw cannotWrite(fd, error)
      Atomics.wait(pauseCell, 0, 0, PAUSE_MS)
    }
  }
}

/** The file is one of the caller's: nothing that is said of our own disk would help. */
export const cannotWrite = (fd: number, error: unknown): Failure =>
  new Failure('unavailable', `cannot write ${['', 'standard output', 'standard error'][fd] ?? `descriptor ${fd}`}: ${reasonOf(error)}`, { cause: error })

/** A line for people on standard error; lost where nobody reads it. */
export function tellPeople(line: string): void {
  try { writeAll(2, `${line}\n`) } catch { /* nobody reads it */ }
}
