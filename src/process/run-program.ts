// Runs another program to its end.
import { closeSync } from 'node:fs'
import { Failure } from '../errors.ts'
import { pipe } from '../sys/addon.ts'
import { drain, feed, startChild, type Child } from './child.ts'
import { ownTurn } from './own-turn.ts'
import { signalName } from '../signals.ts'

export interface RunOptions {
  readonly input?: string | Uint8Array
  /** The whole environment; absent: PATH only. */
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

interface Pipes { readonly child: number[]; readonly stdin: number; readonly stdout: number; readonly stderr: number }

/** A grandchild may keep the output open after the program has ended; so long is waited for what it still says. */
const LINGER_MS = 1000

/**
 * Resolves with how `file` (a path, or a name for `findProgram`) ended, whatever its code. Rejects with a Failure: notFound or denied when
 * it can't be started, timeout, cancelled, and invalid when it says too much; its process group is killed then.
 */
export const runProgram = async (file: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> => {
  const { input, timeoutMs = 60_000, signal, fds = [] } = options
  await ownTurn()
  if (signal?.aborted) throw cancelled(file, signal)
  const pipes = openPipes(input !== undefined)
  let child: Child
  try {
    child = startChild(file, args, { env: options.env, cwd: options.cwd, fds: [...pipes.child, ...fds] })
  } catch (error) {
    for (const fd of [pipes.stdin, pipes.stdout, pipes.stderr]) if (fd >= 0) closeSync(fd)
    throw error
  } finally {
    for (const fd of pipes.child) if (fd >= 0) closeSync(fd)
  }
  let failure: Failure | undefined
  const stop = (reason: Failure): void => {
    failure ??= reason
    child.killGroup()
  }
  const timer = setTimeout(() => stop(new Failure('timeout', `${file} did not end within ${timeoutMs / 1000} s`)), timeoutMs)
  const onAbort = (): void => stop(cancelled(file, signal!))
  signal?.addEventListener('abort', onAbort, { once: true })
  const [stdout, stderr] = [pipes.stdout, pipes.stderr].map((fd) =>
    collect(fd, options, () => stop(new Failure('invalid', `${file} printed more than is believable`)))) as [Collected, Collected]
  const feeding = input === undefined ? undefined : feed(pipes.stdin, typeof input === 'string' ? Buffer.from(input) : input)
  const how = await child.exited
  clearTimeout(timer)
  signal?.removeEventListener('abort', onAbort)
  feeding?.stop()
  await lastWords([stdout, stderr], failure ? 0 : LINGER_MS)
  if (failure) throw failure
  return { code: how.code, signal: how.signal === undefined ? undefined : signalName(how.signal) as NodeJS.Signals,
    stdout: Buffer.concat(stdout.chunks), stderr: Buffer.concat(stderr.chunks) }
}

const openPipes = (withInput: boolean): Pipes => {
  const input = withInput ? pipe('write') : { read: -1, write: -1 }
  const [stdout, stderr] = [pipe('read'), pipe('read')]
  return { child: [input.read, stdout.write, stderr.write], stdin: input.write, stdout: stdout.read, stderr: stderr.read }
}

interface Collected { readonly chunks: Buffer[]; readonly done: Promise<void>; stop(): void }

const collect = (fd: number, { maxOutputBytes = 16 << 20, truncate = false }: RunOptions, overflow: () => void): Collected => {
  const chunks: Buffer[] = []
  let room = maxOutputBytes
  const { done, stop } = drain(fd, (chunk) => {
    if (room > 0) chunks.push(chunk.subarray(0, room))
    room -= chunk.length
    if (room < 0 && !truncate) overflow()
  })
  return { chunks, done, stop }
}

const lastWords = async (outputs: readonly Collected[], lingerMs: number): Promise<void> => {
  const timer = setTimeout(() => { for (const { stop } of outputs) stop() }, lingerMs)
  await Promise.all(outputs.map(({ done }) => done))
  clearTimeout(timer)
}

const cancelled = (file: string, signal: AbortSignal): Failure => new Failure('cancelled', `${file} was cancelled`, { cause: signal.reason })
