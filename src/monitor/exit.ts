// What is known of a container's end: files that the monitor writes into the persist and exit directories.
import { existsSync, readFileSync, readdirSync, rmSync, statSync, watch } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import { isAlive, type ProcessIdentity } from '../process/identity.ts'

export interface Exit {
  /** 0-255; 128 + n for signal n; -1 when the monitor's timeout killed it. Undefined when the file makes no sense. */
  readonly exitCode: number | undefined
  /** Nanoseconds since 1970. */
  readonly finishedAtNs: bigint
  readonly oomKilled: boolean
}

export interface ExitDirs {
  readonly persistDir: string
  /** Where all containers' exit files are. */
  readonly exitDir: string
  readonly id: string
}

const OOM_FILE = 'oom'

const exitFiles = ({ persistDir, exitDir, id }: ExitDirs): string[] => [join(exitDir, id), join(persistDir, 'exit')]

/** Undefined while it runs, or when nobody could write the end (a killed monitor, a power cut). */
export const readExit = (dirs: ExitDirs): Exit | undefined => {
  for (const file of exitFiles(dirs)) {
    const text = readIfThere(file)
    if (text === undefined) continue
    return {
      exitCode: /^-?\d{1,3}$/.test(text) ? Number(text) : undefined,
      finishedAtNs: statSync(file, { bigint: true }).mtimeNs,
      oomKilled: statSync(join(dirs.persistDir, OOM_FILE), { throwIfNoEntry: false }) !== undefined,
    }
  }
  return undefined
}

const readIfThere = (file: string): string | undefined => {
  if (!existsSync(file)) return undefined // most run: an error for each would cost more than all else of a listing
  try {
    return readFileSync(file, 'utf8').slice(0, 16).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Removes what an earlier start left; before a new one. */
export const forgetExit = (dirs: ExitDirs): void => {
  for (const file of [...exitFiles(dirs), join(dirs.persistDir, OOM_FILE)]) rmSync(file, { force: true })
}

/** Ids in the exit directory: one directory read for all containers. */
export const listExits = (exitDir: string): string[] => {
  try {
    // Names with a dot are files that are being written.
    return readdirSync(exitDir).filter((name) => !name.includes('.'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined
  /** Ends with undefined when this process is gone and no exit file has come: the monitor was killed. */
  readonly monitor?: ProcessIdentity
}

const POLL_MS = 1000

/** Waits for the end: watches the directory, with a poll each second as a net. Failure cancelled by `signal`. */
export const waitExit = (dirs: ExitDirs, { signal, monitor }: WaitOptions = {}): Promise<Exit | undefined> =>
  new Promise((resolve, reject) => {
    const look = (): void => {
      // Asked before the file is read: a monitor that is gone by then has written all it ever will.
      const gone = monitor !== undefined && !isAlive(monitor)
      const exit = readExit(dirs)
      if (exit || gone) finish(() => resolve(exit))
    }
    const guarded = (): void => {
      try {
        look()
      } catch (error) {
        finish(() => reject(error as Error))
      }
    }
    const onAbort = (): void => finish(() => reject(new Failure('cancelled', 'waiting for the container was cancelled', { cause: signal!.reason })))
    let over = false
    const finish = (act: () => void): void => {
      if (over) return
      over = true
      clearInterval(poll)
      watcher?.close()
      signal?.removeEventListener('abort', onAbort)
      act()
    }
    const poll = setInterval(guarded, POLL_MS)
    const watcher = watchDir(dirs, guarded)
    if (signal?.aborted) return onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    guarded()
  })

/** Undefined where the directory is missing or no more watches are to be had: the poll does it then. */
const watchDir = ({ exitDir, id }: ExitDirs, look: () => void): { close(): void } | undefined => {
  try {
    const watcher = watch(exitDir, (_, name) => { if (name === null || name.startsWith(id)) look() })
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return undefined
  }
}
