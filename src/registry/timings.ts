/** Waiting, in milliseconds. */
export interface Timings {
  /** Until a connection, with TLS and proxy, stands. */
  readonly connectMs: number
  /** From request to response headers. */
  readonly headerMs: number
  /** Without a byte inside a body. */
  readonly idleMs: number
  /** Longest pause between two attempts; a Retry-After that asks for more is not waited for. */
  readonly maxDelayMs: number
}

export const DEFAULT_TIMINGS: Timings = { connectMs: 30_000, headerMs: 60_000, idleMs: 60_000, maxDelayMs: 60_000 }
