// Who unpacks: a small layer in the calling thread when it is free, others in workers, as many as there are cores (four at most).
import { availableParallelism } from 'node:os'
import type { Worker } from 'node:worker_threads'
import { Failure, type ErrorKind } from '../errors.ts'
import { workerFile } from '../paths.ts'
import { GrowingFile } from './growing-file.ts'
import { unpack, type Unpacked, type UnpackJob } from './unpack.ts'

/** The writing side of a job's file. */
export interface Feed {
  grow(availableBytes: number): void
  end(): void
  abort(error: unknown): void
}

export interface Unpacking {
  readonly feed: Feed
  readonly done: Promise<Unpacked>
}

export interface Unpackers {
  /** Starts as soon as a thread is free. */
  start(job: UnpackJob): Unpacking
  close(): Promise<void>
}

export type WorkerAnswer =
  | { readonly unpacked: Unpacked }
  | { readonly failure: { kind: ErrorKind, message: string, hint: string | undefined } }
  | { readonly error: unknown }

export interface UnpackerSetup {
  /** So much above the niceness of the process. */
  readonly nicer: number
}

const MOST_WORKERS = 4
/** Beside a thread that is to answer at once: with all processors busy it would wait for its turn. */
const ASIDE_NICER = 10
/** The calling thread downloads, too: what takes longer than a worker's start is not for it. */
const MOST_INLINE_BYTES = 8 << 20
/** A worker holds some ten megabytes: one without work ends. */
const IDLE_MS = 3000

export function makeUnpackers({ inline }: { inline: boolean }): Unpackers {
  const most = Math.min(availableParallelism(), MOST_WORKERS)
  const idle: { readonly worker: Worker; readonly timer: NodeJS.Timeout }[] = []
  const all = new Set<Worker>()
  let waiting: (() => void)[] = []
  let inlineBusy = !inline
  let busy = 0

  const newWorker = async (): Promise<Worker> => {
    const { Worker } = await import('node:worker_threads')
    const worker = new Worker(workerFile('storage/unpack-worker.ts'), { workerData: { nicer: inline ? 0 : ASIDE_NICER } satisfies UnpackerSetup })
    all.add(worker)
    worker.on('exit', () => all.delete(worker))
    return worker
  }
  const rest = (worker: Worker): void => {
    const resting = {
      worker, timer: setTimeout(() => {
        idle.splice(idle.indexOf(resting), 1)
        void worker.terminate()
      }, IDLE_MS).unref(),
    }
    idle.push(resting)
  }
  const wake = (): Worker | undefined => {
    const resting = idle.pop()
    clearTimeout(resting?.timer)
    return resting?.worker
  }
  const next = () => {
    const woken = waiting
    waiting = []
    for (const go of woken) go()
  }

  const start = (job: UnpackJob): Unpacking => {
    const file = new GrowingFile(job.file)
    const feed = new Relay(file)
    const inCaller = async () => {
      try {
        return await unpack(job, file)
      } finally {
        inlineBusy = false
        next()
      }
    }
    const inWorker = async () => {
      const worker = wake() ?? await newWorker()
      let reusable = false
      try {
        const unpacked = await feed.through(worker, job)
        reusable = true
        return unpacked
      } catch (error) {
        reusable = error instanceof Failure
        throw error
      } finally {
        busy--
        if (reusable && all.has(worker)) rest(worker)
        else void worker.terminate()
        next()
      }
    }
    const mayBeInline = job.sizeBytes <= MOST_INLINE_BYTES
    const isFree = () => (mayBeInline && !inlineBusy) || busy < most
    const run = async (): Promise<Unpacked> => {
      while (!isFree()) {
        if (feed.aborted) throw feed.error
        await new Promise<void>((resolve) => {
          waiting.push(resolve)
          feed.onAbort(resolve)
        })
      }
      if (mayBeInline && !inlineBusy) {
        inlineBusy = true
        return inCaller()
      }
      busy++
      return inWorker()
    }
    return { feed, done: run() }
  }
  const close = async (): Promise<void> => {
    for (const { timer } of idle.splice(0)) clearTimeout(timer)
    await Promise.all([...all].map((worker) => worker.terminate()))
  }
  return { start, close }
}

/** A reader elsewhere is told of new bytes in steps of this. */
const TOLD_BYTES = 1 << 20

/** Hands what becomes known of a file to a reader here or in a worker. */
class Relay implements Feed {
  readonly #file: GrowingFile
  #worker: Worker | undefined
  #available = 0
  #told = 0
  #complete = false
  #onAbort: (() => void) | undefined
  aborted = false
  error: unknown

  constructor(file: GrowingFile) {
    this.#file = file
  }

  grow(availableBytes: number): void {
    this.#available = availableBytes
    this.#file.grow(availableBytes)
    if (availableBytes - this.#told >= TOLD_BYTES) this.#tell()
  }

  #tell(): void {
    this.#told = this.#available
    this.#worker?.postMessage({ grow: this.#available })
  }

  end(): void {
    this.#complete = true
    this.#file.end()
    this.#tell()
    this.#worker?.postMessage({ end: true })
  }

  abort(error: unknown): void {
    this.aborted = true
    this.error ??= error
    this.#file.abort(error)
    this.#worker?.postMessage({ abort: true })
    this.#onAbort?.()
  }

  onAbort(wake: () => void): void {
    this.#onAbort = wake
  }

  async through(worker: Worker, job: UnpackJob): Promise<Unpacked> {
    this.#worker = worker
    worker.ref()
    worker.postMessage({ job })
    if (this.#available > 0) this.#tell()
    if (this.#complete) worker.postMessage({ end: true })
    if (this.aborted) worker.postMessage({ abort: true })
    try {
      const answer = await answerOf(worker)
      if ('unpacked' in answer) return answer.unpacked
      if (this.aborted) throw this.error
      if ('error' in answer) throw answer.error
      const { kind, message, hint } = answer.failure
      throw new Failure(kind, message, hint === undefined ? {} : { hint })
    } finally {
      this.#worker = undefined
      worker.unref()
    }
  }
}

const answerOf = (worker: Worker): Promise<WorkerAnswer> => new Promise((resolve, reject) => {
  const settle = (act: () => void) => {
    worker.off('message', onMessage).off('error', onError).off('exit', onExit)
    act()
  }
  const onMessage = (answer: WorkerAnswer) => settle(() => resolve(answer))
  const onError = (error: unknown) => settle(() => reject(error))
  const onExit = (code: number) => settle(() => reject(new Failure('unavailable', `the unpacking thread ended by itself (${code})`)))
  worker.on('message', onMessage).on('error', onError).on('exit', onExit)
})
