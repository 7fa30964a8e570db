// gRPC over HTTP/2 for unary calls and streams of answers. grpc-js would do; with it came Node's http2 and tls, and the three held
// fifteen megabytes of a server that idles, and refused the clients that name a socket's path as their authority.
import type { Socket } from 'node:net'
import { LONGEST_TIMER_MS } from '../../../clock.ts'
import { openConnection, type Connection, type Stream, type StreamEvents } from './connection.ts'
import { MESSAGE_PREFIX_BYTES, framedMessage } from '../../wire/grpc-messages.ts'
import type { Header } from '../../wire/http2/hpack.ts'
import { STATUS } from './status.ts'

export interface GrpcCall {
  /** Fires when the client is gone or its deadline is over. */
  readonly signal: AbortSignal
  /** An encoded message of the answer. Resolves when the client has room for more, or is gone. */
  send(message: Uint8Array): Promise<void>
}

/** Resolves when the answer is whole; what it throws is the call's status. */
export type GrpcMethod = (request: Buffer, call: GrpcCall) => Promise<void>

/** The status of a call that failed. */
export interface GrpcStatus { readonly code: number; readonly details: string }

export interface GrpcServer {
  /** Serves a connection until its end. */
  take(socket: Socket): void
  /** No call is begun any more; resolves when those under way have ended or `graceMs` is over. @returns whether none was cut off */
  shutDown(graceMs: number): Promise<boolean>
}

export interface GrpcOptions {
  /** By `/package.Service/Method`. */
  readonly methods: ReadonlyMap<string, GrpcMethod>
  readonly maxRequestBytes: number
  /** Of whatever a method throws. */
  readonly statusOf: (error: unknown) => GrpcStatus
}

export function serveGrpc(options: GrpcOptions): GrpcServer {
  const connections = new Set<Connection>()
  let empty: (() => void) | undefined
  return {
    take: (socket) => {
      const connection = openConnection(socket, (stream) => answer(stream, options), () => {
        connections.delete(connection)
        if (connections.size === 0) empty?.()
      })
      connections.add(connection)
    },
    shutDown: async (graceMs) => {
      for (const connection of connections) connection.finish()
      const ended = connections.size === 0 || await new Promise<boolean>((resolve) => {
        empty = () => resolve(true)
        setTimeout(() => resolve(false), graceMs).unref()
      })
      for (const connection of connections) connection.destroy()
      return ended
    },
  }
}

const TYPE: Header = ['content-type', 'application/grpc']
const OPENING: readonly Header[] = [[':status', '200'], TYPE]

function answer(stream: Stream, { methods, maxRequestBytes, statusOf }: GrpcOptions): StreamEvents {
  const abort = new AbortController()
  const parts: Buffer[] = []
  let bytes = 0
  let opened = false
  let ended = false
  const open = (): void => {
    if (!opened) stream.sendHeaders(OPENING)
    opened = true
  }
  const end = ({ code, details }: GrpcStatus): void => {
    if (ended) return
    ended = true
    clearTimeout(timer)
    const status: Header[] = [['grpc-status', String(code)], ...(details ? [['grpc-message', percentEncoded(details)] as const] : [])]
    stream.sendHeaders(opened ? status : [...OPENING, ...status], { end: true })
  }
  const limitMs = timeoutMs(stream.headers.get('grpc-timeout'))
  const timer = limitMs === undefined ? undefined : setTimeout(() => {
    abort.abort()
    end({ code: STATUS.DEADLINE_EXCEEDED, details: 'the deadline is over' })
  }, limitMs)
  const send = (message: Uint8Array): Promise<void> => {
    if (ended) return Promise.resolve()
    open()
    return stream.sendData(framedMessage(message))
  }
  const problem = problemOf(stream.headers, methods)
  return {
    data: (chunk) => {
      if (ended) return
      bytes += chunk.length
      if (bytes > maxRequestBytes + MESSAGE_PREFIX_BYTES) return end({ code: STATUS.RESOURCE_EXHAUSTED, details: `a request has more than ${maxRequestBytes} bytes` })
      parts.push(chunk)
    },
    end: () => {
      if (ended) return
      if (typeof problem === 'string') return end({ code: STATUS.UNIMPLEMENTED, details: problem })
      if (problem) {
        ended = true
        clearTimeout(timer)
        return stream.sendHeaders(problem, { end: true })
      }
      const request = messageIn(Buffer.concat(parts))
      if (!request) return end({ code: STATUS.INTERNAL, details: 'the request is not one whole message without compression' })
      methods.get(stream.headers.get(':path')!)!(request, { signal: abort.signal, send }).then(
        () => {
          open()
          end({ code: STATUS.OK, details: '' })
        },
        (error: unknown) => end(statusOf(error)))
    },
    cancelled: () => {
      ended = true
      clearTimeout(timer)
      abort.abort()
    },
  }
}

/** What is wrong with the request: a whole answer of HTTP, or the words of UNIMPLEMENTED. */
function problemOf(headers: ReadonlyMap<string, string>, methods: ReadonlyMap<string, GrpcMethod>): readonly Header[] | string | undefined {
  if (!headers.get('content-type')?.startsWith('application/grpc')) return [[':status', '415']]
  if (headers.get(':method') !== 'POST') return [[':status', '405']]
  const path = headers.get(':path') ?? ''
  if (!methods.has(path)) return `unknown method ${path}`
  const encoding = headers.get('grpc-encoding') ?? 'identity'
  return encoding === 'identity' ? undefined : `compression by ${encoding} is not known here`
}

/** Of a body that is one message. */
function messageIn(body: Buffer): Buffer | undefined {
  return body.length >= MESSAGE_PREFIX_BYTES && body[0] === 0 && body.readUInt32BE(1) === body.length - MESSAGE_PREFIX_BYTES ? body.subarray(MESSAGE_PREFIX_BYTES) : undefined
}

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000_001 }

/** Undefined: as long as it takes, which it also is for more than a timer counts to. */
function timeoutMs(text: string | undefined): number | undefined {
  const [, amount, unit] = /^(\d{1,8})([HMSmun])$/.exec(text ?? '') ?? []
  const ms = amount === undefined ? undefined : Number(amount) * UNIT_MS[unit!]!
  return ms === undefined || ms > LONGEST_TIMER_MS ? undefined : ms
}

/** What a header may not carry is written as %XX of its UTF-8. */
const percentEncoded = (text: string): string => [...Buffer.from(text)].map((byte) => (byte >= 0x20 && byte <= 0x7e && byte !== 0x25 ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)).join('')
