import type { Readable } from 'node:stream'
import type { Sink } from '../process/descriptor-sink.ts'

export interface WindowSize { readonly rows: number; readonly columns: number }

/** The caller's ends of a container's (or exec session's) standard streams. */
export interface AttachIo {
  readonly stdin?: Readable
  readonly stdout?: Sink
  /** Unused with a terminal. */
  readonly stderr?: Sink
  /** Bytes of the sequence that leaves the container running, e.g. [16, 17]; empty or absent: none. */
  readonly detachKeys?: readonly number[]
  /** What the caller's terminal measures as the process starts. */
  readonly size?: WindowSize
  /** Current size of the caller's terminal, then each change. */
  readonly resize?: AsyncIterable<WindowSize>
  readonly signal?: AbortSignal
}

/** `unread`: nobody reads the output any more. */
export type AttachEnd = 'ended' | 'detached' | 'unread'
