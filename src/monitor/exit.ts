// What is known of a container's end: files that the monitor writes into the persist and exit directories.
import { existsSync, readFileSync, readdirSync, statSync, watch, type BigIntStats } from 'node:fs'
import { join } from 'node:path'
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

const MAX_BYTES = 16

/** Undefined while it runs, or when nobody could write the end (a killed monitor, a power cut). */
export const readExit = ({ persistDir, exitDir, id }: ExitDirs): Exit | undefined => {
  // The exit directory is a tmpfs; the persist directory still knows after a reboot.
  const found = readCode(join(exitDir, id)) ?? readCode(join(persistDir, 'exit'))
  return found && { ...found, oomKilled: existsSync(join(persistDir, 'oom')) }
}

function readCode(file: string): Omit<Exit, 'oomKilled'> | undefined {
  let stat: BigIntStats | undefined
  let text: string
  try {
    stat = statSync(file, { bigint: true })
    text = stat.size <= MAX_BYTES ? readFileSync(file, 'latin1').trim() : ''
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
  return { exitCode: /^-?\d{1,10}$/.test(text) ? Number(text) : undefined, finishedAtNs: stat.mtimeNs }
}

/** Ids in the exit directory: one directory read for all containers. */
export const listExits = (exitDir: string): string[] => {
  try {
    return readdirSync(exitDir).filter((name) => /^[0-9a-f]{64}$/.test(name))
  } catch {
    return []
  }
}

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined
  /** Ends with undefined when this process is gone and no exit file has come: the monitor was killed. */
  readonly monitor?: ProcessIdentity
}

const POLL_MS = 1000

/** Waits for the end: watches the directory, with a poll each second as a net. Undefined when `signal` fires first. */
export const waitExit = (dirs: ExitDirs, { signal, monitor }: WaitOptions = {}): Promise<Exit | undefined> => new Promise((resolve) => {
  const finish = (exit: Exit | undefined): void => {
    clearInterval(timer)
    watcher.close()
    signal?.removeEventListener('abort', onAbort)
    resolve(exit)
  }
  const onAbort = (): void => finish(readExit(dirs))
  const look = (): void => {
    const exit = readExit(dirs)
    // The file is complete before the monitor ends: one more look after it is gone.
    if (exit) finish(exit)
    else if (monitor && !isAlive(monitor)) finish(readExit(dirs))
  }
  const watcher = watch(dirs.exitDir, (_event, name) => { if (name === null || name === dirs.id) look() }).on('error', () => {})
  const timer = setInterval(look, POLL_MS)
  signal?.addEventListener('abort', onAbort, { once: true })
  if (signal?.aborted) onAbort()
  else look()
})
