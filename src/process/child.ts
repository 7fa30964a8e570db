// Child processes without child_process, which costs 5 ms and forks: started by the addon, watched on the event loop.
import { closeSync, readSync, writeSync } from 'node:fs'
import { getSystemErrorName } from 'node:util'
import { Failure, hostFailure } from '../errors.ts'
import { log } from '../log.ts'
import { pidfdSignal, reap, spawn, watch } from '../sys/addon.ts'
import { findProgram, PROGRAM_DIRS } from './find-program.ts'

export interface ChildOptions {
  /** The whole environment; absent: PATH only. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Default `/`. */
  readonly cwd?: string | undefined
  /** Index is the child's descriptor, value ours; -1 is /dev/null. */
  readonly fds: readonly number[]
  /** Its own process group (default), or its own session. */
  readonly session?: boolean
  /** Files of cgroups that it enters first: `tasks` of version 1, `cgroup.procs` of version 2. A refusal is only logged. */
  readonly cgroupFiles?: readonly string[]
  /** Does not keep this process alive. */
  readonly idle?: boolean
}

export interface How {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined
  /** Number of that signal. */
  readonly signal: number | undefined
}

export interface Child {
  readonly pid: number
  /** Never rejects. */
  readonly exited: Promise<How>
  /** SIGKILL to the whole process group, while the leader lives. */
  killGroup(): void
  /** Does nothing once it has ended. */
  signal(number: number): void
}

export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

const HIGHEST_SIGNAL = 64

/** A bare name is searched as `findProgram` does. Failure notFound, denied or unavailable when it can't be started. */
export const startChild = (name: string, args: readonly string[], options: ChildOptions): Child => {
  const file = name.includes('/') ? name : findProgram(name) ?? missing(name)
  const { pid, pidfd } = startNow(file, args, options)
  let over = false
  const exited = new Promise<How>((resolve) => {
    const stop = watch(pidfd, { events: 'read', idle: options.idle ?? false }, () => {
      const ended = reap(pid)
      if (ended === undefined) return
      over = true
      stop()
      closeSync(pidfd)
      resolve(ended < 0 && ended >= -HIGHEST_SIGNAL ? { code: undefined, signal: -ended } : { code: ended, signal: undefined })
    })
  })
  return {
    pid, exited,
    killGroup: () => { if (!over) killQuietly(-pid) },
    signal: (number) => { if (!over) pidfdSignal(pidfd, number) },
  }
}

const startNow = (file: string, args: readonly string[], { env = { PATH: DEFAULT_PATH }, cwd = '/', fds, session = false, cgroupFiles = [] }: ChildOptions) => {
  try {
    const started = spawn({
      file, args: [file, ...args], env: Object.entries(env).map(([name, value]) => `${name}=${value}`), cwd, fds,
      newSession: session, newGroup: !session, cgroupFiles,
    })
    if (started.joinErrno !== 0) log.warn(`${file} stays in this session's cgroup: ${cgroupFiles.join(', ')}: ${getSystemErrorName(-started.joinErrno)}`)
    return started
  } catch (error) {
    throw cannotStart(file, error as NodeJS.ErrnoException)
  }
}

const missing = (name: string): never => {
  throw new Failure('notFound', `${name} is not installed: no such program in ${PROGRAM_DIRS.join(', ')}`)
}

const REASONS: Readonly<Record<string, readonly ['notFound' | 'denied', string]>> = {
  ENOENT: ['notFound', 'no such file'], ENOTDIR: ['notFound', 'no such file'],
  EACCES: ['denied', 'permission denied'], ENOEXEC: ['denied', 'it is no program for this machine'],
}

const cannotStart = (file: string, error: NodeJS.ErrnoException): Failure => {
  const [kind, reason] = REASONS[error.code ?? ''] ?? ['unavailable', error.message]
  const what = error.syscall === 'chdir' ? `directory ${(error as { path?: string }).path}: ${reason}` : reason
  const hint = hostFailure(error)?.hint
  return new Failure(kind, `${file} cannot be started: ${what}`, { cause: error, ...(hint === undefined ? {} : { hint }) })
}

const killQuietly = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Reads `fd` (which must not block) to its end and closes it. `take` may close it early by returning false. */
export const drain = (fd: number, take: (chunk: Buffer) => boolean | void): { readonly done: Promise<void>; stop(): void } => {
  const buffer = Buffer.allocUnsafe(65_536)
  let finish = (): void => undefined
  const done = new Promise<void>((resolve) => {
    let open = true
    const stop = watch(fd, { events: 'read' }, () => {
      const n = readReady(fd, buffer)
      if (n === undefined) return
      if (n === 0 || take(Buffer.from(buffer.subarray(0, n))) === false) finish()
    })
    finish = () => {
      if (!open) return
      open = false
      stop()
      closeSync(fd)
      resolve()
    }
  })
  return { done, stop: () => finish() }
}

/** Bytes read, 0 at the end, undefined when there is nothing yet. */
const readReady = (fd: number, buffer: Buffer): number | undefined => {
  try {
    return readSync(fd, buffer)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EAGAIN') return undefined
    if (code === 'ECONNRESET' || code === 'EIO') return 0
    throw error
  }
}

/** Writes all of `data` to `fd` (which must not block) and closes it; a reader that goes away is no error. */
export const feed = (fd: number, data: Uint8Array): { stop(): void } => {
  let done = 0
  let open = true
  const finish = (): void => {
    if (!open) return
    open = false
    stop()
    closeSync(fd)
  }
  const stop = watch(fd, { events: 'write' }, () => {
    try {
      while (done < data.length) done += writeSync(fd, data, done, Math.min(data.length - done, 65_536))
      finish()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') finish()
    }
  })
  return { stop: finish }
}

