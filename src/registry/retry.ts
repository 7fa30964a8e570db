import { setTimeout as sleep } from 'node:timers/promises'

const PASSING_STATUS: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504])
const PASSING_CODES: ReadonlySet<string> = new Set([
  'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENETUNREACH', 'EHOSTUNREACH', 'ENETDOWN', 'ECONNABORTED', 'EAI_AGAIN', 'ERR_STREAM_PREMATURE_CLOSE', 'HPE_INVALID_EOF_STATE',
])

export const mayPass = (status: number): boolean => PASSING_STATUS.has(status)

/** A broken connection. One that is refused passes only where the host is known to be there: it has answered before, or somebody says so. */
export const mayPassError = (error: unknown, isThere: boolean): boolean => {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' && (PASSING_CODES.has(code) || (isThere && code === 'ECONNREFUSED'))
}

/** Milliseconds that a Retry-After header asks for, seconds or a date; undefined where it says nothing usable. */
export function retryAfterMs(header: string | undefined, nowMs: number = Date.now()): number | undefined {
  if (header === undefined) return undefined
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs)
}

export interface Backoff {
  /** Attempts after the first. */
  readonly retries: number
  readonly firstMs: number
  readonly maxMs: number
}

/** Pause before attempt `attempt` (1 is the first repetition). */
export const backoffMs = ({ firstMs, maxMs }: Backoff, attempt: number): number => Math.min(firstMs * 2 ** (attempt - 1), maxMs)

/** @throws the signal's AbortError */
export const pause = (ms: number, signal?: AbortSignal): Promise<void> => sleep(ms, undefined, signal ? { signal } : {})
