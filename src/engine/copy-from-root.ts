import { chmodSync, chownSync, closeSync, fstatSync } from 'node:fs'
import { Failure } from '../errors.ts'
import { openDirInRoot } from '../fs/open-dir-in-root.ts'
import { runProgram } from '../process/run-program.ts'

const DEADLINE_MS = 30 * 60_000

/**
 * Copies what the image has in a directory into a new volume, with owner, modes, times and attributes, and gives the
 * volume that directory's own. Links lead inside the root only.
 * @returns false where nothing is there
 */
export async function copyFromRoot({ rootfsPath, path, target }: { rootfsPath: string; path: string; target: string }): Promise<boolean> {
  const fd = openDirInRoot(rootfsPath, path)
  if (fd === undefined) return false
  try {
    // The child's fd 3 is the directory itself: no path that somebody could swap meanwhile.
    const { code, stderr } = await runProgram('cp', ['-a', '--no-target-directory', '/proc/self/fd/3/.', target], { fds: [fd], timeoutMs: DEADLINE_MS })
    if (code !== 0) throw new Failure('unavailable', `cannot copy the image's ${path} into the volume at ${target}: ${stderr.toString().trim().split('\n')[0]}`)
    return true
  } finally {
    closeSync(fd)
  }
}

/** Gives a directory the owner and the mode alone. @returns false where the image has none at `path` */
export function ownAsInRoot({ rootfsPath, path, target }: { rootfsPath: string; path: string; target: string }): boolean {
  const fd = openDirInRoot(rootfsPath, path)
  if (fd === undefined) return false
  try {
    const { uid, gid, mode } = fstatSync(fd)
    chownSync(target, uid, gid)
    chmodSync(target, mode & 0o7777)
    return true
  } finally {
    closeSync(fd)
  }
}
