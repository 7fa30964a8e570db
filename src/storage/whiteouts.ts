// How a tree on disk says "removed here" and "nothing below shows through": as overlayfs reads it, or, where overlay's
// marks can't be made, with the names that archives use (OCI image spec, layer.md "Whiteouts").
import { closeSync, constants, existsSync, lstatSync, openSync, readdirSync, type StatsBase } from 'node:fs'
import { lgetxattr, lsetxattr, mknod } from '../sys/addon.ts'
import { lastName, parentPath, systemPath, type BytePath } from './byte-path.ts'

/** `trusted.overlay.`/`user.overlay.`: the prefix of overlay's marks; `names`: files called .wh.NAME. */
export type WhiteoutStyle = 'trusted.overlay.' | 'user.overlay.' | 'names'

export const WHITEOUT_PREFIX = '.wh.'
export const OPAQUE_NAME = '.wh..wh..opq'

/** Marks the absolute `path`, where nothing is, as removed. */
export function makeWhiteout(path: BytePath, style: WhiteoutStyle): void {
  if (style === 'names') closeSync(openSync(systemPath(absoluteBeside(path)), 'w', 0o600))
  else mknod(systemPath(path), constants.S_IFCHR | 0o000, { major: 0, minor: 0 })
}

const absoluteBeside = (path: BytePath): BytePath => `${parentPath(path)}/${WHITEOUT_PREFIX}${lastName(path)}`

/** Where the mark of `path` lies: in place of it, or beside it. */
export const whiteoutPath = (path: BytePath, style: WhiteoutStyle): BytePath => (style === 'names' ? absoluteBeside(path) : path)

export function makeOpaque(directory: BytePath, style: WhiteoutStyle): void {
  if (style === 'names') closeSync(openSync(systemPath(`${directory}/${OPAQUE_NAME}`), 'w', 0o600))
  else lsetxattr(systemPath(directory), `${style}opaque`, Buffer.from('y'))
}

export const isWhiteout = (path: BytePath, style: WhiteoutStyle): boolean =>
  hides(path, style === 'names' ? undefined : lstatSync(systemPath(path), { throwIfNoEntry: false }), style)

/** `isWhiteout` of a path whose status is known. */
export const hides = (path: BytePath, stats: StatsBase<number | bigint> | undefined, style: WhiteoutStyle): boolean =>
  style === 'names' ? existsSync(systemPath(absoluteBeside(path))) : stats !== undefined && stats.isCharacterDevice() && Number(stats.rdev) === 0

export const isOpaque = (directory: BytePath, style: WhiteoutStyle): boolean =>
  style === 'names' ? existsSync(systemPath(`${directory}/${OPAQUE_NAME}`))
    : lgetxattr(systemPath(directory), `${style}opaque`)?.toString() === 'y'

/** Names in a directory as bytes, marks of style `names` included. */
export const namesIn = (directory: BytePath): BytePath[] =>
  readdirSync(systemPath(directory), { encoding: 'buffer' }).map((name) => name.toString('latin1'))

