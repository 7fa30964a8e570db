// PAX extended headers (POSIX pax(1), "pax Extended Header") and what GNU tar and star put into them.
import { Failure } from '../errors.ts'
import type { SparseSegment } from './tar-entry.ts'

/** The records of one extended header that matter here. An empty string takes a global value back. */
export interface PaxRecords {
  readonly fields: Map<string, string>
  /** Extended attributes by name; values are bytes. */
  readonly xattrs: Map<string, Buffer>
  /** Sparse format 0.0 repeats its keys, so order matters. */
  readonly sparse00: number[]
}

const SCHILY = 'SCHILY.xattr.'
const LIBARCHIVE = 'LIBARCHIVE.xattr.'

export const emptyPax = (): PaxRecords => ({ fields: new Map(), xattrs: new Map(), sparse00: [] })

/** Parses `content` ("LENGTH KEY=VALUE\n" ...). Values keep their bytes: a capability or a name may be any bytes. */
export function parsePax(content: Buffer): PaxRecords {
  const records = emptyPax()
  let at = 0
  while (at < content.length) {
    if (content[at] === 0) break // padding that some writers count as content
    const space = content.indexOf(32, at)
    const length = space > at && space - at < 10 ? Number(content.toString('latin1', at, space)) : NaN
    const end = at + length
    const equals = content.indexOf(61, space)
    if (!Number.isInteger(length) || end > content.length || equals < 0 || equals >= end || content[end - 1] !== 10) {
      throw new Failure('invalid', 'broken PAX extended header')
    }
    add(records, content.toString('latin1', space + 1, equals), content.subarray(equals + 1, end - 1))
    at = end
  }
  return records
}

function add(records: PaxRecords, key: string, value: Buffer): void {
  if (key.startsWith(SCHILY)) records.xattrs.set(key.slice(SCHILY.length), Buffer.from(value))
  else if (key.startsWith(LIBARCHIVE)) {
    const name = decodeURIComponentSafely(key.slice(LIBARCHIVE.length))
    if (!records.xattrs.has(name)) records.xattrs.set(name, Buffer.from(value.toString('latin1'), 'base64'))
  } else if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') records.sparse00.push(paxNumber(value.toString('latin1'), key))
  else records.fields.set(key, value.toString('latin1'))
}

const decodeURIComponentSafely = (text: string): string => {
  try { return decodeURIComponent(text) } catch { return text }
}

/** A whole, safe, non-negative number of a record. */
export function paxNumber(text: string, key: string): number {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : NaN
  if (!Number.isSafeInteger(value)) throw new Failure('invalid', `PAX record ${key} with "${text.slice(0, 40)}" for a number`)
  return value
}

/** "1350244992.02396" -> nanoseconds since the epoch; digits beyond nanoseconds are cut. */
export function paxTime(text: string, key: string): bigint {
  const match = /^(-?)([0-9]{1,14})(?:\.([0-9]*))?$/.exec(text)
  if (match === null) throw new Failure('invalid', `PAX record ${key} with "${text.slice(0, 40)}" for a time`)
  const nanoseconds = BigInt(match[2] as string) * 1_000_000_000n + BigInt((match[3] ?? '').slice(0, 9).padEnd(9, '0'))
  return match[1] === '-' ? -nanoseconds : nanoseconds
}

/** The map of GNU sparse formats 0.0 and 0.1; format 1.0 keeps it in the data. */
export function paxSparseMap(records: PaxRecords): SparseSegment[] | undefined {
  const map = records.fields.get('GNU.sparse.map')
  const numbers = map === undefined ? records.sparse00 : map === '' ? [] : map.split(',').map((text) => paxNumber(text, 'GNU.sparse.map'))
  if (map === undefined && numbers.length === 0) return undefined
  if (numbers.length % 2 !== 0) throw new Failure('invalid', 'PAX sparse map with an odd number of values')
  const segments: SparseSegment[] = []
  for (let at = 0; at < numbers.length; at += 2) {
    segments.push({ offset: numbers[at] as number, length: numbers[at + 1] as number })
  }
  return segments
}
