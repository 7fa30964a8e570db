// The one wrapper of all RPCs: a cancelled call becomes an AbortSignal, a thrown error a gRPC status and a log line.
import { status, type handleServerStreamingCall, type handleUnaryCall } from '@grpc/grpc-js'
import { grpcCodeOf, isFailure } from '../../errors.ts'
import { log } from '../../log.ts'
import type { DeepPartial } from '../wire/generated/runtime-v1.ts'
import type { Server } from './server.ts'

export interface Call {
  /** Fires when the client is gone or its deadline is over. */
  readonly signal: AbortSignal
}
export type Rpc<Request, Response> = (server: Server, request: Request, call: Call) => Promise<DeepPartial<Response>>
/** Each batch is one message of the stream. */
export type StreamRpc<Request, Response> = (server: Server, request: Request, call: Call) => AsyncIterable<DeepPartial<Response>>

interface Message<T> { fromPartial(partial: never): T }

/** A status that no kind of Failure stands for. */
export class RpcError extends Error {
  readonly code: number

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'RpcError'
    this.code = code
  }
}

export type Wrapped = (server: Server, name: string) => handleUnaryCall<any, any> | handleServerStreamingCall<any, any> // of messages of any type: the table joins them

export const unary = <Request, Response>(rpc: Rpc<Request, Response>, message: Message<Response>): Wrapped => (server, name): handleUnaryCall<Request, Response> => (call, reply) => {
  const abort = new AbortController()
  const began = performance.now()
  call.on('cancelled', () => abort.abort())
  server.metrics?.began(name)
  const fail = (error: unknown): void => {
    const failure = statusOf(error, name)
    server.metrics?.ended(name, failure.code, performance.now() - began)
    reply(failure)
  }
  rpc(server, call.request, { signal: abort.signal }).then(
    (response) => {
      const answer = message.fromPartial(response as never)
      const elapsedMs = performance.now() - began
      log.debug(`${name}: ok`, { rpc: name, code: 'OK', ms: Math.round(elapsedMs) })
      server.metrics?.ended(name, status.OK, elapsedMs)
      reply(null, answer)
    },
    fail,
  ).catch(fail)
}

export const streaming = <Request, Response>(rpc: StreamRpc<Request, Response>, message: Message<Response>): Wrapped => (server, name): handleServerStreamingCall<Request, Response> => (call) => {
  const abort = new AbortController()
  const leave = (): void => abort.abort()
  const began = performance.now()
  server.metrics?.began(name)
  const ended = (code: number): void => server.metrics?.ended(name, code, performance.now() - began)
  call.on('cancelled', leave)
  server.ending.addEventListener('abort', leave, { once: true })
  const send = async (): Promise<void> => {
    for await (const partial of rpc(server, call.request, { signal: abort.signal })) {
      if (abort.signal.aborted) break
      if (!call.write(message.fromPartial(partial as never))) await drained(call, abort.signal)
    }
  }
  send().then(() => {
    ended(status.OK)
    call.end()
  }, (error: unknown) => {
    const failure = statusOf(error, name)
    ended(failure.code)
    call.emit('error', failure)
  }).finally(() => server.ending.removeEventListener('abort', leave))
}

const drained = (call: { once(event: 'drain', then: () => void): void }, signal: AbortSignal): Promise<void> => new Promise((resolve) => {
  call.once('drain', resolve)
  signal.addEventListener('abort', () => resolve(), { once: true })
})

function statusOf(error: unknown, name: string): { code: number; details: string } {
  const code = error instanceof RpcError ? error.code : grpcCodeOf(error)
  const fields = { rpc: name, code: status[code] ?? code }
  if (code === status.INTERNAL) log.error(`${name}: ${error instanceof Error ? error.stack : String(error)}`, fields)
  else log.info(`${name}: ${(error as Error).message}`, fields)
  const hint = isFailure(error) && error.hint ? ` (${error.hint})` : ''
  return { code, details: `${error instanceof Error ? error.message : String(error)}${hint}` }
}
