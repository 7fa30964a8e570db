// The store's directory is a private mount of itself: without it, with `/` shared, every container's mount would spread
// into all other mount namespaces and keep the file systems busy there.
import { join } from 'node:path'
import { lockFile } from '../fs/lock.ts'
import { makeDir } from '../fs/remove-tree.ts'
import { readMounts, type Mount } from '../fs/mounts.ts'
import type { Paths } from '../paths.ts'
import { mount } from '../sys/addon.ts'
import { MS_BIND, MS_PRIVATE, MS_REC } from '../sys/mount-flags.ts'

/** Makes it so where it isn't, and returns the mounts as they are then. Costs one read of mountinfo. */
export async function ensurePrivateRoot(paths: Paths): Promise<Mount[]> {
  const mounts = readMounts()
  if (isPrivate(mounts, paths.root)) return mounts
  makeDir(paths.locks, 0o700)
  using _lock = await lockFile(join(paths.locks, 'storage-root'))
  const now = readMounts()
  if (isPrivate(now, paths.root)) return now
  if (!now.some(({ target }) => target === paths.root)) mount(paths.root, paths.root, null, MS_BIND | MS_REC)
  mount(null, paths.root, null, MS_PRIVATE)
  return readMounts()
}

const isPrivate = (mounts: readonly Mount[], root: string): boolean => mounts.findLast(({ target }) => target === root)?.propagation.length === 0
