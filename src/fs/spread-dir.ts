import { existsSync } from 'node:fs'
import { spreadBelow } from '../sys/addon.ts'
import { makeDir } from './remove-tree.ts'

/**
 * As `makeDir`, for one below which trees come and go. ext4 gives no inode out again for a minute and more after it was freed, and
 * looks at each of them anew for every file that it makes in the same part of the disk: an image pulled after another was removed took
 * twice the time. So each tree gets a part of its own.
 */
export function makeSpreadDir(path: string, mode: number): void {
  if (existsSync(path)) return
  makeDir(path, mode)
  spreadBelow(path)
}
