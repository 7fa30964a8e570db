// Removing a tree that may hold mounts, hostile names or files that others still make.
import { accessSync, constants, existsSync, lstatSync, mkdirSync, promises, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { Failure, hostFailure, isFailure, reasonOf } from '../errors.ts'
import { mountsBelow } from './mounts.ts'

/**
 * Removes `path` and all below; nothing there is fine. Never follows a link and never removes what is mounted below:
 * a mount there is Failure inUse before anything is touched.
 */
export const removeTree = (path: string): void => {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return
  refuseMounted(path)
  removeFiles(path)
}

/** As `removeTree`, of our own folders in which nothing is ever mounted: with many containers the list of mounts is long. */
export const removeFiles = (path: string): void =>
  // A process that still writes there makes ENOTEMPTY: rmSync tries again.
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 })

/** As `removeTree`, on the thread pool. */
export const removeTreeAsync = async (path: string): Promise<void> => {
  refuseMounted(path)
  await promises.rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 })
}

const refuseMounted = (path: string): void => {
  const [mounted] = mountsBelow(path)
  if (mounted !== undefined) throw new Failure('inUse', `${path} cannot be removed: ${mounted} is mounted`, { hint: `umount ${mounted}` })
}

/**
 * Makes the directory and its parents; an existing one is fine and keeps its mode. Failure when it is something else. Not by
 * Node's own `recursive`, which tries for ever below /proc, where a directory that exists takes none.
 */
export const makeDir = (path: string, mode = 0o755): void => make(path, { mode, again: true })

/** The same for a path that a user has chosen. @throws Failure that says why it cannot be made */
export const makeChosenDir = (path: string, mode?: number): void => {
  try {
    makeDir(path, mode)
  } catch (error) {
    if (isFailure(error) || (error as NodeJS.ErrnoException).code === undefined) throw error
    throw hostFailure(error) ?? new Failure('denied', `cannot make the directory ${path}: ${reasonOf(error)}`, { cause: error })
  }
}

/** `again`: another process may make the parent between our try and our look. */
const make = (path: string, { mode, again }: { mode: number; again: boolean }): void => {
  try {
    mkdirSync(path, { mode })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') {
      if (!statSync(path).isDirectory()) throw new Failure('invalid', `${path} is no directory`, { cause: error })
      return
    }
    const parent = dirname(path)
    if (code !== 'ENOENT' || parent === path) throw error
    if (existsSync(parent)) {
      if (!again) {
        accessSync(parent, constants.W_OK) // some kernels say ENOENT where nothing may be written
        throw error
      }
      return make(path, { mode, again: false })
    }
    makeDir(parent, mode)
    makeDir(path, mode)
  }
}
