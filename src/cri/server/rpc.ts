// The one wrapper of all RPCs: a cancelled call becomes an AbortSignal, a thrown error a gRPC status and a log line.
import { grpcCodeOf, hostFailure, isFailure } from '../../errors.ts'
import { log } from '../../log.ts'
import { STATUS, statusName } from './grpc/status.ts'
import type { DeepPartial } from '../wire/generated/runtime-v1.ts'
import type { Server } from './server.ts'

export interface Call {
  /** Fires when the client is gone or its deadline is over. */
  readonly signal: AbortSignal
}
export type Rpc<Request, Response> = (server: Server, request: Request, call: Call) => Promise<DeepPartial<Response>>
/** Answers with the message as it is sent. */
export type EncodedRpc<Request> = (server: Server, request: Request, call: Call) => Promise<Uint8Array>
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

/** What a method of the wire is given: its request, decoded, and where its answers go. */
export interface Answering {
  readonly signal: AbortSignal
  /** A message, or the bytes of one. Resolves when the client has room for more, or is gone. */
  answer(message: unknown): Promise<void>
}
/** Throws RpcError alone. */
export type Handler = (request: any, answering: Answering) => Promise<void> // of messages of any type: the table joins them
export type Wrapped = (server: Server, name: string) => Handler

export const unary = <Request, Response>(rpc: Rpc<Request, Response>, message: Message<Response>): Wrapped =>
  answered(async (...given: Parameters<Rpc<Request, Response>>) => message.fromPartial(await rpc(...given) as never))

export const encoded = <Request>(rpc: EncodedRpc<Request>): Wrapped => answered(rpc)

const answered = <Request>(rpc: (server: Server, request: Request, call: Call) => Promise<unknown>): Wrapped => (server, name) => (request: Request, { signal, answer }) =>
  measured(server, name, async (ended) => {
    const response = await rpc(server, request, { signal })
    log.debug(`${name}: ok`, { rpc: name, code: 'OK', ms: Math.round(ended()) })
    await answer(response)
  })

export const streaming = <Request, Response>(rpc: StreamRpc<Request, Response>, message: Message<Response>): Wrapped => (server, name) => (request: Request, { signal: given, answer }) =>
  measured(server, name, async (ended) => {
    const signal = AbortSignal.any([given, server.ending])
    for await (const partial of rpc(server, request, { signal })) {
      if (signal.aborted) break
      await answer(message.fromPartial(partial as never))
    }
    ended()
  })

/** `act` calls `ended` when what the server has to do is done: it returns how long that took. */
async function measured(server: Server, name: string, act: (ended: () => number) => Promise<void>): Promise<void> {
  const began = performance.now()
  server.metrics?.began(name)
  const ended = (code: number): number => {
    const elapsedMs = performance.now() - began
    server.metrics?.ended(name, code, elapsedMs)
    return elapsedMs
  }
  try {
    await act(() => ended(STATUS.OK))
  } catch (error) {
    const failure = statusOf(error, name)
    ended(failure.code)
    throw failure
  }
}

function statusOf(thrown: unknown, name: string): RpcError {
  const error = thrown instanceof Error ? hostFailure(thrown) ?? thrown : thrown
  const code = error instanceof RpcError ? error.code : grpcCodeOf(error)
  const fields = { rpc: name, code: statusName(code) }
  if (code === STATUS.INTERNAL) log.error(`${name}: ${error instanceof Error ? error.stack : String(error)}`, fields)
  else log.info(`${name}: ${(error as Error).message}`, fields)
  const hint = isFailure(error) && error.hint ? withoutFlags(error.hint) : ''
  return new RpcError(code, `${error instanceof Error ? error.message : String(error)}${hint && ` (${hint})`}`, { cause: error })
}

/** Of the ways out that a hint names, those that need no flags: they are the command line's, and a kubelet has none. */
const withoutFlags = (hint: string): string => hint.split(', or ').filter((way) => !/(^|\s)--[a-z]/.test(way)).join(', or ')
