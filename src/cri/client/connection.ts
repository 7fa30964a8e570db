// One runtime as a client sees it: calls with deadlines, errors as Failures, and the old v1alpha2 where v1 is unknown.
import { Client, Metadata, credentials, status, type CallOptions, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js'
import { Failure, type ErrorKind } from '../../errors.ts'
import { checkEndpoint, type Endpoint } from './endpoint.ts'

/** A call as the generated services describe it. */
export interface Method<Q, R> {
  readonly path: string
  readonly requestSerialize: (request: Q) => Buffer
  readonly responseDeserialize: (bytes: Buffer) => R
}

export interface CallSettings {
  /** Undefined: what fits the call; 0: none. */
  readonly timeoutMs?: number | undefined
}

export interface ConnectionOptions {
  readonly endpoint: Endpoint
  /** For every call that has no better one of its own. */
  readonly timeoutMs?: number | undefined
  readonly signal: AbortSignal
  /** Gets a line for each call and answer. */
  readonly trace?: ((line: string) => void) | undefined
}

export interface Connection {
  readonly address: string
  /** @throws Failure by the code of the answer */
  call<Q, R>(method: Method<Q, R>, request: Q, settings?: CallSettings): Promise<R>
  stream<Q, R>(method: Method<Q, R>, request: Q): AsyncGenerator<R>
  close(): void
}

const SECOND = 1000
/** A call that only looks has 10 s; these do something. 0: no deadline. */
const DEADLINES_MS: Readonly<Record<string, number>> = {
  RunPodSandbox: 240 * SECOND, StopPodSandbox: 120 * SECOND, RemovePodSandbox: 120 * SECOND, CreateContainer: 120 * SECOND,
  StartContainer: 120 * SECOND, StopContainer: 120 * SECOND, RemoveContainer: 120 * SECOND, PullImage: 0, RemoveImage: 60 * SECOND,
  ExecSync: 0, CheckpointContainer: 300 * SECOND, UpdateContainerResources: 30 * SECOND,
}
const LOOKING_MS = 10 * SECOND
/** These are as long as what they carry: the general --timeout is not meant for them. */
const UNHURRIED: ReadonlySet<string> = new Set(['PullImage', 'ExecSync', 'CheckpointContainer'])

const V1 = '/runtime.v1.'
const ALPHA = '/runtime.v1alpha2.'

/** Connects, and says at once in one line why it cannot. @throws Failure unavailable, denied */
export async function openConnection({ endpoint, timeoutMs, signal, trace }: ConnectionOptions): Promise<Connection> {
  await checkEndpoint(endpoint)
  const { address } = endpoint
  const target = endpoint.path === undefined ? `${endpoint.host!.includes(':') ? `[${endpoint.host}]` : endpoint.host}:${endpoint.port}` : address
  const client = new Client(target, credentials.createInsecure(), {
    'grpc.default_authority': 'localhost', 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1, 'grpc.enable_retries': 0,
  })
  let isOld = false
  const patience = endpoint.namedBy === undefined ? ', or wait longer with --timeout' : ''
  const deadlineMs = (name: string, own: number | undefined): number => own ?? (UNHURRIED.has(name) ? undefined : timeoutMs) ?? DEADLINES_MS[name] ?? LOOKING_MS
  const unary = <Q, R>(method: Method<Q, R>, request: Q, ms: number): Promise<R> => new Promise((resolve, reject) => {
    const path = isOld ? method.path.replace(V1, ALPHA) : method.path
    const options: CallOptions = ms > 0 ? { deadline: Date.now() + ms } : {}
    const sent = client.makeUnaryRequest(path, method.requestSerialize, method.responseDeserialize, request, NO_METADATA(), options, (error, response) => {
      signal.removeEventListener('abort', abort)
      if (error) reject(error)
      else resolve(response!)
    })
    const abort = (): void => sent.cancel()
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
  })
  const traced = async <Q, R>(method: Method<Q, R>, request: Q, ms: number): Promise<R> => {
    if (!trace) return unary(method, request, ms)
    const { toJson } = await import('./protojson.ts')
    const began = Date.now()
    const name = rpcName(method.path)
    trace(`${name}Request ${JSON.stringify(toJson(request))}`)
    try {
      const response = await unary(method, request, ms)
      trace(`${name}Response ${JSON.stringify(toJson(response))} (${Date.now() - began} ms)`)
      return response
    } catch (error) {
      trace(`${name} failed: ${(error as ServiceError).details ?? (error as Error).message} (${Date.now() - began} ms)`)
      throw error
    }
  }
  return {
    address,
    async call(method, request, settings = {}) {
      const name = rpcName(method.path)
      const ms = deadlineMs(name, settings.timeoutMs)
      try {
        return await traced(method, request, ms)
      } catch (error) {
        if (!isOld && isUnknownService(error)) {
          isOld = true
          try {
            return await traced(method, request, ms)
          } catch (second) {
            if (isUnknownService(second, true)) throw wrongService(address, error)
            throw toFailure(second, { name, address, ms, signal, patience })
          }
        }
        throw toFailure(error, { name, address, ms, signal, patience })
      }
    },
    async* stream(method, request) {
      const path = isOld ? method.path.replace(V1, ALPHA) : method.path
      const received: ClientReadableStream<never> = client.makeServerStreamRequest(path, method.requestSerialize, method.responseDeserialize as never, request as never, NO_METADATA(), {}) as never
      const abort = (): void => received.cancel()
      signal.addEventListener('abort', abort, { once: true })
      try {
        yield* received
      } catch (error) {
        throw toFailure(error, { name: rpcName(method.path), address, ms: 0, signal, patience })
      } finally {
        signal.removeEventListener('abort', abort)
        received.cancel()
      }
    },
    close: () => client.close(),
  }
}

const NO_METADATA = (): Metadata => new Metadata()

export const rpcName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** Servers of JavaScript do not tell an unknown service from an unknown method: believed only where v1 was unknown already. */
const isUnknownService = (error: unknown, isSecond = false): boolean => (error as ServiceError).code === status.UNIMPLEMENTED && (isSecond ? /unknown service|server does not implement/i : /unknown service/i).test((error as ServiceError).details ?? '')

const wrongService = (address: string, cause: unknown): Failure =>
  new Failure('unsupported', `${address} speaks gRPC but not the CRI: it knows neither runtime.v1 nor runtime.v1alpha2`, { cause, hint: 'is the CRI plugin of the runtime disabled, or is this another service\'s socket?' })

const KIND_OF: Readonly<Record<number, ErrorKind>> = {
  [status.INVALID_ARGUMENT]: 'invalid', [status.NOT_FOUND]: 'notFound', [status.ALREADY_EXISTS]: 'exists', [status.PERMISSION_DENIED]: 'denied',
  [status.FAILED_PRECONDITION]: 'wrongState', [status.DEADLINE_EXCEEDED]: 'timeout', [status.CANCELLED]: 'cancelled', [status.UNAVAILABLE]: 'unavailable',
  [status.UNIMPLEMENTED]: 'unsupported', [status.OUT_OF_RANGE]: 'invalid',
}

interface Asked { readonly name: string; readonly address: string; readonly ms: number; readonly signal: AbortSignal; /** What more to advise when it does not answer. */ readonly patience: string }

/** Whether it is the connection that failed, and not a runtime that says of something else that it is unavailable. */
const isBroken = (details: string): boolean => /^(No connection established|Connection dropped|Socket closed|Channel|Stream|read |write |connect |.*\bE(CONN\w+|PIPE|NOENT|PROTO)\b|.*session|.*GOAWAY)/i.test(details)

/** An error of gRPC as ours. Whatever else was thrown is passed on. */
function toFailure(error: unknown, { name, address, ms, signal, patience }: Asked): unknown {
  const { code, details } = error as ServiceError
  if (typeof code !== 'number') return error
  if (signal.aborted) return signal.reason
  const at = `${name} at ${address}`
  // a runtime that says so itself has other words: the time of a command was over
  if (code === status.DEADLINE_EXCEEDED && ms > 0 && /^Deadline exceeded/.test(details ?? '')) {
    return new Failure('timeout', `${at} did not answer within ${ms / SECOND} s`, { cause: error, hint: `the runtime may hang: look at its log${patience}` })
  }
  if (code === status.UNIMPLEMENTED) return new Failure('unsupported', `the runtime at ${address} does not have ${name}${details && !/unknown method/.test(details) ? `: ${details}` : ''}`, { cause: error })
  if (code === status.CANCELLED) return new Failure('unavailable', `${at} was broken off by the runtime: ${details}`, { cause: error, hint: 'does it still run?' })
  if (code === status.UNAVAILABLE && isBroken(details ?? '')) return new Failure('unavailable', `${at} failed: the connection broke: ${details}`, { cause: error, hint: 'is this the socket of a CRI runtime, and does it still run?' })
  if (/^Received HTTP status code|Protocol error|ERR_HTTP2/i.test(details ?? '')) return new Failure('unsupported', `${address} does not speak gRPC: ${details}`, { cause: error, hint: 'is this another service\'s socket?' })
  return new Failure(KIND_OF[code] ?? 'cannotInvoke', `${details} (${at})`, { cause: error })
}
