/** gRPC's codes that something is done about here. */
export const status = {
  OK: 0, CANCELLED: 1, UNKNOWN: 2, INVALID_ARGUMENT: 3, DEADLINE_EXCEEDED: 4, NOT_FOUND: 5, ALREADY_EXISTS: 6, PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8, FAILED_PRECONDITION: 9, OUT_OF_RANGE: 11, UNIMPLEMENTED: 12, INTERNAL: 13, UNAVAILABLE: 14,
} as const

/**
 * Who says that the call failed: the `server` by its status, the `connection` that broke, the `deadline`, the `silence` of a server that
 * does not even answer a ping, the `caller`
 * who gave it up, or the `protocol`, which is none of gRPC's.
 */
export type Origin = 'server' | 'connection' | 'deadline' | 'silence' | 'caller' | 'protocol'

/** A call that did not succeed. */
export class CallError extends Error {
  readonly code: number
  readonly details: string
  readonly origin: Origin

  constructor(code: number, details: string, origin: Origin) {
    super(details)
    this.name = 'CallError'
    this.code = code
    this.details = details
    this.origin = origin
  }
}
