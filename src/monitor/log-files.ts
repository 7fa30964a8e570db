// The lines of a rotated log file, forwards and from its end, in bounded memory.
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { LogLine } from './log-line.ts'

export type Parse = (line: Buffer) => LogLine | undefined

const CHUNK_BYTES = 64 * 1024
/** A longer line is nobody's log: it is cut into pieces. */
const MAX_LINE_BYTES = 2 ** 20
const NEWLINE = 0x0a

export interface LogFile {
  readonly file: string
  /** Tells which file it is while names move. */
  readonly inode: bigint
}

/** A listing that a rotation never leaves alone for so long: the last one is taken as it is. */
const LISTINGS = 50

/**
 * `path.N` ... `path.1`, `path`: oldest first, those that exist. Names move while a monitor rotates, one after the other:
 * a listing counts once a second one finds the same.
 */
export function rotatedFiles(path: string): LogFile[] {
  let files = listFiles(path)
  for (let n = 1; n < LISTINGS; n++) {
    const again = listFiles(path)
    if (same(files, again)) break
    files = again
  }
  return files
}

function listFiles(path: string): LogFile[] {
  const inodeOf = (file: string): bigint | undefined => statSync(file, { bigint: true, throwIfNoEntry: false })?.ino
  const found: LogFile[] = []
  const newest = inodeOf(path)
  if (newest !== undefined) found.push({ file: path, inode: newest })
  // In mid rotation one name is free, never two beside each other, and one file may have two names.
  for (let n = 1, free = 0; free < 2; n++) {
    const inode = inodeOf(`${path}.${n}`)
    free = inode === undefined ? free + 1 : 0
    if (inode !== undefined && inode !== found[0]?.inode) found.unshift({ file: `${path}.${n}`, inode })
  }
  return found
}

const same = (a: readonly LogFile[], b: readonly LogFile[]): boolean =>
  a.length === b.length && a.every(({ file, inode }, n) => file === b[n]?.file && inode === b[n].inode)

/**
 * Opens the files that `choose` takes of those there are. Opened are the chosen files themselves, whatever they are called
 * by then; one that rotation has removed is left out.
 */
export function openRotated(path: string, choose: (files: LogFile[]) => (LogFile & { readonly offset?: number })[]): LogReader[] {
  for (let n = 1; ; n++) {
    const wanted = choose(rotatedFiles(path))
    const readers = wanted.map(({ file, offset }) => openReader(file, offset))
    const moved = readers.some((reader, at) => reader?.inode !== wanted[at]?.inode)
    if (!moved || n === LISTINGS) return readers.flatMap((reader) => reader ?? [])
    for (const reader of readers) reader?.close()
  }
}

/** The files written after this one, oldest first; all, when rotation has removed it. */
export const openNewer = (path: string, inode: bigint): LogReader[] =>
  openRotated(path, (files) => files.slice(files.findIndex((file) => file.inode === inode) + 1))

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

const openReader = (file: string, offset = 0): LogReader | undefined => {
  const fd = openLog(file)
  return fd === undefined ? undefined : new LogReader(fd, offset)
}

/** Undefined when the file is not there. */
const openLog = (file: string): number | undefined => {
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

/**
 * Where the last `wanted` complete lines begin, counting only those that `counts` takes. `missing`: how many more an older
 * file would have to give.
 */
export function tailOffset(path: string, wanted: number, counts: (line: Buffer) => boolean): { offset: number; missing: number } {
  const fd = openLog(path)
  // Rotation has just removed it.
  if (fd === undefined) return { offset: 0, missing: wanted }
  try {
    let end = fstatSync(fd).size
    let found = 0
    let rest: Buffer = Buffer.alloc(0)
    while (end > 0) {
      const start = Math.max(0, end - CHUNK_BYTES)
      const chunk = Buffer.alloc(end - start)
      readSync(fd, chunk, 0, chunk.length, start)
      const data = Buffer.concat([chunk, rest])
      let lineEnd = data.length
      for (let at = data.lastIndexOf(NEWLINE, data.length - 1); at >= 0; at = at > 0 ? data.lastIndexOf(NEWLINE, at - 1) : -1) {
        const line = data.subarray(at + 1, lineEnd)
        // The one before the first wanted: partial lines between belong to the wanted one.
        if (line.length && counts(line) && ++found > wanted) return { offset: start + lineEnd + 1, missing: 0 }
        lineEnd = at
      }
      // Endless bytes without a newline are no line: only their beginning will be looked at.
      rest = lineEnd > MAX_LINE_BYTES ? Buffer.alloc(0) : Buffer.from(data.subarray(0, lineEnd))
      end = start
    }
    if (rest.length && counts(rest) && ++found > wanted) return { offset: rest.length + 1, missing: 0 }
    return { offset: 0, missing: Math.max(0, wanted - found) }
  } finally {
    closeSync(fd)
  }
}
