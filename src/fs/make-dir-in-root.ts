import { chmodSync, closeSync, lchownSync, mkdirSync } from 'node:fs'
import { posix } from 'node:path'
import { openDirInRoot } from './open-dir-in-root.ts'

/**
 * Makes what is missing of a directory, links resolved as if `root` were /, with mode 0755; its last part gets the owner.
 * One that is there stays as it is, and so does what is in its way.
 */
export function makeDirInRoot(root: string, path: string, { uid, gid }: { readonly uid: number; readonly gid: number }): void {
  const parts = posix.resolve('/', path).split('/').filter((part) => part !== '')
  const isThere = (count: number): boolean => {
    const fd = openDirInRoot(root, `/${parts.slice(0, count).join('/')}`)
    if (fd !== undefined) closeSync(fd)
    return fd !== undefined
  }
  if (isThere(parts.length)) return
  for (let count = 1; count <= parts.length; count++) {
    if (isThere(count)) continue
    const above = openDirInRoot(root, `/${parts.slice(0, count - 1).join('/')}`)
    if (above === undefined) return
    try {
      const made = `/proc/self/fd/${above}/${parts[count - 1]}`
      mkdirSync(made)
      chmodSync(made, 0o755)
      if (count === parts.length) lchownSync(made, uid, gid)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      return // a file or a link to nothing: the runtime has the words for it
    } finally {
      closeSync(above)
    }
  }
}
