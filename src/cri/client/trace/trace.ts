// A proxy between a kubelet and a runtime: bytes are passed on untouched by a thread of their own, and calls are read
// from copies here.
import { once } from 'node:events'
import { chmodSync, existsSync, lstatSync, rmSync } from 'node:fs'
import { setPriority } from 'node:os'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { Failure } from '../../../errors.ts'
import { workerFile } from '../../../paths.ts'
import { whyNot, type Endpoint } from '../endpoint.ts'
import { BY, observe, type Observer } from './connection.ts'
import type { Forwarding, Told, ToldBack } from './forward-worker.ts'
import { makeReader, type Message } from './messages.ts'

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
  readonly target: Omit<Endpoint, 'namedBy'>
  /** Path of the socket that is made. */
  readonly listen: string
  readonly onCall: (call: TracedCall) => void
  readonly onListening: () => void
  /** What is no call: a line. */
  readonly onNote: (line: string) => void
  readonly signal: AbortSignal
}

const OWNER_ONLY = 0o600
const READING_NICENESS = 10

/** Listens until the signal. @throws Failure inUse, denied */
export async function traceCalls({ target, listen, onCall, onListening, onNote, signal }: Tracing): Promise<void> {
  await removeAbandoned(listen)
  const forwarding: Forwarding = { target: target.path === undefined ? { host: target.host!, port: target.port! } : { path: target.path }, listen }
  const worker = new Worker(workerFile('cri/client/trace/forward-worker.ts'), { workerData: forwarding })
  // on Linux of this thread alone: reading what passed must not take the processor from what passes
  setPriority(READING_NICENESS)
  const stop = (): void => worker.postMessage({ stop: true } satisfies ToldBack)
  const read = makeReader()
  const observers = new Map<number, Observer>()
  let refusal: Failure | undefined
  worker.on('message', (told: Told) => {
    if ('listening' in told) {
      chmodSync(listen, OWNER_ONLY)
      onListening()
      if (signal.aborted) stop()
      else signal.addEventListener('abort', stop, { once: true })
    } else if ('refused' in told) {
      refusal = cannotListen(listen, told.refused)
      stop()
    } else if ('unreachable' in told) onNote(`the runtime at ${target.address} cannot be reached: ${told.unreachable}`)
    else if ('lost' in told) {
      observers.get(told.connection)?.end('it is no longer looked at', told.at)
      observers.delete(told.connection)
      onNote('calls come faster than they can be shown: those of one connection pass unseen from now on')
    } else if ('ended' in told) {
      observers.get(told.connection)?.end(signal.aborted ? 'the trace was ended' : BY[told.side], told.at)
      observers.delete(told.connection)
    } else {
      let observer = observers.get(told.connection)
      if (!observer) observers.set(told.connection, observer = observe({ read, onCall }))
      observer.bytes(told.side, Buffer.from(told.bytes.buffer), told.at)
      worker.postMessage({ read: told.bytes.length } satisfies ToldBack)
    }
  })
  await once(worker, 'exit')
  signal.removeEventListener('abort', stop)
  if (refusal) throw refusal
  rmSync(listen, { force: true })
}

function cannotListen(path: string, code: string): Failure {
  if (code === 'EADDRINUSE') return new Failure('inUse', `cannot listen on ${path}: ${code}`, { hint: 'somebody uses it: give another path' })
  return new Failure('denied', `cannot listen on ${path}: ${existsSync(dirname(path)) ? code : 'its folder does not exist'}`)
}

/** A socket that nobody listens on, of a trace that was killed. */
async function removeAbandoned(path: string): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() && (await whyNot({ path }))?.code === 'ECONNREFUSED') rmSync(path)
}
