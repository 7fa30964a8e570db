import { constants } from 'node:fs'
import { openInRoot, type PathLike } from '../sys/addon.ts'

/** A descriptor of the directory, links resolved as if `root` were /; undefined when there is none. The caller closes it. */
export function openDirInRoot(root: string, path: PathLike): number | undefined {
  try {
    return openInRoot(root, path, constants.O_RDONLY | constants.O_DIRECTORY)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}
