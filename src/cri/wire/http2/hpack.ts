// Headers of HTTP/2 as they are sent (RFC 7541), for one direction of a connection. What we send refers to nothing that was sent before.
import { decodeHuffman } from './huffman.ts'

export type Header = readonly [name: string, value: string]

/** Appendix A. */
const STATIC: readonly Header[] = ([
  ':authority', ':method GET', ':method POST', ':path /', ':path /index.html', ':scheme http', ':scheme https', ':status 200', ':status 204',
  ':status 206', ':status 304', ':status 400', ':status 404', ':status 500', 'accept-charset', 'accept-encoding gzip, deflate', 'accept-language',
  'accept-ranges', 'accept', 'access-control-allow-origin', 'age', 'allow', 'authorization', 'cache-control', 'content-disposition',
  'content-encoding', 'content-language', 'content-length', 'content-location', 'content-range', 'content-type', 'cookie', 'date', 'etag',
  'expect', 'expires', 'from', 'host', 'if-match', 'if-modified-since', 'if-none-match', 'if-range', 'if-unmodified-since', 'last-modified',
  'link', 'location', 'max-forwards', 'proxy-authenticate', 'proxy-authorization', 'range', 'referer', 'refresh', 'retry-after', 'server',
  'set-cookie', 'strict-transport-security', 'transfer-encoding', 'user-agent', 'vary', 'via', 'www-authenticate',
]).map((text) => [text.split(' ')[0]!, text.split(' ').slice(1).join(' ')])

/** What clients may refer back to, in bytes as section 4.1 counts them: the size that holds where nobody agreed on another. */
const TABLE_BYTES = 4096
const ENTRY_BYTES = 32
/** Of all headers of one request. */
const LIST_BYTES = 64 * 1024

const sizeOf = ([name, value]: Header): number => name.length + value.length + ENTRY_BYTES

/**
 * Reads the header blocks of one side of a connection, in their order. It throws on what is none; after that nothing more can be read.
 * @param mostTableBytes that the two sides may agree on
 */
export function makeHeaderDecoder({ mostTableBytes = TABLE_BYTES }: { readonly mostTableBytes?: number } = {}): (block: Buffer) => Map<string, string> {
  const dynamic: Header[] = []
  let limit = TABLE_BYTES
  let used = 0
  const shrink = (): void => {
    while (used > limit) used -= sizeOf(dynamic.pop()!)
  }
  const add = (header: Header): void => {
    dynamic.unshift(header)
    used += sizeOf(header)
    shrink()
  }
  const at = (index: number): Header => {
    const found = index <= STATIC.length ? STATIC[index - 1] : dynamic[index - STATIC.length - 1]
    if (!found) throw new Error(`no header ${index}`)
    return found
  }
  return (block) => {
    const headers = new Map<string, string>()
    let bytes = 0
    const reader = new BlockReader(block)
    while (!reader.ended) {
      const kind = reader.peek()
      if (kind >= 0x20 && kind < 0x40) {
        if (headers.size > 0) throw new Error('the size of the table changes between headers')
        limit = reader.integer(5)
        if (limit > mostTableBytes) throw new Error('the table is larger than agreed on')
        shrink()
        continue
      }
      const header = kind >= 0x80 ? at(reader.integer(7)) : literal(reader, kind >= 0x40 ? 6 : 4, at)
      if (kind >= 0x40 && kind < 0x80) add(header)
      bytes += sizeOf(header)
      if (bytes > LIST_BYTES) throw new Error('there are too many headers')
      headers.set(...header)
    }
    return headers
  }
}

function literal(reader: BlockReader, bits: number, at: (index: number) => Header): Header {
  const index = reader.integer(bits)
  const name = index === 0 ? reader.text() : at(index)[0]
  return [name, reader.text()]
}

class BlockReader {
  readonly #block: Buffer
  #at = 0

  constructor(block: Buffer) {
    this.#block = block
  }

  get ended(): boolean {
    return this.#at >= this.#block.length
  }

  peek(): number {
    const byte = this.#block[this.#at]
    if (byte === undefined) throw new Error('headers are cut')
    return byte
  }

  /** Section 5.1; one of more than 28 bits is nothing that a header needs. */
  integer(bits: number): number {
    const most = (1 << bits) - 1
    let value = this.peek() & most
    this.#at++
    if (value < most) return value
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.peek()
      this.#at++
      value += (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw new Error('a number is too large')
  }

  text(): string {
    const coded = this.peek() >= 0x80
    const length = this.integer(7)
    const bytes = this.#block.subarray(this.#at, this.#at + length)
    if (bytes.length < length) throw new Error('headers are cut')
    this.#at += length
    const text = coded ? decodeHuffman(bytes) : bytes.toString('latin1')
    if (text === undefined) throw new Error('a string is coded wrongly')
    return text
  }
}

/** Names in lower case; values of Latin letters. */
export function encodeHeaders(headers: readonly Header[]): Buffer {
  return Buffer.concat(headers.map(([name, value]) => {
    const same = STATIC.findIndex((each) => each[0] === name && each[1] === value)
    if (same >= 0) return Buffer.from([0x80 | (same + 1)])
    return Buffer.concat([Buffer.from([0]), text(name), text(value)])
  }))
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  return Buffer.concat([integer(bytes.length), bytes])
}

function integer(value: number): Buffer {
  if (value < 0x7f) return Buffer.from([value])
  const bytes = [0x7f]
  for (let rest = value - 0x7f; ; rest >>>= 7) {
    bytes.push(rest < 0x80 ? rest : (rest & 0x7f) | 0x80)
    if (rest < 0x80) return Buffer.from(bytes)
  }
}
