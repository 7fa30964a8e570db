import { closeSync, fstatSync, writeFileSync } from 'node:fs'
import { mount, openInRoot } from '../sys/addon.ts'
import { MS_BIND, MS_REC } from '../sys/mount-flags.ts'
import { makeDir } from './remove-tree.ts'

/** open(2): a name alone, of anything. */
const O_PATH = 0x200000

/**
 * Mounts what `path` names in the tree `root` on the new file or directory `target`. No link and no `..` leads out of `root`,
 * whoever changes the tree meanwhile. @returns whether there is such a thing
 */
export function mountInRoot({ root, path, target }: { root: string; path: string; target: string }): boolean {
  let fd: number
  try {
    fd = openInRoot(root, path, O_PATH)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return false
    throw error
  }
  try {
    if (fstatSync(fd).isDirectory()) makeDir(target)
    else writeFileSync(target, '')
    mount(`/proc/self/fd/${fd}`, target, null, MS_BIND | MS_REC)
    return true
  } finally {
    closeSync(fd)
  }
}
