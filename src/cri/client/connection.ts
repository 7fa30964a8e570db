// One runtime as a client sees it: calls with deadlines, errors as Failures, and the old v1alpha2 where v1 is unknown.
import { Failure, type ErrorKind } from '../../errors.ts'
import { connectTo, type Endpoint } from './endpoint.ts'
import { CallError, status } from './grpc/call-error.ts'
import { callOnce, callStream, SILENCE_MS } from './grpc/calls.ts'
import { openSession, type Session } from './grpc/session.ts'

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
const LAST_WORDS_MS = 60 * SECOND

/** For a connection that ends or undoes what was begun, for a while after an interrupt too. */
export function lastWords(interrupt: AbortSignal): AbortSignal {
  const controller = new AbortController()
  const late = (): void => controller.abort(new Failure('timeout', `the runtime did not remove all that was made within ${LAST_WORDS_MS / SECOND} s`, { hint: 'see what is left with pods and ps -a' }))
  const begin = (): void => { setTimeout(late, LAST_WORDS_MS).unref() }
  if (interrupt.aborted) begin()
  else interrupt.addEventListener('abort', begin, { once: true })
  return controller.signal
}

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
  const { address } = endpoint
  let session = openSession(await connectTo(endpoint))
  /** A runtime that was started anew is spoken to anew. */
  const current = async (): Promise<Session> => (session.isOpen ? session : session = openSession(await connectTo(endpoint)))
  let isOld = false
  // networks take their time: the kubelet's own client gives a pod twice the general time too
  const general = (name: string): number | undefined => (UNHURRIED.has(name) || timeoutMs === undefined ? undefined : timeoutMs * (name === 'RunPodSandbox' ? 2 : 1))
  const deadlineMs = (name: string, own: number | undefined): number => own ?? general(name) ?? DEADLINES_MS[name] ?? LOOKING_MS
  const pathOf = (method: { readonly path: string }): string => (isOld ? method.path.replace(V1, ALPHA) : method.path)
  const unary = async <Q, R>(method: Method<Q, R>, request: Q, ms: number): Promise<R> =>
    method.responseDeserialize(await callOnce(await current(), { path: pathOf(method), message: method.requestSerialize(request), timeoutMs: ms > 0 ? ms : undefined, signal }))
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
      trace(`${name} failed: ${(error as Error).message} (${Date.now() - began} ms)`)
      throw error
    }
  }
  /** What `send` gets; of a runtime that does not know v1, from a second `send` in v1alpha2. */
  async function* inEitherVersion<R>(asked: Asked, send: () => AsyncGenerator<R>): AsyncGenerator<R> {
    // of calls made at once each learns for itself that v1 is unknown
    const wasOld = isOld
    try {
      return yield* send()
    } catch (first) {
      if (wasOld || !isUnknownService(first)) throw toFailure(first, asked)
      isOld = true
      try {
        yield* send()
      } catch (second) {
        throw isUnknownService(second, true) ? wrongService(address, first) : toFailure(second, asked)
      }
    }
  }
  return {
    address,
    async call<Q, R>(method: Method<Q, R>, request: Q, settings: CallSettings = {}) {
      const name = rpcName(method.path)
      const asked: Asked = { name, address, ms: deadlineMs(name, settings.timeoutMs), signal, patience: endpoint.namedBy === 'remote' ? '' : `, or wait longer with ${timeoutFlag(name, settings.timeoutMs !== undefined)}` }
      const { value } = await inEitherVersion(asked, async function* () { yield await traced(method, request, asked.ms) }).next()
      return value as R
    },
    stream<Q, R>(method: Method<Q, R>, request: Q) {
      return inEitherVersion({ name: rpcName(method.path), address, ms: 0, signal, patience: '' }, async function* () {
        for await (const message of callStream(await current(), { path: pathOf(method), message: method.requestSerialize(request), signal })) yield method.responseDeserialize(message)
      })
    },
    close: () => session.close(),
  }
}

/** Of the command that makes the call. */
function timeoutFlag(name: string, isOwn: boolean): string {
  if (name === 'PullImage') return '--pull-timeout'
  return isOwn && (name === 'RunPodSandbox' || name === 'CreateContainer') ? '--cancel-timeout' : '--timeout'
}

export const rpcName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** Servers of JavaScript do not tell an unknown service from an unknown method: believed only where v1 was unknown already. */
const isUnknownService = (error: unknown, isSecond = false): boolean => error instanceof CallError && error.code === status.UNIMPLEMENTED && (isSecond ? /unknown service|server does not implement/i : /unknown service/i).test(error.details)

const wrongService = (address: string, cause: unknown): Failure =>
  new Failure('unsupported', `${address} speaks gRPC but not the CRI: it knows neither runtime.v1 nor runtime.v1alpha2`, { cause, hint: 'is the CRI plugin of the runtime disabled, or is this another service\'s socket?' })

const KIND_OF: Readonly<Record<number, ErrorKind>> = {
  [status.INVALID_ARGUMENT]: 'invalid', [status.NOT_FOUND]: 'notFound', [status.ALREADY_EXISTS]: 'exists', [status.PERMISSION_DENIED]: 'denied',
  [status.FAILED_PRECONDITION]: 'wrongState', [status.DEADLINE_EXCEEDED]: 'timeout', [status.CANCELLED]: 'cancelled', [status.UNAVAILABLE]: 'unavailable',
  [status.UNIMPLEMENTED]: 'unsupported', [status.OUT_OF_RANGE]: 'invalid',
}

/** How CRI-O and docker say that something is not there, without a code for it. */
const MISSING = /\bNo such (?:container|image)\b|\bID does not exist\b|\bmanifest unknown\b|^short-name "[^"]*" did not resolve/i

interface Asked { readonly name: string; readonly address: string; readonly ms: number; readonly signal: AbortSignal; /** What more to advise when it does not answer. */ readonly patience: string }

/** The same code stands for a call that the runtime has, and that asks for what the host cannot do. */
const LACKING = /^$|unknown (method|service)|not? implement/i

/** An error of gRPC as ours. Whatever else was thrown is passed on. */
function toFailure(error: unknown, { name, address, ms, signal, patience }: Asked): unknown {
  if (!(error instanceof CallError)) return error
  if (signal.aborted) return signal.reason
  const { code, details, origin } = error
  const at = `${name} at ${address}`
  if (origin === 'deadline') return new Failure('timeout', `${at} did not answer within ${ms / SECOND} s`, { cause: error, hint: `the runtime may hang: look at its log${patience}` })
  if (origin === 'silence') return new Failure('timeout', `${at} is not answered: the runtime has not reacted at all for ${SILENCE_MS / SECOND} s`, { cause: error, hint: 'it may hang, or be stopped: look at its process and its log' })
  if (origin === 'connection') return new Failure('unavailable', `${at} failed: the connection broke: ${details}`, { cause: error, hint: 'is this the socket of a CRI runtime, and does it still run?' })
  if (origin === 'protocol') return new Failure('unsupported', `${address} does not speak gRPC: ${details}`, { cause: error, hint: 'is this another service\'s socket?' })
  if (code === status.UNIMPLEMENTED) return new Failure('unsupported', `the runtime at ${address} ${LACKING.test(details) ? `does not have ${name}` : `does not support this ${name}: ${details}`}`, { cause: error })
  if (code === status.CANCELLED) return new Failure('unavailable', `${at} was broken off by the runtime: ${details}`, { cause: error, hint: 'does it still run?' })
  return new Failure(KIND_OF[code] ?? (MISSING.test(details) ? 'notFound' : 'cannotInvoke'), `${details} (${at})`, { cause: error })
}
