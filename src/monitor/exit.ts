// What is known of a container's end: files that the monitor writes into the persist and exit directories.
import type { ProcessIdentity } from '../process/identity.ts'
import { Failure } from '../errors.ts'

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

/** Undefined while it runs, or when nobody could write the end (a killed monitor, a power cut). */
export const readExit = (dirs: ExitDirs): Exit | undefined => {
  throw new Failure('unsupported', `not yet: ${dirs.id}`)
}

/** Ids in the exit directory: one directory read for all containers. */
export const listExits = (exitDir: string): string[] => {
  throw new Failure('unsupported', `not yet: ${exitDir}`)
}

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined
  /** Ends with undefined when this process is gone and no exit file has come: the monitor was killed. */
  readonly monitor?: ProcessIdentity
}

/** Waits for the end: watches the directory, with a poll each second as a net. */
export const waitExit = async (dirs: ExitDirs, options: WaitOptions = {}): Promise<Exit | undefined> => {
  throw new Failure('unsupported', `not yet: ${dirs.id} ${options.monitor}`)
}
