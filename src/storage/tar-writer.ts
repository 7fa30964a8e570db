// Members as tar writes them: ustar headers, with a PAX header before them for what does not fit (POSIX pax(1)).
// Names are byte strings (latin1) and go out as the bytes they are.
import { BLOCK } from './tar-header.ts'
import type { EntryType, TarEntry } from './tar-entry.ts'

export type Member = Omit<TarEntry, 'sparse'>

const FLAG: Readonly<Record<EntryType, string>> = { file: '0', link: '1', symlink: '2', character: '3', block: '4', directory: '5', fifo: '6' }
const MAX_NAME = 100
const MAX_SIZE = 8 ** 11 - 1
const MAX_ID = 8 ** 7 - 1
const SECOND = 1_000_000_000n

/** The header blocks of a member. The file's bytes follow, then `padding`. */
export function memberHeader(member: Member): Buffer {
  const name = member.type === 'directory' && !member.name.endsWith('/') ? `${member.name}/` : member.name
  const records = paxRecords({ ...member, name })
  const header = block({ ...member, name: fit(name), linkName: fit(member.linkName) }, FLAG[member.type])
  if (records.length === 0) return header
  const extension = block({ ...member, type: 'file', name: fit(`PaxHeaders/${name}`), linkName: '', mode: 0o644, size: records.length }, 'x')
  return Buffer.concat([extension, records, padding(records.length), header])
}

/** What follows a file of that size up to the next block. */
export const padding = (size: number): Buffer => Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK)

/** What ends an archive. */
export const endOfArchive = (): Buffer => Buffer.alloc(2 * BLOCK)

const fit = (name: string): string => name.slice(0, MAX_NAME)

function paxRecords({ name, linkName, size, uid, gid, mtimeNs, xattrs }: Member): Buffer {
  const records: Buffer[] = []
  const add = (key: string, value: Buffer): void => { records.push(record(key, value)) }
  const text = (key: string, value: string): void => add(key, Buffer.from(value, 'latin1'))
  if (name.length > MAX_NAME) text('path', name)
  if (linkName.length > MAX_NAME) text('linkpath', linkName)
  if (size > MAX_SIZE) text('size', String(size))
  if (uid > MAX_ID) text('uid', String(uid))
  if (gid > MAX_ID) text('gid', String(gid))
  if (mtimeNs < 0n || mtimeNs % SECOND !== 0n) text('mtime', seconds(mtimeNs))
  for (const [key, value] of xattrs) add(`SCHILY.xattr.${key}`, value)
  return Buffer.concat(records)
}

function seconds(ns: bigint): string {
  const size = ns < 0n ? -ns : ns
  return `${ns < 0n ? '-' : ''}${size / SECOND}.${String(size % SECOND).padStart(9, '0').replace(/0+$/, '') || '0'}`
}

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits. */
function record(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`, 'latin1'), value, Buffer.from('\n')])
  let length = rest.length + 1
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length
  return Buffer.concat([Buffer.from(String(length)), rest])
}

function block(member: Member, flag: string): Buffer {
  const header = Buffer.alloc(BLOCK)
  const octal = (value: number, at: number, length: number): void => { header.write(value.toString(8).padStart(length - 1, '0'), at, 'latin1') }
  header.write(member.name, 0, 'latin1')
  octal(member.mode & 0o7777, 100, 8)
  octal(Math.min(member.uid, MAX_ID), 108, 8)
  octal(Math.min(member.gid, MAX_ID), 116, 8)
  octal(member.type === 'file' ? Math.min(member.size, MAX_SIZE) : 0, 124, 12)
  const wholeSeconds = member.mtimeNs / SECOND
  octal(wholeSeconds < 0n || wholeSeconds > MAX_SIZE ? 0 : Number(wholeSeconds), 136, 12)
  header.fill(' ', 148, 156)
  header.write(flag, 156, 'latin1')
  header.write(member.linkName, 157, 'latin1')
  header.write('ustar\x0000', 257, 'latin1')
  octal(member.devMajor, 329, 8)
  octal(member.devMinor, 337, 8)
  header.write(`${header.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return header
}
