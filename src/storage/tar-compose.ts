// Puts a member together from its header block, the GNU long names and the PAX records before it.
import { Failure } from '../errors.ts'
import { paxNumber, paxSparseMap, paxTime, type PaxRecords } from './pax.ts'
import { checkSparse } from './tar-sparse.ts'
import type { RawHeader } from './tar-header.ts'
import type { EntryType, SparseSegment, TarEntry } from './tar-entry.ts'

export interface EntryParts {
  readonly header: RawHeader
  readonly pax: PaxRecords | undefined
  readonly global: PaxRecords
  readonly longName: string | undefined
  readonly longLink: string | undefined
  /** Map and size from the old GNU format or from the data (PAX 1.0). */
  readonly sparse: readonly SparseSegment[] | undefined
  readonly realSize: number | undefined
  /** Bytes of the body, without a map that was in it. */
  readonly storedSize: number
}

const TYPES: Readonly<Record<string, EntryType>> = {
  1: 'link', 2: 'symlink', 3: 'character', 4: 'block', 5: 'directory', D: 'directory', 6: 'fifo',
}

const NO_XATTRS: ReadonlyMap<string, Buffer> = new Map()
const MAX_ID = 0xfffffffe

/** Failure invalid for values that make no sense. A type that isn't known counts as a file (POSIX pax(1)). */
export function composeEntry(parts: EntryParts): TarEntry {
  const { header } = parts
  const field = fieldReader(parts)
  const type = TYPES[header.type] ?? 'file'
  const plainName = field('path') ?? parts.longName ?? header.name
  const name = field('GNU.sparse.name') ?? plainName
  const sparse = type === 'file' ? sparseMap(parts) : undefined
  const size = type === 'file' ? sizeOf(parts, field) : 0
  if (sparse !== undefined) checkSparse(sparse, { size, storedSize: parts.storedSize })
  const linkName = field('linkpath') ?? parts.longLink ?? header.linkName
  if (name.includes('\0') || linkName.includes('\0')) throw new Failure('invalid', 'a name with a zero byte in it')
  return {
    type, name, linkName, size, sparse,
    mode: header.mode,
    uid: idOf(field('uid'), header.uid),
    gid: idOf(field('gid'), header.gid),
    mtimeNs: timeOf(field('mtime'), header.mtimeSeconds),
    devMajor: header.devMajor,
    devMinor: header.devMinor,
    xattrs: xattrsOf(parts),
  }
}

/** A record of this member, else of the archive; an empty one takes the archive's back. */
const fieldReader = ({ pax, global }: EntryParts) => (key: string): string | undefined => {
  const value = pax?.fields.get(key) ?? global.fields.get(key)
  return value === '' ? undefined : value
}

const sparseMap = ({ sparse, pax }: EntryParts): readonly SparseSegment[] | undefined =>
  sparse ?? (pax === undefined ? undefined : paxSparseMap(pax))

function sizeOf(parts: EntryParts, field: (key: string) => string | undefined): number {
  if (parts.realSize !== undefined) return parts.realSize
  const real = field('GNU.sparse.realsize') ?? field('GNU.sparse.size')
  if (real !== undefined) return paxNumber(real, 'GNU.sparse.realsize')
  return parts.storedSize
}

function idOf(text: string | undefined, fallback: number): number {
  const id = text === undefined ? fallback : paxNumber(text, 'uid or gid')
  if (id > MAX_ID) throw new Failure('invalid', `user or group id ${id}`)
  return id
}

const timeOf = (text: string | undefined, seconds: number): bigint =>
  text === undefined ? BigInt(seconds) * 1_000_000_000n : paxTime(text, 'mtime')

function xattrsOf({ pax, global }: EntryParts): ReadonlyMap<string, Buffer> {
  if (pax === undefined && global.xattrs.size === 0) return NO_XATTRS
  if (global.xattrs.size === 0) return (pax as PaxRecords).xattrs
  return new Map([...global.xattrs, ...(pax?.xattrs ?? [])])
}
