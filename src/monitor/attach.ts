// Standard streams of a running process, through the sockets of its monitor.
import { Failure } from '../errors.ts'

export interface Output {
  readonly stream: 'stdout' | 'stderr'
  readonly data: Buffer
}

export interface Attachment extends AsyncDisposable {
  /** In order, until the process has ended or the monitor has gone. Unread output holds the process back. One reader. */
  readonly output: AsyncIterableIterator<Output>
  /** Resolves when the monitor has taken it; waits when the process doesn't read. Data after the process ended is dropped. */
  write(data: Uint8Array): Promise<void>
  /** Ends the process's standard input (unless its monitor leaves that open). */
  end(): Promise<void>
  resize(size: { readonly rows: number; readonly columns: number }): Promise<void>
  /** Detaches; `output` ends. Idempotent. */
  close(): void
}

export interface AttachOptions {
  /** Milliseconds to wait for the socket to appear. Default 0. */
  readonly waitMs?: number
  readonly signal?: AbortSignal | undefined
}

/**
 * `dir`: the bundle, or the directory of an exec session. Uses the stream socket `attach.stream` of our monitor, else
 * the seqpacket socket `attach` of any conmon. Failure wrongState when nothing listens there.
 */
export const attach = (dir: string, options: AttachOptions = {}): Promise<Attachment> => {
  throw new Failure('unsupported', `not yet: ${dir} ${options.waitMs}`)
}
