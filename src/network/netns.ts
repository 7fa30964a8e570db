// Pinned network namespaces: a file per namespace with the namespace mounted on it, so that it lives without a
// process. The directory is a shared mount of its own, so that what one mount namespace pins, others see and unpin.
import { mkdirSync, readdirSync, statfsSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'

import { Failure } from '../errors.ts'
import { lockFile } from '../fs/lock.ts'
import { isMounted } from '../fs/mounts.ts'
import { createNetns as makeNamespace, mount, umount } from '../sys/addon.ts'
import { MNT_DETACH, MS_BIND, MS_PRIVATE, MS_REC, MS_SHARED, UMOUNT_NOFOLLOW } from '../sys/mount-flags.ts'

const NSFS_MAGIC = 0x6e736673
const ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/

export const netnsPath = (dir: string, id: string): string => {
  if (!ID.test(id)) throw new Failure('invalid', `bad name for a network namespace: ${JSON.stringify(id)}`)
  return join(dir, id)
}

/** Makes the directory a shared mount of itself. Idempotent; two processes don't mount twice. */
export const prepareNetnsDir = async (dir: string, lockPath: string): Promise<void> => {
  mkdirSync(dir, { recursive: true, mode: 0o755 })
  if (isMounted(dir)) return
  using _ = await lockFile(lockPath)
  if (isMounted(dir)) return
  mount(dir, dir, null, MS_BIND | MS_REC)
  // Under a shared parent the bind joins its peer group; private first gives it a group of its own.
  mount(null, dir, null, MS_PRIVATE)
  mount(null, dir, null, MS_SHARED)
}

/** A new namespace with its loopback up, or that of the file `source`. A plain file of that name, as a crash or reboot leaves it, is replaced. */
export const createNetns = async (dir: string, id: string, source?: string): Promise<string> => {
  const path = netnsPath(dir, id)
  try {
    await makeNamespace(path, source)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    if (isNamespace(path)) throw new Failure('exists', `network namespace ${path} exists already`)
    unlinkSync(path)
    await makeNamespace(path, source)
  }
  return path
}

/** Lazy, so that processes still inside don't hinder it; the file goes in any case. */
export const removeNetns = (dir: string, id: string): void => {
  const path = netnsPath(dir, id)
  for (let depth = 0; depth < 16 && tryUmount(path); depth += 1) continue
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** Whether a namespace is mounted at `path`, or `path` is a link to one in /proc. */
export const isNamespace = (path: string): boolean => {
  try {
    return statfsSync(path).type === NSFS_MAGIC
  } catch {
    return false
  }
}

export const listNetns = (dir: string): string[] => {
  try {
    return readdirSync(dir).filter((name) => ID.test(name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

const tryUmount = (path: string): boolean => {
  try {
    umount(path, MNT_DETACH | UMOUNT_NOFOLLOW)
    return true
  } catch (error) {
    if (['EINVAL', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}
