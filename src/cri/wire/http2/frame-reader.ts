// Frames of one direction of a connection (RFC 9113, 4 and 6), from bytes in pieces of any size.
import { ConnectionError, ERROR, FLAG, FRAME, FRAME_HEADER_BYTES, PREFACE } from './protocol.ts'

export interface FrameEvents {
  /** A whole header block. */
  readonly headers: (stream: number, block: Buffer, isLast: boolean) => void
  /** A part of what the stream carries, as it comes. `isLast`: nothing follows; `cost`: what it takes of the windows, padding too. */
  readonly data: (stream: number, bytes: Buffer, isLast: boolean, cost: number) => void
  /** Any other frame, whole. */
  readonly control: (type: number, flags: number, stream: number, payload: Buffer) => void
}

export interface FrameLimits {
  /** Of a frame. */
  readonly frameBytes: number
  /** Of what must be whole before it is read: a header block, or a frame other than plain data. */
  readonly wholeBytes: number
}

const PRIORITY_BYTES = 5
/** A header block in many small parts is no honest one. */
const LEAST_PART_BYTES = 1024

interface Frame { readonly length: number; readonly type: number; readonly flags: number; readonly stream: number }

/** Takes the bytes after the preface. Nothing more can be read after it threw. @throws ConnectionError */
export function makeFrameReader(events: FrameEvents, { frameBytes, wholeBytes }: FrameLimits): (chunk: Buffer) => void {
  let held: Buffer = Buffer.alloc(0)
  let passing: { readonly stream: number; readonly isLast: boolean; left: number } | undefined
  let block: { readonly stream: number; readonly isLast: boolean; readonly parts: Buffer[]; bytes: number } | undefined

  const takeBlock = ({ flags }: Frame, part: Buffer): void => {
    block!.parts.push(part)
    block!.bytes += part.length
    if (block!.bytes > wholeBytes || block!.parts.length > wholeBytes / LEAST_PART_BYTES) throw new ConnectionError(ERROR.calm, 'headers without end')
    if ((flags & FLAG.endHeaders) === 0) return
    const { stream, isLast, parts } = block!
    block = undefined
    events.headers(stream, parts.length === 1 ? parts[0]! : Buffer.concat(parts), isLast)
  }
  const takeWhole = (frame: Frame, payload: Buffer): void => {
    const { type, flags, stream } = frame
    const isLast = (flags & FLAG.endStream) !== 0
    switch (type) {
      case FRAME.data: return events.data(stream, bodyOf(frame, payload), isLast, payload.length)
      case FRAME.headers:
        block = { stream, isLast, parts: [], bytes: 0 }
        return takeBlock(frame, bodyOf(frame, payload))
      case FRAME.continuation: return takeBlock(frame, payload)
      default: return events.control(type, flags, stream, payload)
    }
  }
  const check = ({ length, type, stream }: Frame): void => {
    if (length > frameBytes) throw new ConnectionError(ERROR.frameSize, `a frame of ${length} bytes`)
    if (block && (type !== FRAME.continuation || stream !== block.stream)) throw new ConnectionError(ERROR.protocol, 'headers are interrupted')
    if (!block && type === FRAME.continuation) throw new ConnectionError(ERROR.protocol, 'headers go on that never began')
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
        events.data(stream, part, isLast && left === 0, part.length)
        continue
      }
      if (rest.length < FRAME_HEADER_BYTES) break
      const frame: Frame = { length: rest.readUIntBE(0, 3), type: rest[3]!, flags: rest[4]!, stream: rest.readUInt32BE(5) & 0x7fff_ffff }
      check(frame)
      if (frame.type === FRAME.data && (frame.flags & FLAG.padded) === 0) {
        passing = { stream: frame.stream, isLast: (frame.flags & FLAG.endStream) !== 0, left: frame.length }
        rest = rest.subarray(FRAME_HEADER_BYTES)
        continue
      }
      if (frame.length > wholeBytes) throw new ConnectionError(ERROR.frameSize, `a frame of ${frame.length} bytes`)
      const end = FRAME_HEADER_BYTES + frame.length
      if (rest.length < end) break
      takeWhole(frame, rest.subarray(FRAME_HEADER_BYTES, end))
      rest = rest.subarray(end)
    }
    held = rest
  }
}

/** DATA or HEADERS without padding and priority. */
function bodyOf({ type, flags }: Frame, payload: Buffer): Buffer {
  const padded = (flags & FLAG.padded) !== 0
  const skipped = (padded ? 1 : 0) + (type === FRAME.headers && (flags & FLAG.priority) !== 0 ? PRIORITY_BYTES : 0)
  const padding = padded ? (payload[0] ?? 0) : 0
  if (skipped + padding > payload.length) throw new ConnectionError(ERROR.protocol, 'more padding than frame')
  return payload.subarray(skipped, payload.length - padding)
}

/** Takes the preface off what a client sends: what follows it is given back. @throws ConnectionError */
export function makePrefaceReader(): (chunk: Buffer) => Buffer {
  let seen = 0
  return (chunk) => {
    if (seen === PREFACE.length) return chunk
    const part = chunk.subarray(0, PREFACE.length - seen)
    if (!part.equals(PREFACE.subarray(seen, seen + part.length))) throw new ConnectionError(ERROR.protocol, 'the client does not speak HTTP/2')
    seen += part.length
    return chunk.subarray(part.length)
  }
}
