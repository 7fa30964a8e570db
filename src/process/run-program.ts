// Runs another program to its end. child_process costs 3 ms of start-up, so it is loaded on first use.
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { createRequire } from 'node:module'
import type { Readable } from 'node:stream'
import { Failure } from '../errors.ts'

export interface RunOptions {
  readonly input?: string | Uint8Array
  /** The whole environment; absent: none but PATH. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Then the process group is killed with SIGKILL. Default 60 s. */
  readonly timeoutMs?: number
  /** Of stdout and stderr each; more is a Failure and kills. Default 16 MiB. */
  readonly maxOutputBytes?: number
  /** What is beyond `maxOutputBytes` is dropped instead. */
  readonly truncate?: boolean
  readonly signal?: AbortSignal | undefined
  /** Descriptors of ours that become 3, 4, ... in the child. */
  readonly fds?: readonly number[]
}

export interface Ended {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined
  readonly signal: NodeJS.Signals | undefined
  readonly stdout: Buffer
  readonly stderr: Buffer
}

export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

let childProcess: typeof import('node:child_process') | undefined

/** `spawn` of node:child_process: the one door to it. */
export const spawnProcess = (file: string, args: readonly string[], options: SpawnOptions): ChildProcess =>
  (childProcess ??= createRequire('/')('node:child_process') as typeof import('node:child_process')).spawn(file, args, options)

/**
 * Resolves with how `file` ended, whatever its code. Rejects with a Failure: notFound or denied when it can't be
 * started, timeout, cancelled, and invalid when it says too much. Nothing of its process group is left then.
 */
export const runProgram = (file: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const { input, timeoutMs = 60_000, signal } = options
    if (signal?.aborted) return reject(cancelled(file, signal))
    const child = start(file, args, options)
    let failure: Failure | undefined
    const stop = (reason: Failure): void => {
      failure ??= reason
      killGroup(child)
    }
    const timer = setTimeout(() => stop(new Failure('timeout', `${file} did not end within ${timeoutMs / 1000} s`)), timeoutMs)
    const onAbort = (): void => stop(cancelled(file, signal!))
    signal?.addEventListener('abort', onAbort, { once: true })
    const settle = (act: () => void): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      act()
    }
    const outputs = [child.stdout!, child.stderr!].map((stream) => collect(stream, options, () => stop(tooMuch(file))))
    child.stdin?.on('error', () => undefined).end(input)
    child.on('error', (error: NodeJS.ErrnoException) => settle(() => reject(cannotStart(file, error))))
    // A grandchild that keeps a pipe open must not hold us when we have killed the group.
    child.on('exit', () => { if (failure) for (const stream of [child.stdout, child.stderr]) stream?.destroy() })
    child.on('close', (code, name) => settle(() => failure ? reject(failure) : resolve({
      code: code ?? undefined, signal: name ?? undefined, stdout: Buffer.concat(outputs[0]!), stderr: Buffer.concat(outputs[1]!),
    })))
  })

const start = (file: string, args: readonly string[], { env, cwd, input, fds = [] }: RunOptions): ChildProcess =>
  spawnProcess(file, args, {
    cwd: cwd ?? '/',
    env: env ?? { PATH: DEFAULT_PATH },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', ...fds],
    // Its own process group, so that a deadline takes its children too.
    detached: true,
  })

const collect = (stream: Readable, { maxOutputBytes = 16 << 20, truncate = false }: RunOptions, overflow: () => void): Buffer[] => {
  const chunks: Buffer[] = []
  let room = maxOutputBytes
  stream.on('data', (chunk: Buffer) => {
    if (room > 0) chunks.push(chunk.subarray(0, room))
    room -= chunk.length
    if (room < 0 && !truncate) overflow()
  })
  return chunks
}

/** SIGKILL to the whole group of a child that was started `detached`. */
export const killGroup = (child: ChildProcess): void => {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

const cancelled = (file: string, signal: AbortSignal): Failure => new Failure('cancelled', `${file} was cancelled`, { cause: signal.reason })
const tooMuch = (file: string): Failure => new Failure('invalid', `${file} printed more than is believable`)

export const cannotStart = (file: string, error: NodeJS.ErrnoException): Failure =>
  new Failure(error.code === 'ENOENT' ? 'notFound' : error.code === 'EACCES' ? 'denied' : 'unavailable',
    `${file} cannot be started: ${error.code === 'ENOENT' ? 'no such file' : error.code ?? error.message}`, { cause: error })
