// Locks between processes: flock on files that stay, so that a crash releases them and none is ever stale.
import { closeSync, constants, openSync } from 'node:fs'
import { monotonicMs } from '../clock.ts'
import { Failure } from '../errors.ts'
import { flock } from '../sys/addon.ts'

export interface LockOptions {
  /** `false`: undefined at once when somebody else holds it. A number: Failure timeout after so many ms. Default: wait for ever. */
  readonly wait?: boolean | number
  readonly shared?: boolean
  readonly signal?: AbortSignal | undefined
}

/** Called, it gives the lock back; idempotent. `release` and `using` do the same. */
export interface Lock extends Disposable {
  (): void
  release(): void
}

const LONGEST_PAUSE_MS = 20

/**
 * Takes the lock of `path`, a file that is made when missing and never unlinked (unlinking would give two holders).
 * Two calls in one process exclude each other too. Waiting is a timer, not a thread of the pool: a holder that needs
 * the pool could otherwise be starved by those who wait for it.
 */
export function lockFile(path: string, options: LockOptions & { readonly wait: false }): Promise<Lock | undefined>
export function lockFile(path: string, options?: LockOptions): Promise<Lock>
export async function lockFile(path: string, { wait = true, shared = false, signal }: LockOptions = {}): Promise<Lock | undefined> {
  const fd = openLock(path)
  try {
    const deadline = typeof wait === 'number' ? monotonicMs() + wait : Infinity
    for (let pauseMs = 1; !flock(fd, shared ? 'shared' : 'exclusive'); pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      if (signal?.aborted) throw new Failure('cancelled', `waiting for the lock ${path} was cancelled`, { cause: signal.reason })
      if (wait === false) return void closeSync(fd)
      if (monotonicMs() >= deadline) throw new Failure('timeout', `${path} is still locked by another process after ${wait} ms`)
      await pause(pauseMs * (0.5 + Math.random()), signal)
    }
  } catch (error) {
    closeSync(fd)
    throw error
  }
  return holding(fd)
}

/** As `lockFile` without waiting, synchronously. */
export const tryLockFile = (path: string, shared = false): Lock | undefined => {
  const fd = openLock(path)
  if (flock(fd, shared ? 'shared' : 'exclusive')) return holding(fd)
  closeSync(fd)
  return undefined
}

/**
 * Gives back a lock that the program which started us took and handed on as descriptor `fd`. The descriptor stays open:
 * where nothing was handed on, that number is one of Node's own, to which unlocking does nothing.
 */
export const unlockInherited = (fd: number): void => {
  try {
    flock(fd, 'unlock')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBADF') throw error
  }
}

const openLock = (path: string): number => openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)

const holding = (fd: number): Lock => {
  let open = true
  const release = (): void => {
    if (!open) return
    open = false
    // A child between fork and exec has a copy of the descriptor: closing ours alone would not free the lock.
    flock(fd, 'unlock')
    closeSync(fd)
  }
  return Object.assign(release, { release, [Symbol.dispose]: release })
}

const pause = (ms: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    function done(): void {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    signal?.addEventListener('abort', done, { once: true })
  })
