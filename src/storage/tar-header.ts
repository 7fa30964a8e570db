// One 512-byte tar header: v7, ustar and GNU fields (POSIX pax(1), "ustar Interchange Format"; GNU tar manual, "Basic Tar Format").
// Names are byte strings (latin1): an archive's names needn't be UTF-8 and must survive exactly.
import { Failure } from '../errors.ts'

export const BLOCK = 512

/** What the header block says, before long names and PAX records change it. */
export interface RawHeader {
  type: string
  name: string
  linkName: string
  size: number
  mode: number
  uid: number
  gid: number
  mtimeSeconds: number
  devMajor: number
  devMinor: number
}

/** Parses the block at `offset`; undefined for a block of zeros. Failure invalid when it is no tar header. */
export function parseHeader(block: Buffer, offset: number): RawHeader | undefined {
  if (block[offset] === 0 && isZero(block, offset)) return undefined
  checkSum(block, offset)
  const posix = block.toString('latin1', offset + 257, offset + 263) === 'ustar\0'
  const name = text(block, offset, 100)
  const prefix = posix ? text(block, offset + 345, 155) : ''
  const type = block[offset + 156] === 0 ? '0' : String.fromCharCode(block[offset + 156] as number)
  const hasDevice = type === '3' || type === '4'
  return {
    type,
    name: prefix === '' ? name : `${prefix}/${name}`,
    linkName: text(block, offset + 157, 100),
    size: unsigned(block, offset + 124, 12, 'size'),
    mode: unsigned(block, offset + 100, 8, 'mode') & 0o7777,
    uid: unsigned(block, offset + 108, 8, 'uid'),
    gid: unsigned(block, offset + 116, 8, 'gid'),
    mtimeSeconds: number(block, offset + 136, 12),
    devMajor: hasDevice ? unsigned(block, offset + 329, 8, 'device') : 0,
    devMinor: hasDevice ? unsigned(block, offset + 337, 8, 'device') : 0,
  }
}

export const isZero = (block: Buffer, offset: number): boolean => {
  for (let at = offset; at < offset + BLOCK; at++) if (block[at] !== 0) return false
  return true
}

const text = (block: Buffer, offset: number, length: number): string => {
  let end = offset
  while (end < offset + length && block[end] !== 0) end++
  return block.toString('latin1', offset, end)
}

/** A number of the header in octal, or big-endian with the top bit set (GNU base-256). */
export function number(block: Buffer, offset: number, length: number): number {
  const first = block[offset] as number
  return (first & 0x80) !== 0 ? base256(block, offset, length) : octal(block, offset, length)
}

export function unsigned(block: Buffer, offset: number, length: number, what: string): number {
  const value = number(block, offset, length)
  if (value >= 0 && value <= Number.MAX_SAFE_INTEGER) return value
  throw new Failure('invalid', `tar header with a ${what} of ${value}`)
}

function base256(block: Buffer, offset: number, length: number): number {
  const negative = ((block[offset] as number) & 0x40) !== 0
  let value = (block[offset] as number) & 0x3f
  if (negative) value -= 0x40
  for (let at = offset + 1; at < offset + length; at++) value = value * 256 + (block[at] as number)
  return value
}

function octal(block: Buffer, offset: number, length: number): number {
  let value = 0
  let seen = false
  for (let at = offset; at < offset + length; at++) {
    const digit = (block[at] as number) - 48
    if (digit >= 0 && digit <= 7) {
      value = value * 8 + digit
      seen = true
    } else if (block[at] === 0 || block[at] === 32) {
      if (seen) break
    } else throw new Failure('invalid', `tar header with a field that is no number (byte ${block[at]})`)
  }
  return value
}

/** The sum of all bytes with the checksum field as blanks; old writers summed signed bytes. */
function checkSum(block: Buffer, offset: number): void {
  let unsignedSum = 256
  let highBytes = 0
  for (let at = offset; at < offset + 148; at++) {
    const byte = block[at] as number
    unsignedSum += byte
    if (byte > 127) highBytes++
  }
  for (let at = offset + 156; at < offset + BLOCK; at++) {
    const byte = block[at] as number
    unsignedSum += byte
    if (byte > 127) highBytes++
  }
  const expected = Number.parseInt(text(block, offset + 148, 8), 8)
  if (expected !== unsignedSum && expected !== unsignedSum - 256 * highBytes) {
    throw new Failure('invalid', 'not a tar header (its checksum is wrong)')
  }
}
