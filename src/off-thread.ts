// Calls of functions that run in threads of their own: plain values both ways, errors as they were thrown.
import { Worker, parentPort, workerData } from 'node:worker_threads'
import { Failure, isFailure, type ErrorKind } from './errors.ts'
import { logSettings, takeLogSettings, type LogSettings } from './log.ts'
import { workerFile } from './paths.ts'

interface Given { readonly data: unknown; readonly log: LogSettings }
interface Question { readonly id: number; readonly name: string; readonly args: readonly unknown[] }
type Answer = { readonly id: number } & Outcome
type Outcome = { readonly value: unknown } | { readonly failure: { kind: ErrorKind; message: string; hint: string | undefined } } | { readonly error: Record<string, unknown> }

export interface Threads {
  call(name: string, ...args: unknown[]): Promise<unknown>
  /** Lets the threads end what they are at. */
  close(): Promise<void>
}

export interface ThreadOptions {
  /** Of a `-worker.ts`, below src. */
  readonly source: string
  /** What each thread is given at its start. */
  readonly data: unknown
  /** A call goes to the thread with the fewest under way; one more is started while there are fewer than this. */
  readonly most: number
  /** A thread without calls ends after so long; absent: never. */
  readonly idleMs?: number
}

interface Thread { readonly worker: Worker; readonly pending: Map<number, (answer: Outcome) => void>; idle?: NodeJS.Timeout | undefined }

const CLOSE_MS = 5000
/** Of short-lived objects before they are collected: what is kept for them counts for a server that idles. */
const YOUNG_MB = 4

/** Starts no thread before the first call. One that breaks fails its calls; the next call starts another. */
export function openThreads({ source, data, most, idleMs }: ThreadOptions): Threads {
  const threads = new Set<Thread>()
  let count = 0

  const start = (): Thread => {
    const thread: Thread = { worker: new Worker(workerFile(source), { workerData: { data, log: logSettings() } satisfies Given, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } }), pending: new Map() }
    threads.add(thread)
    const broken = (why: unknown): void => {
      threads.delete(thread)
      clearTimeout(thread.idle)
      for (const settle of thread.pending.values()) settle({ failure: { kind: 'unavailable', message: `the thread of ${source} ended: ${why instanceof Error ? why.message : why}`, hint: undefined } })
      thread.pending.clear()
    }
    thread.worker.on('error', broken).on('exit', broken).on('message', ({ id, ...outcome }: Answer) => {
      thread.pending.get(id)?.(outcome)
      thread.pending.delete(id)
      if (thread.pending.size > 0) return
      thread.worker.unref()
      if (idleMs !== undefined) thread.idle = setTimeout(() => { void end(thread) }, idleMs).unref()
    })
    return thread
  }
  const end = async (thread: Thread): Promise<void> => {
    threads.delete(thread)
    clearTimeout(thread.idle)
    thread.worker.ref()
    const ended = new Promise<unknown>((resolve) => thread.worker.once('exit', resolve))
    const timer = setTimeout(() => { void thread.worker.terminate() }, CLOSE_MS)
    thread.worker.postMessage(undefined)
    await ended
    clearTimeout(timer)
  }
  const choose = (): Thread => {
    const [least] = [...threads].sort((a, b) => a.pending.size - b.pending.size)
    return least && (least.pending.size === 0 || threads.size >= most) ? least : start()
  }
  return {
    call: async (name, ...args) => {
      const thread = choose()
      clearTimeout(thread.idle)
      thread.worker.ref()
      const id = ++count
      const answered = new Promise<Outcome>((resolve) => thread.pending.set(id, resolve))
      try {
        thread.worker.postMessage({ id, name, args } satisfies Question)
      } catch (error) {
        thread.pending.delete(id)
        throw error
      }
      return valueOf(await answered)
    },
    close: async () => { await Promise.all([...threads].map(end)) },
  }
}

/** In the thread: what it was given. */
export function threadData(): unknown {
  const { data, log } = workerData as Given
  takeLogSettings(log)
  return data
}

/** In the thread: answers calls until it is told to end; then `close` runs. */
export function answerCalls(answer: (name: string, args: readonly unknown[]) => unknown, close: () => unknown = () => undefined): void {
  const port = parentPort
  port!.on('message', (question: Question | undefined) => {
    if (question === undefined) {
      port!.close()
      return void close()
    }
    const { id, name, args } = question
    const send = (outcome: Outcome): void => port!.postMessage({ id, ...outcome } satisfies Answer)
    const ask = async (): Promise<unknown> => answer(name, args)
    ask().then((value) => send({ value })).catch((error: unknown) => send(thrown(error)))
  })
}

function thrown(error: unknown): Outcome {
  if (isFailure(error)) return { failure: { kind: error.kind, message: error.message, hint: error.hint } }
  const { message, stack, name } = error as Error
  const { code, errno, syscall, path } = error as NodeJS.ErrnoException
  return { error: { message: message ?? String(error), stack, name, code, errno, syscall, path } }
}

function valueOf(outcome: Outcome): unknown {
  if ('value' in outcome) return outcome.value
  if ('failure' in outcome) {
    const { kind, message, hint } = outcome.failure
    throw new Failure(kind, message, hint === undefined ? {} : { hint })
  }
  const { message, ...rest } = outcome.error
  throw Object.assign(new Error(String(message)), Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)))
}
