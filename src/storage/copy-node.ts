// Copies one file, link or node with everything that belongs to it.
import { chmodSync, constants, copyFileSync, linkSync, mkdirSync, readlinkSync, symlinkSync, type BigIntStats } from 'node:fs'
import { mknod } from '../sys/addon.ts'
import { readAttributes, setAttributes, typeOf } from './attributes.ts'
import { systemPath, type BytePath } from './byte-path.ts'

/** Copies anything but a directory's content; a reflink where the file system can. Nothing is at `to`. */
export function copyNode(from: BytePath, to: BytePath, stats: BigIntStats): void {
  const source = systemPath(from)
  const target = systemPath(to)
  const type = typeOf(Number(stats.mode))
  if (type === 'file') {
    copyFileSync(source, target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL)
    chmodSync(target, 0o600)
  } else if (type === 'directory') mkdirSync(target, 0o700)
  else if (type === 'symlink') symlinkSync(readlinkSync(source, { encoding: 'buffer' }), target)
  else if (stats.isSocket()) return
  else mknod(target, (Number(stats.mode) & constants.S_IFMT) | 0o600, deviceOf(stats.rdev))
  setAttributes(target, readAttributes(source, stats), type)
}

/** Device number as the kernel packs it (makedev(3)). */
const deviceOf = (rdev: bigint): { major: number, minor: number } => ({
  major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn)),
  minor: Number((rdev & 0xffn) | ((rdev >> 12n) & ~0xffn)),
})

/** Copies `from`, or links it to where an earlier name of the same file went. */
export function copyOrLink(from: BytePath, to: BytePath, { stats, copies }: { stats: BigIntStats, copies: Map<string, BytePath> }): void {
  const key = stats.nlink > 1n && !stats.isDirectory() ? `${stats.dev}:${stats.ino}` : undefined
  const earlier = key === undefined ? undefined : copies.get(key)
  if (earlier !== undefined) return linkSync(systemPath(earlier), systemPath(to))
  copyNode(from, to, stats)
  if (key !== undefined) copies.set(key, to)
}
