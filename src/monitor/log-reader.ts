// A log file read line by line as it grows, in bounded memory.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { LogLine } from './log-line.ts'

export type Parse = (line: Buffer) => LogLine | undefined

export const CHUNK_BYTES = 64 * 1024
/** A longer line is nobody's log: it is cut into pieces. */
export const MAX_LINE_BYTES = 2 ** 20
export const NEWLINE = 0x0a

/** Splits what is read into lines; the unfinished rest waits for more. */
export class LineSplitter {
  #rest: Buffer = Buffer.alloc(0)

  push(chunk: Buffer): Buffer[] {
    const lines: Buffer[] = []
    let data = this.#rest.length ? Buffer.concat([this.#rest, chunk]) : chunk
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE)) {
      lines.push(data.subarray(0, end))
      data = data.subarray(end + 1)
    }
    if (data.length > MAX_LINE_BYTES) {
      lines.push(data)
      data = Buffer.alloc(0)
    }
    this.#rest = Buffer.from(data)
    return lines
  }

  /** A last line without its newline, as a killed monitor may leave. */
  end(): Buffer[] {
    const rest = this.#rest
    this.#rest = Buffer.alloc(0)
    return rest.length ? [rest] : []
  }
}

/** A file that is read as it grows. It stays readable after it was rotated away. */
export class LogReader {
  readonly #fd: number
  readonly splitter = new LineSplitter()
  #open = true
  #offset: number
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES)

  constructor(fd: number, offset: number) {
    this.#fd = fd
    this.#offset = offset
  }

  get inode(): bigint { return fstatSync(this.#fd, { bigint: true }).ino }

  /** The next bytes, or undefined at the present end. Valid until the next call. */
  read(): Buffer | undefined {
    // Cut or emptied by somebody: from the beginning again.
    if (fstatSync(this.#fd).size < this.#offset) this.#offset = 0
    const length = readSync(this.#fd, this.#chunk, 0, CHUNK_BYTES, this.#offset)
    if (length === 0) return undefined
    this.#offset += length
    return this.#chunk.subarray(0, length)
  }

  /** Idempotent. */
  close(): void {
    if (this.#open) closeSync(this.#fd)
    this.#open = false
  }
}

export const openReader = (file: string, offset = 0): LogReader | undefined => {
  const fd = openLog(file)
  return fd === undefined ? undefined : new LogReader(fd, offset)
}

/** Undefined when the file is not there. */
export const openLog = (file: string): number | undefined => {
  try {
    return openSync(file, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** After so many chunks others get their turn. */
const AT_ONCE = 16

/** What there is now. Lines that make no sense are left out. */
export async function* readAvailable(reader: LogReader, parse: Parse): AsyncGenerator<LogLine> {
  let count = 0
  for (let chunk = reader.read(); chunk; chunk = reader.read()) {
    for (const line of reader.splitter.push(chunk)) yield* parsed(line, parse)
    if (++count % AT_ONCE === 0) await nextTurn()
  }
}

/** What there is, with a last line that nobody will finish; closes it. */
export async function* readToEnd(reader: LogReader, parse: Parse): AsyncGenerator<LogLine> {
  yield* readAvailable(reader, parse)
  for (const line of reader.splitter.end()) yield* parsed(line, parse)
  reader.close()
}

function* parsed(line: Buffer, parse: Parse): Generator<LogLine> {
  const found = parse(line)
  // The buffer behind it is read into again.
  if (found) yield { ...found, text: Buffer.from(found.text) }
}
