// Reads what containers wrote, as their monitors keep it.
import { Failure } from '../errors.ts'

export interface LogLine {
  /** As in the file, exact: RFC 3339 with nanoseconds and offset. */
  readonly time: string
  readonly timeNs: bigint
  readonly stream: 'stdout' | 'stderr'
  /** Without its newline. */
  readonly text: Buffer
  /** The line goes on in the next one of the same stream. */
  readonly partial: boolean
}

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
export const readLogs = (source: LogSource, options: ReadLogsOptions = {}): AsyncIterableIterator<LogLine> => {
  throw new Failure('unsupported', `not yet: ${source.id} ${options.tail}`)
}
