// Reads what containers wrote, as their monitors keep it.
import { statSync } from 'node:fs'
import { LONGEST_TIMER_MS } from '../clock.ts'
import { Failure } from '../errors.ts'
import { openRotated, type LogFile } from './log-files.ts'
import { followFiles } from './log-follow.ts'
import { parseJsonLine, parseK8sLine, type LogLine } from './log-line.ts'
import { readToEnd, type Parse } from './log-reader.ts'
import { tailOffset } from './log-tail.ts'

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
      yield* wanted(readJournal(source.id, withEnd(options)), options)
      return
    }
    default: {
      const parse = source.driver === 'json-file' ? parseJsonLine : parseK8sLine
      if (source.path) yield* wanted(readFiles(source.path, parse, withEnd(options)), options)
    }
  }
}

/** Following ends at `untilNs` too when nothing is written any more. */
const withEnd = (options: ReadLogsOptions): ReadLogsOptions => {
  const { follow, untilNs, signal } = options
  if (!follow || untilNs === undefined) return options
  const leftMs = Math.min(Math.max(Number(untilNs / 1_000_000n) - Date.now(), 0), LONGEST_TIMER_MS)
  return { ...options, signal: AbortSignal.any([AbortSignal.timeout(leftMs), ...(signal ? [signal] : [])]) }
}

async function* wanted(lines: AsyncGenerator<LogLine>, { sinceNs, untilNs }: ReadLogsOptions): AsyncGenerator<LogLine> {
  for await (const line of lines) {
    if (untilNs !== undefined && line.timeNs > untilNs) return
    if (sinceNs === undefined || line.timeNs >= sinceNs) yield line
  }
}

async function* readFiles(path: string, parse: Parse, options: ReadLogsOptions): AsyncGenerator<LogLine> {
  const { tail, follow, alive, signal } = options
  // All are opened before the first is read: a rotation meanwhile changes names, not what is open.
  const readers = openRotated(path, (files) => (tail === undefined ? wholeFiles(files, path, options) : startOfTail(files, tail, parse)))
  const last = follow ? readers.pop() : undefined
  try {
    for (const reader of readers) yield* readToEnd(reader, parse)
    if (follow) yield* followFiles({ path, parse, alive, signal, reader: last })
  } finally {
    for (const reader of readers) reader.close()
    last?.close()
  }
}

/** A file last written before `sinceNs` has nothing that is wanted. */
const wholeFiles = (files: LogFile[], path: string, { sinceNs }: ReadLogsOptions): LogFile[] =>
  files.filter(({ file }) => file === path || sinceNs === undefined || (statSync(file, { bigint: true, throwIfNoEntry: false })?.mtimeNs ?? 0n) >= sinceNs)

/**
 * Counts lines from the last to the first. An empty one that only ends a partial one, perhaps with lines of the other stream between, is
 * none of its own: which it is, the line of its stream before it tells. Such a line counts where its first part begins.
 */
function wholeLines(parse: Parse): (line: Buffer, behind: number) => readonly number[] {
  const empty = new Map<LogLine['stream'], number>()
  const begun = new Set<LogLine['stream']>()
  return (bytes, behind) => {
    const line = parse(bytes)
    if (!line || (line.partial && begun.has(line.stream))) return []
    const sure = [...begun].map(() => behind)
    begun.clear()
    const held = empty.get(line.stream)
    empty.delete(line.stream)
    if (line.partial) {
      if (held !== undefined) begun.add(line.stream)
      return sure
    }
    if (held !== undefined) sure.push(held)
    if (line.text.length === 0) empty.set(line.stream, behind)
    else sure.push(behind)
    return sure
  }
}

/** From the newest file back until there are enough lines. A partial line counts with the full line it belongs to. */
function startOfTail(files: LogFile[], tail: number, parse: Parse): (LogFile & { offset: number })[] {
  if (tail <= 0) return files.slice(-1).map((found) => ({ ...found, offset: statSync(found.file, { throwIfNoEntry: false })?.size ?? 0 }))
  const chosen: (LogFile & { offset: number })[] = []
  let missing = tail
  for (const found of files.reverse()) {
    const { offset, missing: more } = tailOffset(found.file, missing, wholeLines(parse))
    chosen.unshift({ ...found, offset })
    missing = more
    if (missing === 0) break
  }
  return chosen
}
