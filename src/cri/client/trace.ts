// A proxy between a kubelet and a runtime: HTTP/2 streams are passed on as they come, and read along beside that.
import { once } from 'node:events'
import { chmodSync, rmSync } from 'node:fs'
import { connect as connectHttp2, constants, createServer, type ClientHttp2Session, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { connect } from 'node:net'
import { Failure } from '../../errors.ts'
import type { Endpoint } from './endpoint.ts'
import { makeReader, type Message } from './trace-messages.ts'

/** One call, from its first byte to its last. Times in milliseconds. */
export interface TracedCall {
  readonly time: string
  readonly rpc: string
  readonly version: 'v1' | 'v1alpha2' | 'other'
  readonly durationMs: number
  /** gRPC's status; 0 is success, -1 a call that was broken off. */
  readonly code: number
  readonly error?: string
  readonly request?: Message
  /** The first of them where the call streams; secrets and the runtime's verbose information are left out. */
  readonly response?: Message
  readonly responses: number
}

export interface Tracing {
  readonly target: Endpoint
  /** Path of the socket that is made. */
  readonly listen: string
  readonly onCall: (call: TracedCall) => void
  readonly onListening: () => void
  readonly signal: AbortSignal
}

const OWNER_ONLY = 0o600
const LAST_CALLS_MS = 20
/** A listing of many containers comes in one go, without waiting for leave to send more. */
const WINDOW_BYTES = 8 * 1024 * 1024

/** Listens until the signal. @throws Failure inUse, unavailable */
export async function traceCalls({ target, listen, onCall, onListening, signal }: Tracing): Promise<void> {
  const reader = makeReader()
  let upstream: ClientHttp2Session | undefined
  const session = (): ClientHttp2Session => {
    if (upstream && !upstream.closed && !upstream.destroyed) return upstream
    upstream = connectHttp2('http://localhost', { settings: { initialWindowSize: WINDOW_BYTES }, createConnection: () => (target.path === undefined ? connect({ host: target.host!, port: target.port! }) : connect({ path: target.path })) })
    upstream.once('connect', (opened) => opened.setLocalWindowSize(WINDOW_BYTES))
    // the streams on it say why
    upstream.on('error', () => {})
    return upstream
  }
  const server = createServer({ settings: { enableConnectProtocol: false, initialWindowSize: WINDOW_BYTES } })
  const clients = new Set<{ destroy(): void }>()
  server.on('session', (one) => { clients.add(one); one.on('close', () => clients.delete(one)).on('error', () => {}) })
  server.on('sessionError', () => {})
  server.on('stream', (stream, headers) => passOn(stream, headers, { session, reader, onCall }))
  server.listen(listen)
  try {
    await Promise.race([once(server, 'listening'), once(server, 'error').then(([error]) => { throw error })])
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Failure(code === 'EADDRINUSE' ? 'inUse' : 'denied', `cannot listen on ${listen}: ${code}`, { cause: error, ...(code === 'EADDRINUSE' ? { hint: 'remove the socket if nobody uses it any more' } : {}) })
  }
  chmodSync(listen, OWNER_ONLY)
  onListening()
  if (!signal.aborted) await new Promise<void>((resolve) => { signal.addEventListener('abort', () => resolve(), { once: true }) })
  for (const one of clients) one.destroy()
  upstream?.destroy()
  server.close()
  rmSync(listen, { force: true })
  // calls that were broken off just now are told of too
  await new Promise<void>((resolve) => setTimeout(resolve, LAST_CALLS_MS))
}

interface Passing { readonly session: () => ClientHttp2Session; readonly reader: ReturnType<typeof makeReader>; readonly onCall: (call: TracedCall) => void }

const { HTTP2_HEADER_PATH: PATH, NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = constants
const GRPC_UNAVAILABLE = 14

function passOn(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, { session, reader, onCall }: Passing): void {
  const began = performance.now()
  const time = new Date().toISOString()
  const path = String(headers[PATH])
  const reading = reader(path)
  const request = session().request({ ...headers }, { endStream: false })
  let trailers: IncomingHttpHeaders = {}
  let isDone = false
  const finish = (code: number, error: string): void => {
    if (isDone) return
    isDone = true
    const durationMs = Math.round((performance.now() - began) * 1000) / 1000
    // decoded when the answer is on its way
    setImmediate(() => onCall({ time, ...reading.name, durationMs, code, ...(error ? { error } : {}), ...reading.result() }))
  }
  const byStatus = (from: IncomingHttpHeaders): void => finish(Number(from['grpc-status'] ?? -1), decodeURIComponent(String(from['grpc-message'] ?? '')))
  stream.on('data', (chunk: Buffer) => { reading.request(chunk); if (!request.write(chunk)) { stream.pause(); request.once('drain', () => stream.resume()) } })
  stream.on('end', () => request.end())
  stream.on('error', () => {})
  stream.on('close', () => { if (!request.closed) request.close(stream.rstCode === NGHTTP2_NO_ERROR ? NGHTTP2_NO_ERROR : stream.rstCode || NGHTTP2_CANCEL); finish(-1, 'the caller broke it off') })
  request.on('response', (answer, flags) => {
    const isWhole = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0
    if (stream.destroyed) return
    stream.respond(answer, isWhole ? { endStream: true } : { waitForTrailers: true })
    if (isWhole) byStatus(answer)
  })
  stream.on('wantTrailers', () => stream.sendTrailers(trailers))
  request.on('trailers', (received) => { trailers = received; byStatus(received) })
  request.on('data', (chunk: Buffer) => { reading.response(chunk); if (!stream.destroyed && !stream.write(chunk)) { request.pause(); stream.once('drain', () => request.resume()) } })
  request.on('end', () => { if (!stream.destroyed && !stream.writableEnded) stream.end() })
  request.on('error', (error) => {
    finish(GRPC_UNAVAILABLE, `the runtime cannot be reached: ${(error as NodeJS.ErrnoException).code ?? error.message}`)
    if (stream.destroyed) return
    if (stream.headersSent) stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    else stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(GRPC_UNAVAILABLE), 'grpc-message': encodeURIComponent(`the runtime cannot be reached: ${error.message}`) }, { endStream: true })
  })
  request.on('close', () => { if (!stream.destroyed && !stream.writableEnded) stream.close(request.rstCode) })
}
