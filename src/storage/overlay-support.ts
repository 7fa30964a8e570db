// Whether this kernel and this file system can carry overlay mounts: tried, since no list of versions is right.
import { lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { unmountTree } from '../fs/mounts.ts'
import { removeTree } from '../fs/remove-tree.ts'
import type { Paths } from '../paths.ts'
import { mountOverlay } from '../sys/addon.ts'
import { ensurePrivateRoot } from './private-root.ts'
import type { Staging } from './staging.ts'

/** One line saying why not, or undefined. Mounts and unmounts once. */
export async function overlayProblem(paths: Paths, staging: Staging): Promise<string | undefined> {
  const dir = staging.make()
  const [lower, upper, work, target] = ['lower', 'upper', 'work', 'target'].map((name) => join(dir, name)) as [string, string, string, string]
  try {
    for (const path of [lower, upper, work, target]) mkdirSync(path)
    writeFileSync(join(lower, 'file'), '')
    await ensurePrivateRoot(paths)
    mountOverlay({ lowers: [lower], upper, work, target })
    rmSync(join(target, 'file'))
    const mark = lstatSync(join(upper, 'file'), { throwIfNoEntry: false })
    return mark?.isCharacterDevice() ? undefined : `the file system of ${paths.root} can't hold whiteouts`
  } catch (error) {
    return explain(error as NodeJS.ErrnoException & { detail?: string }, paths.root)
  } finally {
    await unmountTree(target)
    removeTree(dir)
  }
}

function explain({ code, detail, message }: NodeJS.ErrnoException & { detail?: string }, root: string): string {
  if (code === 'ENODEV') return 'the kernel has no overlayfs (is the module "overlay" there?)'
  if (code === 'EPERM') return 'mounting is not permitted (CAP_SYS_ADMIN lacks)'
  const known = readFileSync('/proc/filesystems', 'utf8').includes('\toverlay\n')
  return `${known ? '' : 'overlayfs isn\'t loaded, and '}an overlay on ${root} is refused: ${detail ?? code ?? message}`
}
