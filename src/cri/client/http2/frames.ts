// Frames of HTTP/2 (RFC 9113, 4.1 and 6), of one direction of a connection.

export const [DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION] = [0, 1, 3, 4, 6, 7, 8, 9] as const
/** Of SETTINGS and PING. */
export const ACK = 1
export const END_STREAM = 1
export const END_HEADERS = 4
const PADDED = 8
const PRIORITY = 0x20
const PRIORITY_BYTES = 5

export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export interface FrameEvents {
  /** A whole header block. */
  readonly headers: (stream: number, block: Buffer, isLast: boolean) => void
  /** A part of what the stream carries, as it comes; `isLast`: nothing follows. */
  readonly data: (stream: number, bytes: Buffer, isLast: boolean) => void
  /** Any other frame, whole. */
  readonly control: (type: number, flags: number, stream: number, payload: Buffer) => void
}

const FRAME_HEADER_BYTES = 9
/** Of what must be whole before it is read. */
const MOST_BYTES = 1024 * 1024

interface Frame { readonly length: number; readonly type: number; readonly flags: number; readonly stream: number }

/** Takes the bytes after the preface, in pieces of any size. It throws on what is no such frame. */
export function makeFrameReader(events: FrameEvents): (chunk: Buffer) => void {
  let held: Buffer = Buffer.alloc(0)
  let passing: { readonly stream: number; readonly isLast: boolean; left: number } | undefined
  let block: { readonly stream: number; readonly isLast: boolean; bytes: Buffer } | undefined

  const endBlock = (flags: number): void => {
    if (!block || (flags & END_HEADERS) === 0) return
    events.headers(block.stream, block.bytes, block.isLast)
    block = undefined
  }
  const whole = ({ type, flags, stream }: Frame, payload: Buffer): void => {
    const isLast = (flags & END_STREAM) !== 0
    if (type === DATA) return events.data(stream, unpadded(payload, flags), isLast)
    if (type !== HEADERS && type !== CONTINUATION) return events.control(type, flags, stream, payload)
    if (type === HEADERS) block = { stream, isLast, bytes: unpadded(payload, flags).subarray((flags & PRIORITY) === 0 ? 0 : PRIORITY_BYTES) }
    else if (block) block.bytes = bounded(Buffer.concat([block.bytes, payload]))
    endBlock(flags)
  }
  return (chunk) => {
    let rest = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    held = Buffer.alloc(0)
    for (;;) {
      if (passing) {
        if (rest.length === 0 && passing.left > 0) break
        const part = rest.subarray(0, passing.left)
        passing.left -= part.length
        rest = rest.subarray(part.length)
        const { stream, isLast, left } = passing
        if (left === 0) passing = undefined
        events.data(stream, part, isLast && left === 0)
        continue
      }
      if (rest.length < FRAME_HEADER_BYTES) break
      const frame: Frame = { length: rest.readUIntBE(0, 3), type: rest[3]!, flags: rest[4]!, stream: rest.readUInt32BE(5) & 0x7fff_ffff }
      if (frame.type === DATA && (frame.flags & PADDED) === 0) {
        passing = { stream: frame.stream, isLast: (frame.flags & END_STREAM) !== 0, left: frame.length }
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

/** A frame to be sent; `payload` is shorter than 16 KiB, or than the peer allows. */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length)
  bytes.writeUIntBE(payload.length, 0, 3)
  bytes[3] = type
  bytes[4] = flags
  bytes.writeUInt32BE(stream, 5)
  bytes.set(payload, FRAME_HEADER_BYTES)
  return bytes
}

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
