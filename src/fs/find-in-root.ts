import { closeSync, lstatSync, readlinkSync } from 'node:fs'
import { posix } from 'node:path'
import { Failure } from '../errors.ts'
import { openDirInRoot } from './open-dir-in-root.ts'

export interface FoundInRoot {
  /** Absolute inside the root, without a link at its end. */
  readonly path: string
  /** Undefined: there is nothing of that name. */
  readonly kind: 'directory' | 'other' | undefined
}

const MAX_LINKS = 40

/** What a path stands for when `root` is /: links at its end are followed, also to what is not there yet. @throws invalid */
export function findInRoot(root: string, path: string): FoundInRoot {
  let at = posix.join('/', path)
  for (let links = 0; links <= MAX_LINKS; links++) {
    const bare = at.replace(/\/+$/, '') || '/'
    if (bare === '/') return { path: '/', kind: 'directory' }
    const [above, name] = [posix.dirname(bare), posix.basename(bare)]
    const directory = openDirInRoot(root, above)
    if (directory === undefined) return { path: bare, kind: undefined }
    try {
      const entry = `/proc/self/fd/${directory}/${name}`
      const stats = lstatSync(entry, { throwIfNoEntry: false })
      if (!stats?.isSymbolicLink()) return { path: bare, kind: stats === undefined ? undefined : stats.isDirectory() ? 'directory' : 'other' }
      at = posix.resolve(above, readlinkSync(entry))
    } finally {
      closeSync(directory)
    }
  }
  throw new Failure('invalid', `${path}: too many symbolic links`)
}
