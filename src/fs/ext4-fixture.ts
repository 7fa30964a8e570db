import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

const INODES_PER_GROUP = 512

/** Directory on an ext4 of 32 small groups, until the test ends. */
export function mountExt4(t: TestContext): string {
  const dir = mkdtempSync('/var/tmp/scow-ext4-')
  const [disk, root] = [join(dir, 'disk'), join(dir, 'root')]
  mkdirSync(root)
  execFileSync('mke2fs', ['-q', '-t', 'ext4', '-O', '^flex_bg', '-g', '8192', '-N', String(32 * INODES_PER_GROUP), disk, '256M'])
  execFileSync('mount', ['-o', 'loop', disk, root])
  t.after(() => { execFileSync('umount', [root]); rmSync(dir, { recursive: true }) })
  return root
}

/** How many groups the inodes of these paths lie in. */
export const countGroups = (paths: readonly string[]): number => new Set(paths.map((path) => Math.floor((statSync(path).ino - 1) / INODES_PER_GROUP))).size
