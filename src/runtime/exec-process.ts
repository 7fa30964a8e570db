// A process in a running container, without a monitor: for probes and short commands whose output is wanted whole.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { Failure } from '../errors.ts'
import { expectCgroupMoves } from '../process/cgroup-moves.ts'
import { runProgram } from '../process/run-program.ts'
import { signalNumber } from '../signals.ts'
import { runtimeFailure } from './errors.ts'

export interface ExecOptions {
  /** File with an OCI process object (config.md, "process"), without a terminal. */
  readonly processFile: string
  /** The runtime writes the process's pid here; it must not exist, and is removed at the end. */
  readonly pidFile: string
  readonly input?: string | Uint8Array
  /** Of stdout and stderr each; what is beyond is dropped. Default 16 MiB. */
  readonly maxOutputBytes?: number
  /** Default 60 s. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
}

export interface ExecResult {
  /** 128 + n when signal n ended it. */
  readonly exitCode: number
  readonly stdout: Buffer
  readonly stderr: Buffer
}

export interface ExecTarget { readonly path: string; readonly name: string; readonly globals: readonly string[]; readonly id: string }

const DEADLINE_MS = 60_000
/** The runtime sees the death of what we killed and ends; it is killed itself when it has not by then. */
const REAP_MS = 2000
const RETRY_MS = 20

export const execProcess = async ({ path, name, globals, id }: ExecTarget, options: ExecOptions): Promise<ExecResult> => {
  const { processFile, pidFile, input, maxOutputBytes, timeoutMs = DEADLINE_MS, signal } = options
  if (signal?.aborted) throw cancelled(name, signal)
  const stopper = makeStopper(pidFile)
  const timer = setTimeout(() => stopper.stop(new Failure('timeout', `the command did not end within ${timeoutMs / 1000} s`)), timeoutMs)
  const onAbort = (): void => stopper.stop(cancelled(name, signal!))
  signal?.addEventListener('abort', onAbort, { once: true })
  expectCgroupMoves()
  try {
    const ended = await runProgram(path, [...globals, 'exec', '--process', processFile, '--pid-file', pidFile, id], {
      timeoutMs: timeoutMs + 2 * REAP_MS, truncate: true, signal: stopper.hard,
      ...(input === undefined ? {} : { input }), ...(maxOutputBytes === undefined ? {} : { maxOutputBytes }),
    })
    if (stopper.reason()) throw stopper.reason()
    // The pid is written once the process runs: without it, the code and the text are the runtime's own.
    if (!existsSync(pidFile)) throw runtimeFailure(ended.stderr.toString(), { runtime: name, id })
    return { exitCode: ended.code ?? 128 + signalNumber(ended.signal ?? 'KILL')!, stdout: ended.stdout, stderr: ended.stderr }
  } catch (error) {
    throw stopper.reason() ?? error
  } finally {
    clearTimeout(timer)
    stopper.end()
    signal?.removeEventListener('abort', onAbort)
    rmSync(pidFile, { force: true })
  }
}

/** Kills the process itself, not the runtime, which is needed to reap it; the runtime only when that doesn't help. */
const makeStopper = (pidFile: string) => {
  const hard = new AbortController()
  let why: Failure | undefined
  let retry: NodeJS.Timeout | undefined
  let last: NodeJS.Timeout | undefined
  return {
    hard: hard.signal,
    reason: () => why,
    stop: (reason: Failure): void => {
      if (why) return
      why = reason
      killWritten(pidFile)
      // The pid may be written only now.
      retry = setInterval(() => killWritten(pidFile), RETRY_MS)
      last = setTimeout(() => hard.abort(), REAP_MS)
    },
    end: (): void => {
      clearInterval(retry)
      clearTimeout(last)
    },
  }
}

const killWritten = (pidFile: string): void => {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8'))
    // Runtimes make the process the leader of a session, hence of a group.
    if (Number.isSafeInteger(pid) && pid > 1) for (const target of [-pid, pid]) kill(target)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

const kill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

const cancelled = (name: string, signal: AbortSignal): Failure => new Failure('cancelled', `${name} exec was cancelled`, { cause: signal.reason })
