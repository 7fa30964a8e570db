// Where a command's own output goes. Writes are synchronous: what was written is out when the process ends.
import { fstatSync } from 'node:fs'
import { writeAll } from '../write-all.ts'

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
