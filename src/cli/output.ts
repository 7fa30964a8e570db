// Where a command's own output goes. Writes are synchronous: what was written is out when the process ends.
import { fstatSync, writeSync } from 'node:fs'

/** The reader of our output has gone: end quietly. */
export class PipeClosed extends Error {
  constructor() {
    super('the reader of the output has gone')
    this.name = 'PipeClosed'
  }
}

const PAUSE_MS = 5
const pauseCell = new Int32Array(new SharedArrayBuffer(4))

/** Writes all of `data`, however slow the reader is: short writes and EAGAIN are waited out. Throws PipeClosed when nobody reads any more. */
export function writeAll(fd: number, data: string | Uint8Array): void {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data
  let offset = 0
  while (offset < bytes.length) {
    try {
      offset += writeSync(fd, bytes, offset)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EPIPE' || code === 'ECONNRESET') throw new PipeClosed() // the second: a socket that was closed with bytes unread
      if (code !== 'EAGAIN' && code !== 'EINTR') throw error
      Atomics.wait(pauseCell, 0, 0, PAUSE_MS)
    }
  }
}

/** Whether a descriptor is a terminal, by its device number: process.stdout.isTTY loads streams for 4 ms. */
export function isTerminal(fd: number): boolean {
  try {
    const status = fstatSync(fd)
    const major = (status.rdev >> 8) & 0xfff
    return status.isCharacterDevice() && (major === CONSOLES || major === TERMINALS || (major >= FIRST_PTY && major <= LAST_PTY))
  } catch {
    return false
  }
}
/** Device numbers of Linux: tty, /dev/tty and /dev/console, pts. */
const [CONSOLES, TERMINALS, FIRST_PTY, LAST_PTY] = [4, 5, 136, 143]

export interface Output {
  /** A line of the command's result. */
  line(text: string): void
  /** Text of the command's result, as it is. */
  write(text: string | Uint8Array): void
  /** `Error: ...` on standard error, for one object of several; the command goes on. */
  error(error: unknown): void
  /** A line for people on standard error. */
  note(text: string): void
  readonly isTerminal: boolean
  readonly useColor: boolean
}

export interface OutputSettings { readonly stdoutIsTerminal: boolean; readonly noColor: boolean; readonly errorLine: (error: unknown) => string }

export const makeOutput = ({ stdoutIsTerminal, noColor, errorLine }: OutputSettings): Output => ({
  line: (text) => writeAll(1, `${text}\n`),
  write: (text) => writeAll(1, text),
  error: (error) => writeAll(2, `${errorLine(error)}\n`),
  note: (text) => writeAll(2, `${text}\n`),
  isTerminal: stdoutIsTerminal,
  useColor: stdoutIsTerminal && !noColor,
})
