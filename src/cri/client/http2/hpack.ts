// Headers as HTTP/2 packs them (RFC 7541), for one direction of a connection.
import { unhuffman } from '../../wire/hpack-text.ts'

export type Field = readonly [name: string, value: string]

/** Appendix A: entry 1 first. */
const STATIC: readonly Field[] = [
  [':authority', ''], [':method', 'GET'], [':method', 'POST'], [':path', '/'], [':path', '/index.html'], [':scheme', 'http'], [':scheme', 'https'],
  ...['200', '204', '206', '304', '400', '404', '500'].map((status): Field => [':status', status]), ['accept-charset', ''], ['accept-encoding', 'gzip, deflate'],
  ...['accept-language', 'accept-ranges', 'accept', 'access-control-allow-origin', 'age', 'allow', 'authorization', 'cache-control', 'content-disposition',
    'content-encoding', 'content-language', 'content-length', 'content-location', 'content-range', 'content-type', 'cookie', 'date', 'etag', 'expect',
    'expires', 'from', 'host', 'if-match', 'if-modified-since', 'if-none-match', 'if-range', 'if-unmodified-since', 'last-modified', 'link', 'location',
    'max-forwards', 'proxy-authenticate', 'proxy-authorization', 'range', 'referer', 'refresh', 'retry-after', 'server', 'set-cookie',
    'strict-transport-security', 'transfer-encoding', 'user-agent', 'vary', 'via', 'www-authenticate'].map((name): Field => [name, '']),
]

/** Each entry counts so much more than its text. */
const ENTRY_BYTES = 32
const FIRST_TABLE_BYTES = 4096
const MOST_TABLE_BYTES = 1024 * 1024
const MOST_SHIFT = 28

/** Reads the header blocks of one side, in their order. It throws on what is none; after that nothing more can be read. */
export function makeHeaderDecoder(): (block: Buffer) => Map<string, string> {
  let dynamic: Field[] = []
  let [bytes, most] = [0, FIRST_TABLE_BYTES]
  const shrink = (): void => {
    while (bytes > most) { const [name, value] = dynamic.pop()!; bytes -= name.length + value.length + ENTRY_BYTES }
  }
  const add = (field: Field): void => {
    dynamic.unshift(field)
    bytes += field[0].length + field[1].length + ENTRY_BYTES
    shrink()
  }
  const entry = (index: number): Field => {
    const found = index > STATIC.length ? dynamic[index - STATIC.length - 1] : STATIC[index - 1]
    if (!found) throw new Error(`no header ${index}`)
    return found
  }
  return (block) => {
    const headers = new Map<string, string>()
    const reader = makeReader(block)
    while (reader.isMore()) {
      const first = reader.peek()
      if ((first & 0x80) !== 0) { headers.set(...entry(reader.integer(7))); continue }
      if ((first & 0xe0) === 0x20) {
        most = reader.integer(5)
        if (most > MOST_TABLE_BYTES) throw new Error(`a table of ${most} bytes`)
        shrink()
        continue
      }
      const isKept = (first & 0x40) !== 0
      const index = reader.integer(isKept ? 6 : 4)
      const field: Field = [index === 0 ? reader.text() : entry(index)[0], reader.text()]
      headers.set(...field)
      if (isKept) add(field)
    }
    return headers
  }
}

interface Reader { readonly isMore: () => boolean; readonly peek: () => number; readonly integer: (bits: number) => number; readonly text: () => string }

function makeReader(block: Buffer): Reader {
  let at = 0
  const byte = (): number => {
    if (at >= block.length) throw new Error('headers are cut')
    return block[at++]!
  }
  const integer = (bits: number): number => {
    const full = (1 << bits) - 1
    let value = byte() & full
    if (value < full) return value
    for (let shift = 0; ; shift += 7) {
      const next = byte()
      if (shift > MOST_SHIFT) throw new Error('a number is too long')
      value += (next & 0x7f) * 2 ** shift
      if ((next & 0x80) === 0) return value
    }
  }
  return {
    isMore: () => at < block.length, peek: () => block[at]!, integer,
    text() {
      const isPacked = (block[at]! & 0x80) !== 0
      const length = integer(7)
      if (at + length > block.length) throw new Error('headers are cut')
      const bytes = block.subarray(at, at += length)
      return isPacked ? unhuffman(bytes) : bytes.toString('latin1')
    },
  }
}

const NAME_BYTES = 127

/** A block that any decoder reads, whatever came before it: nothing packed, nothing to remember. Values are ASCII. */
export function encodeHeaders(headers: readonly Field[]): Buffer {
  return Buffer.concat(headers.flatMap(([name, value]) => [Buffer.from([0]), plainText(name), plainText(value)]))
}

function plainText(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  if (bytes.length < NAME_BYTES) return Buffer.concat([Buffer.from([bytes.length]), bytes])
  const length = [NAME_BYTES]
  let rest = bytes.length - NAME_BYTES
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) length.push(rest % 0x80 + 0x80)
  return Buffer.concat([Buffer.from([...length, rest]), bytes])
}
