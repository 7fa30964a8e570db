// Locks between processes: flock on files that stay, so that a crash releases them and none is ever stale.
import { closeSync, constants, openSync } from 'node:fs'
import { Failure } from '../errors.ts'
import { flock } from '../sys/addon.ts'

export interface LockOptions {
  /** `false`: throw inUse at once. A number: give up after so many ms with timeout. Default: wait for ever. */
  readonly wait?: boolean | number
  readonly shared?: boolean
  readonly signal?: AbortSignal | undefined
}

export interface Lock extends Disposable {
  /** Idempotent. */
  release(): void
}

const LONGEST_PAUSE_MS = 20

/**
 * Takes the lock of `path`, a file that is made when missing and never unlinked (unlinking would give two holders).
 * Two calls in one process exclude each other too. Waiting is a timer, not a thread of the pool: a holder that needs
 * the pool could otherwise be starved by those who wait for it.
 */
export const lockFile = async (path: string, { wait = true, shared = false, signal }: LockOptions = {}): Promise<Lock> => {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  try {
    const deadline = typeof wait === 'number' ? performance.now() + wait : Infinity
    for (let pauseMs = 1; !flock(fd, shared ? 'shared' : 'exclusive'); pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      if (signal?.aborted) throw new Failure('cancelled', `waiting for the lock ${path} was cancelled`, { cause: signal.reason })
      if (wait === false) throw new Failure('inUse', `${path} is locked by another process`)
      if (performance.now() >= deadline) throw new Failure('timeout', `${path} is still locked by another process after ${wait} ms`)
      await pause(pauseMs * (0.5 + Math.random()), signal)
    }
  } catch (error) {
    closeSync(fd)
    throw error
  }
  return holding(fd)
}

/** As `lockFile` without waiting; undefined when somebody else holds it. */
export const tryLockFile = (path: string, shared = false): Lock | undefined => {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  if (flock(fd, shared ? 'shared' : 'exclusive')) return holding(fd)
  closeSync(fd)
  return undefined
}

const holding = (fd: number): Lock => {
  let open = true
  const release = (): void => {
    if (!open) return
    open = false
    // A child between fork and exec has a copy of the descriptor: closing ours alone would not free the lock.
    flock(fd, 'unlock')
    closeSync(fd)
  }
  return { release, [Symbol.dispose]: release }
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
