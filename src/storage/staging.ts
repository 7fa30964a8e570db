// Trees in the making. Each process has one locked directory; the lock tells the living from the dead.
import { closeSync, constants, fstatSync, mkdtempSync, openSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { flock, spreadBelow } from '../sys/addon.ts'
import { removeTree } from '../fs/remove-tree.ts'
import { makeSpreadDir } from '../fs/spread-dir.ts'

export interface Staging {
  /** A new empty directory that only we can enter. */
  make(): string
  /** Removes all of this process. */
  close(): void
  /** Removes what dead processes left. */
  recover(): void
}

export function makeStaging(dir: string): Staging {
  makeSpreadDir(dir, 0o700)
  let own: { path: string, fd: number } | undefined
  const close = () => {
    if (own === undefined) return
    const { path, fd } = own
    own = undefined
    removeTree(path)
    closeSync(fd)
  }
  const open = () => {
    process.once('exit', close)
    return openSession(dir)
  }
  const recover = () => {
    for (const name of readdirSync(dir)) if (join(dir, name) !== own?.path) removeDead(join(dir, name))
  }
  return {
    close,
    recover,
    make() {
      if (own === undefined) {
        own = open()
        recover()
      }
      // ext4 chooses the part of the disk by the name: one that comes again would meet its own freed inodes.
      return mkdtempSync(join(own.path, 'tree-'))
    },
  }
}

function openSession(dir: string): { path: string, fd: number } {
  for (;;) {
    const path = mkdtempSync(join(dir, 'session-'))
    const fd = openDirectory(path)
    // Between making and locking somebody may have taken it for dead.
    if (fd !== undefined && flock(fd, 'exclusive') && statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino) {
      spreadBelow(path)
      return { path, fd }
    }
    if (fd !== undefined) closeSync(fd)
  }
}

function removeDead(path: string): void {
  const fd = openDirectory(path)
  if (fd === undefined) return
  try {
    if (flock(fd, 'exclusive')) removeTree(path)
  } finally {
    closeSync(fd)
  }
}

function openDirectory(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}
