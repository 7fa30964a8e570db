// The calls of one connection, read from copies of its bytes. Nothing here is in the way of the bytes themselves.
import { plain } from '../grpc/answer.ts'
import { makeFrameReader, makePrefaceReader, type FrameLimits } from '../../wire/http2/frame-reader.ts'
import { makeHeaderDecoder } from '../../wire/http2/hpack.ts'
import { FRAME } from '../../wire/http2/protocol.ts'
import type { Reading } from './messages.ts'
import type { TracedCall } from './trace.ts'

export type Side = 'caller' | 'runtime'

export interface Observer {
  /** `at`: milliseconds since 1970, with their parts. */
  bytes(side: Side, chunk: Buffer, at: number): void
  /** Calls that have no end yet were broken off. */
  end(why: string, at: number): void
}

interface Observing { readonly read: (path: string) => Reading; readonly onCall: (call: TracedCall) => void }

interface Open { readonly began: number; readonly reading: Reading }

/** Whatever the two have agreed on. */
const MOST_TABLE_BYTES = 1024 * 1024
const LIMITS: FrameLimits = { frameBytes: 0xff_ffff, wholeBytes: 1024 * 1024 }
/** A server lets a client have some hundreds open. */
const MOST_CALLS = 10_000
const BROKEN_OFF = -1
export const BY: Readonly<Record<Side, string>> = { caller: 'the caller broke it off', runtime: 'the runtime broke it off' }

export function observe({ read, onCall }: Observing): Observer {
  const open = new Map<number, Open>()
  const headersOf = { caller: makeHeaderDecoder({ mostTableBytes: MOST_TABLE_BYTES }), runtime: makeHeaderDecoder({ mostTableBytes: MOST_TABLE_BYTES }) }
  let now = 0
  const afterPreface = makePrefaceReader()
  /** What is no HTTP/2, or none that can be read, passes unseen. */
  let isReadable = true

  const finish = (stream: number, code: number, error: string): void => {
    const call = open.get(stream)
    if (!call) return
    open.delete(stream)
    const durationMs = Math.round((now - call.began) * 1000) / 1000
    onCall({ time: new Date(call.began).toISOString(), ...call.reading.name, durationMs, code, ...(error ? { error } : {}), ...call.reading.result() })
  }
  const frames = {
    caller: makeFrameReader({
      headers: (stream, block) => {
        const path = headersOf.caller(block).get(':path')
        if (path !== undefined && !open.has(stream) && open.size < MOST_CALLS) open.set(stream, { began: now, reading: read(path) })
      },
      data: (stream, bytes) => open.get(stream)?.reading.request(bytes),
      control: (type, _flags, stream) => { if (type === FRAME.reset) finish(stream, BROKEN_OFF, BY.caller) },
    }, LIMITS),
    runtime: makeFrameReader({
      headers: (stream, block, isLast) => {
        const headers = headersOf.runtime(block)
        if (isLast) finish(stream, Number(headers.get('grpc-status') ?? BROKEN_OFF), plain(headers.get('grpc-message') ?? ''))
      },
      data: (stream, bytes) => open.get(stream)?.reading.response(bytes),
      control: (type, _flags, stream) => { if (type === FRAME.reset) finish(stream, BROKEN_OFF, BY.runtime) },
    }, LIMITS),
  }
  return {
    bytes(side, chunk, at) {
      if (!isReadable) return
      now = at
      try {
        frames[side](side === 'caller' ? afterPreface(chunk) : chunk)
      } catch {
        isReadable = false
        for (const stream of [...open.keys()]) finish(stream, BROKEN_OFF, 'its bytes cannot be read')
      }
    },
    end(why, at) {
      now = at
      for (const stream of [...open.keys()]) finish(stream, BROKEN_OFF, why)
    },
  }
}
