// Frames of HTTP/2 (RFC 9113, 4.1) read along, for one direction of a connection.

export const DATA = 0
export const HEADERS = 1
export const RST_STREAM = 3
const CONTINUATION = 9
const END_STREAM = 1
const END_HEADERS = 4
const PADDED = 8
const PRIORITY = 0x20
const PRIORITY_BYTES = 5

export interface FrameEvents {
  /** A whole header block. */
  readonly headers: (stream: number, block: Buffer, isLast: boolean) => void
  /** A part of what the stream carries, as it comes. */
  readonly data: (stream: number, bytes: Buffer) => void
  readonly reset: (stream: number) => void
}

const FRAME_HEADER_BYTES = 9
/** Of what must be whole before it is read. */
const MOST_BYTES = 1024 * 1024

interface Frame { readonly length: number; readonly type: number; readonly flags: number; readonly stream: number }

/** Takes the bytes after the preface, in pieces of any size. It throws on what is no such frame. */
export function makeFrameReader(events: FrameEvents): (chunk: Buffer) => void {
  let held: Buffer = Buffer.alloc(0)
  let passing: { readonly stream: number | undefined; left: number } | undefined
  let block: { readonly stream: number; readonly isLast: boolean; bytes: Buffer } | undefined

  const endBlock = (flags: number): void => {
    if (!block || (flags & END_HEADERS) === 0) return
    events.headers(block.stream, block.bytes, block.isLast)
    block = undefined
  }
  const whole = ({ type, flags, stream }: Frame, payload: Buffer): void => {
    if (type === RST_STREAM) return events.reset(stream)
    if (type === DATA) return events.data(stream, unpadded(payload, flags))
    if (type === HEADERS) block = { stream, isLast: (flags & END_STREAM) !== 0, bytes: unpadded(payload, flags).subarray((flags & PRIORITY) === 0 ? 0 : PRIORITY_BYTES) }
    else if (block) block.bytes = bounded(Buffer.concat([block.bytes, payload]))
    endBlock(flags)
  }
  return (chunk) => {
    let rest = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    held = Buffer.alloc(0)
    while (rest.length > 0) {
      if (passing) {
        const part = rest.subarray(0, passing.left)
        if (passing.stream !== undefined) events.data(passing.stream, part)
        passing.left -= part.length
        rest = rest.subarray(part.length)
        if (passing.left === 0) passing = undefined
        continue
      }
      if (rest.length < FRAME_HEADER_BYTES) break
      const frame: Frame = { length: rest.readUIntBE(0, 3), type: rest[3]!, flags: rest[4]!, stream: rest.readUInt32BE(5) & 0x7fff_ffff }
      if (isReadInPieces(frame)) {
        passing = frame.length === 0 ? undefined : { stream: frame.type === DATA ? frame.stream : undefined, left: frame.length }
        rest = rest.subarray(FRAME_HEADER_BYTES)
        continue
      }
      if (frame.length > MOST_BYTES) throw new Error(`a frame of ${frame.length} bytes`)
      const end = FRAME_HEADER_BYTES + frame.length
      if (rest.length < end) break
      whole(frame, rest.subarray(FRAME_HEADER_BYTES, end))
      rest = rest.subarray(end)
    }
    held = rest
  }
}

const isReadInPieces = ({ type, flags }: Frame): boolean => (type === DATA ? (flags & PADDED) === 0 : type !== HEADERS && type !== RST_STREAM && type !== CONTINUATION)

function unpadded(payload: Buffer, flags: number): Buffer {
  if ((flags & PADDED) === 0) return payload
  const end = payload.length - (payload[0] ?? 0)
  if (end < 1) throw new Error('more padding than frame')
  return payload.subarray(1, end)
}

function bounded(bytes: Buffer): Buffer {
  if (bytes.length > MOST_BYTES) throw new Error('headers without an end')
  return bytes
}
