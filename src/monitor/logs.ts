// Reads what containers wrote, as their monitors keep it.
import { statSync, watch } from 'node:fs'
import { dirname } from 'node:path'
import { Failure } from '../errors.ts'
import { LineSplitter, LogReader, rotatedFiles, tailOffset } from './log-files.ts'
import { parseJsonLine, parseK8sLine, type LogLine } from './log-line.ts'

export type { LogLine }

export interface LogSource {
  readonly driver: 'k8s-file' | 'json-file' | 'journald' | 'passthrough' | 'none'
  readonly path?: string
  /** Full container id; for journald. */
  readonly id: string
}

export interface ReadLogsOptions {
  /** The last so many lines; 0 is none. Default: all. */
  readonly tail?: number
  readonly sinceNs?: bigint
  readonly untilNs?: bigint
  /** Goes on until `alive` says false and all is read, or `signal`. */
  readonly follow?: boolean
  /** Asked now and then, and when the file is quiet. */
  readonly alive?: () => boolean | Promise<boolean>
  readonly signal?: AbortSignal | undefined
}

/**
 * Lines in the order written, across rotated files (`path.N` ... `path.1`, `path`). Lines that make no sense are left
 * out. Failure unsupported for `none` and `passthrough`; a missing file is an empty log.
 */
export async function* readLogs(source: LogSource, options: ReadLogsOptions = {}): AsyncGenerator<LogLine> {
  switch (source.driver) {
    case 'none':
    case 'passthrough':
      throw new Failure('unsupported', `the log driver "${source.driver}" keeps no logs to read`, { hint: 'create the container with --log-driver k8s-file' })
    case 'journald': {
      const { readJournal } = await import('./log-journal.ts')
      yield* readJournal(source.id, options)
      return
    }
    default: {
      const parse = source.driver === 'json-file' ? parseJsonLine : parseK8sLine
      if (source.path) yield* wanted(readFiles(source.path, parse, options), options)
    }
  }
}

async function* wanted(lines: AsyncGenerator<LogLine>, { sinceNs, untilNs }: ReadLogsOptions): AsyncGenerator<LogLine> {
  for await (const line of lines) {
    if (untilNs !== undefined && line.timeNs > untilNs) return
    if (sinceNs === undefined || line.timeNs >= sinceNs) yield line
  }
}

type Parse = (line: Buffer) => LogLine | undefined

async function* readFiles(path: string, parse: Parse, { tail, follow, alive, signal }: ReadLogsOptions): AsyncGenerator<LogLine> {
  const start = tail === undefined ? rotatedFiles(path).map((file) => ({ file, offset: 0 })) : startOfTail(path, tail, parse)
  let last: LogReader | undefined
  for (const [index, { file, offset }] of start.entries()) {
    const reader = open(file, offset)
    if (!reader) continue
    const splitter = new LineSplitter()
    yield* drain(reader, splitter, parse)
    const isLast = index === start.length - 1
    if (isLast && follow && file === path) {
      last = reader
      yield* followFile({ path, reader, splitter, parse, alive, signal })
      return
    }
    for (const line of splitter.end()) yield* parsed(line, parse)
    reader.close()
  }
  if (follow && !last) yield* followMissing({ path, parse, alive, signal })
}

/** From the newest file back until there are enough lines. A partial line counts with the full line it belongs to. */
function startOfTail(path: string, tail: number, parse: Parse): { file: string; offset: number }[] {
  const files = rotatedFiles(path)
  if (tail <= 0) return files.slice(-1).map((file) => ({ file, offset: statSync(file).size }))
  const chosen: { file: string; offset: number }[] = []
  let missing = tail
  for (const file of files.reverse()) {
    const found = tailOffset(file, missing, (line) => parse(line)?.partial === false)
    chosen.unshift({ file, offset: found.offset })
    missing = found.missing
    if (missing === 0) break
  }
  return chosen
}

function open(file: string, offset: number): LogReader | undefined {
  try {
    return new LogReader(file, offset)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function* drain(reader: LogReader, splitter: LineSplitter, parse: Parse): Generator<LogLine> {
  for (let chunk = reader.read(); chunk; chunk = reader.read()) {
    for (const line of splitter.push(chunk)) yield* parsed(line, parse)
  }
}

function* parsed(line: Buffer, parse: Parse): Generator<LogLine> {
  const found = parse(line)
  // The buffer behind it is read into again.
  if (found) yield { ...found, text: Buffer.from(found.text) }
}

interface Following {
  readonly path: string
  readonly parse: Parse
  readonly alive: (() => boolean | Promise<boolean>) | undefined
  readonly signal: AbortSignal | undefined
}

async function* followFile({ path, reader: first, splitter: firstSplitter, ...rest }: Following & { reader: LogReader; splitter: LineSplitter }): AsyncGenerator<LogLine> {
  let reader = first
  let splitter = firstSplitter
  try {
    for (;;) {
      // Asked before the last read: what was written before the end is read after it.
      const over = rest.signal?.aborted || !(await (rest.alive?.() ?? true))
      yield* drain(reader, splitter, rest.parse)
      if (isRotated(path, reader)) {
        yield* drain(reader, splitter, rest.parse)
        for (const line of splitter.end()) yield* parsed(line, rest.parse)
        reader.close()
        reader = new LogReader(path)
        splitter = new LineSplitter()
        continue
      }
      if (over) break
      await changed(path, rest.signal)
    }
    for (const line of splitter.end()) yield* parsed(line, rest.parse)
  } finally {
    reader.close()
  }
}

function isRotated(path: string, reader: LogReader): boolean {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stat !== undefined && stat.ino !== reader.inode
}

/** The container has written nothing yet. */
async function* followMissing({ path, ...rest }: Following): AsyncGenerator<LogLine> {
  for (;;) {
    const reader = open(path, 0)
    if (reader) return yield* followFile({ path, reader, splitter: new LineSplitter(), ...rest })
    if (rest.signal?.aborted || !(await (rest.alive?.() ?? true))) return
    await changed(path, rest.signal)
  }
}

const NET_MS = 500

/** Resolves when the log's folder changes, and now and then anyway. */
const changed = (path: string, signal: AbortSignal | undefined): Promise<void> => new Promise((resolve) => {
  const done = (): void => {
    clearTimeout(timer)
    watcher?.close()
    signal?.removeEventListener('abort', done)
    resolve()
  }
  const timer = setTimeout(done, NET_MS)
  let watcher: ReturnType<typeof watch> | undefined
  try {
    watcher = watch(dirname(path), done).on('error', done)
  } catch {
    // The folder is gone with its container; the timer looks again.
  }
  signal?.addEventListener('abort', done, { once: true })
})
