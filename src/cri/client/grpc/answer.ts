// The end of a call as a server tells it: gRPC's status in the last headers, or what came in their stead.
import { CallError, status } from './call-error.ts'

/** Undefined: it succeeded. */
export function endOf(headers: ReadonlyMap<string, string>): CallError | undefined {
  const code = headers.get('grpc-status')
  if (code === undefined) return refusal(headers) ?? new CallError(status.INTERNAL, 'the answer has no status', 'protocol')
  if (code === '0') return undefined
  return new CallError(/^\d{1,3}$/.test(code) ? Number(code) : status.UNKNOWN, plain(headers.get('grpc-message') ?? ''), 'server')
}

/** The first headers of an answer that isn't gRPC's. */
export function refusal(headers: ReadonlyMap<string, string>): CallError | undefined {
  const http = headers.get(':status')
  if (http !== undefined && http !== '200') return new CallError(status.UNKNOWN, `it answers with HTTP status ${http}`, 'protocol')
  const type = headers.get('content-type')
  if (type !== undefined && !type.startsWith('application/grpc')) return new CallError(status.UNKNOWN, `it answers with ${type}`, 'protocol')
  return undefined
}

const RESETS: Readonly<Record<number, readonly [number, string]>> = {
  7: [status.UNAVAILABLE, 'it refused the call'], 8: [status.CANCELLED, 'it cancelled the call'], 11: [status.RESOURCE_EXHAUSTED, 'it is asked too much'], 12: [status.PERMISSION_DENIED, 'it wants a secure connection'],
}

/** Of an error of HTTP/2, when a call was reset with it. */
export function endByReset(payload: Buffer): CallError {
  const error = payload.length >= 4 ? payload.readUInt32BE(0) : 0
  const [code, details] = RESETS[error] ?? [status.INTERNAL, `it broke the call off with HTTP/2 error ${error}`]
  return new CallError(code, details, 'server')
}

/** Of gRPC's percent-encoding. */
export function plain(message: string): string {
  try {
    return decodeURIComponent(message)
  } catch {
    return message
  }
}
