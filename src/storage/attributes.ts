// Mode, owner, extended attributes and times of files in a tree, exact and without following links.
import { chmodSync, closeSync, fchmodSync, fchownSync, futimesSync, lchownSync, lutimesSync, lstatSync, constants, type BigIntStats } from 'node:fs'
import { lgetxattr, llistxattr, lsetxattr, utimens, type PathLike } from '../sys/addon.ts'
import { log } from '../log.ts'

export interface Attributes {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtimeNs: bigint
  readonly xattrs: ReadonlyMap<string, Buffer>
}

type FsPath = string | Buffer

const SECOND = 1_000_000_000n
/** Beyond what file systems store; times outside become the epoch. */
const LATEST_NS = 2n ** 40n * SECOND

const sane = (timeNs: bigint): bigint => (timeNs > LATEST_NS || timeNs < -LATEST_NS ? 0n : timeNs)

/** Attributes that steer overlayfs itself: an archive that carries them could show what lower layers hide. */
const OVERLAY_XATTR = /^(?:trusted|user)\.overlay\./

export const isOverlayXattr = (name: string): boolean => OVERLAY_XATTR.test(name)

/** What a file just made by us has: nothing of it must be set again. */
export interface Fresh {
  readonly uid: number
  readonly gid: number
  readonly umask: number
}

/** Completes an open regular file made with `attributes.mode`, and closes it. */
export function finishFile(fd: number, path: FsPath, { attributes, fresh }: { attributes: Attributes, fresh: Fresh }): void {
  const { mode, uid, gid } = attributes
  const foreign = uid !== fresh.uid || gid !== fresh.gid
  if (foreign) fchownSync(fd, uid, gid)
  if (foreign && (mode & 0o6000) !== 0 || (mode & (fresh.umask | 0o7000)) !== 0) fchmodSync(fd, mode)
  if (attributes.xattrs.size > 0) setXattrs(path, attributes.xattrs, 'file')
  const timeNs = sane(attributes.mtimeNs)
  const isWhole = timeNs % SECOND === 0n
  if (isWhole) futimesSync(fd, nodeTime(Number(timeNs / SECOND)), nodeTime(Number(timeNs / SECOND)))
  closeSync(fd)
  if (!isWhole) utimens(path, { atimeNs: timeNs, mtimeNs: timeNs })
}

/** Anything but a regular file that is being written. Owner first: it clears set-id bits and capabilities. */
export function setAttributes(path: FsPath, attributes: Attributes, type: 'file' | 'directory' | 'symlink' | 'node'): void {
  lchownSync(path, attributes.uid, attributes.gid)
  if (type !== 'symlink') chmodSync(path, attributes.mode)
  if (attributes.xattrs.size > 0) setXattrs(path, attributes.xattrs, type)
  setTime(path, attributes.mtimeNs)
}

/** Seconds as Node's utimes takes them: a number before 1970 would become now there, text does not. */
export const nodeTime = (seconds: number): number | string => (seconds < 0 ? String(seconds) : seconds)

export function setTime(path: FsPath, mtimeNs: bigint): void {
  const timeNs = sane(mtimeNs)
  if (timeNs % SECOND === 0n) lutimesSync(path, nodeTime(Number(timeNs / SECOND)), nodeTime(Number(timeNs / SECOND)))
  else utimens(path, { atimeNs: timeNs, mtimeNs: timeNs })
}

function setXattrs(path: FsPath, xattrs: ReadonlyMap<string, Buffer>, type: string): void {
  for (const [name, value] of xattrs) {
    if (isOverlayXattr(name)) continue
    try {
      lsetxattr(path, name, value)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // user.* exists only on files and directories; some file systems have none at all: tar goes on as well.
      const tolerated = code === 'EOPNOTSUPP' || code === 'ENOTSUP' || (code === 'EPERM' && name.startsWith('user.') && (type === 'symlink' || type === 'node'))
      if (!tolerated) throw error
      log.debug(`extended attribute ${name} of ${path} can't be kept here`)
    }
  }
}

export const readXattrs = (path: PathLike): Map<string, Buffer> => {
  const xattrs = new Map<string, Buffer>()
  for (const name of llistxattr(path)) {
    const value = lgetxattr(path, name)
    if (value !== undefined) xattrs.set(name, value)
  }
  return xattrs
}

/** Everything of `path` itself, also of a symlink. Overlay's own attributes are left out. */
export function readAttributes(path: FsPath, stats: BigIntStats = lstatSync(path, { bigint: true })): Attributes {
  const xattrs = readXattrs(path)
  for (const name of xattrs.keys()) if (isOverlayXattr(name)) xattrs.delete(name)
  return { mode: Number(stats.mode) & 0o7777, uid: Number(stats.uid), gid: Number(stats.gid), mtimeNs: stats.mtimeNs, xattrs }
}

export const typeOf = (mode: number): 'file' | 'directory' | 'symlink' | 'node' => {
  const format = mode & constants.S_IFMT
  return format === constants.S_IFREG ? 'file' : format === constants.S_IFDIR ? 'directory' : format === constants.S_IFLNK ? 'symlink' : 'node'
}
