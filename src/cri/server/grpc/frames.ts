// HTTP/2's frames (RFC 9113, sections 4 and 6) and how a server reads them.

export const FRAME = { data: 0, headers: 1, priority: 2, reset: 3, settings: 4, pushPromise: 5, ping: 6, goAway: 7, windowUpdate: 8, continuation: 9 } as const
export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const
export const ERROR = { none: 0, protocol: 1, internal: 2, flowControl: 3, streamClosed: 5, frameSize: 6, refused: 7, cancel: 8, compression: 9, calm: 11 } as const
export const SETTING = { headerTableSize: 1, enablePush: 2, maxConcurrentStreams: 3, initialWindowSize: 4, maxFrameSize: 5, maxHeaderListSize: 6 } as const

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')
const HEADER_BYTES = 9
/** What a peer may send without having been told of another size. */
export const FRAME_BYTES = 16_384

export interface Frame { readonly type: number; readonly flags: number; readonly stream: number; readonly payload: Buffer }

/** Breaks the rules so that the connection ends, with GOAWAY and this code. */
export class ConnectionError extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.name = 'ConnectionError'
    this.code = code
  }
}

export function encodeFrame({ type, flags, stream, payload }: Frame): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length)
  frame.writeUIntBE(payload.length, 0, 3)
  frame[3] = type
  frame[4] = flags
  frame.writeUInt32BE(stream, 5)
  frame.set(payload, HEADER_BYTES)
  return frame
}

/** Frames of what a client sends, after its preface, however it comes in pieces. @throws ConnectionError */
export function makeFrameReader(): (chunk: Buffer) => Generator<Frame> {
  let pieces: Buffer[] = []
  let held = 0
  let greeted = false
  /** So much is needed to go on. */
  let wanted = PREFACE.length
  return function* (chunk) {
    pieces.push(chunk)
    held += chunk.length
    if (held < wanted) return
    let rest = pieces.length === 1 ? chunk : Buffer.concat(pieces)
    if (!greeted) {
      if (!rest.subarray(0, PREFACE.length).equals(PREFACE)) throw new ConnectionError(ERROR.protocol, 'the client does not speak HTTP/2')
      greeted = true
      rest = rest.subarray(PREFACE.length)
    }
    wanted = HEADER_BYTES
    while (rest.length >= HEADER_BYTES) {
      const length = rest.readUIntBE(0, 3)
      if (length > FRAME_BYTES) throw new ConnectionError(ERROR.frameSize, `a frame of ${length} bytes`)
      wanted = HEADER_BYTES + length
      if (rest.length < wanted) break
      yield { type: rest[3]!, flags: rest[4]!, stream: rest.readUInt32BE(5) & 0x7fff_ffff, payload: rest.subarray(HEADER_BYTES, wanted) }
      rest = rest.subarray(wanted)
      wanted = HEADER_BYTES
    }
    pieces = rest.length > 0 ? [rest] : []
    held = rest.length
  }
}

/** DATA or HEADERS without padding and priority. @throws ConnectionError */
export function bodyOf({ type, flags, payload }: Frame): Buffer {
  const padded = (flags & FLAG.padded) !== 0
  const skipped = (padded ? 1 : 0) + (type === FRAME.headers && (flags & FLAG.priority) !== 0 ? 5 : 0)
  const padding = padded ? (payload[0] ?? 0) : 0
  if (skipped + padding > payload.length) throw new ConnectionError(ERROR.protocol, 'more padding than frame')
  return payload.subarray(skipped, payload.length - padding)
}

export function encodeSettings(settings: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(settings.length * 6)
  settings.forEach(([id, value], index) => {
    payload.writeUInt16BE(id, index * 6)
    payload.writeUInt32BE(value, index * 6 + 2)
  })
  return payload
}

export function decodeSettings(payload: Buffer): [id: number, value: number][] {
  if (payload.length % 6 !== 0) throw new ConnectionError(ERROR.frameSize, 'settings of an odd size')
  return Array.from({ length: payload.length / 6 }, (_, index) => [payload.readUInt16BE(index * 6), payload.readUInt32BE(index * 6 + 2)])
}

export function encodeNumber(value: number): Buffer {
  const payload = Buffer.allocUnsafe(4)
  payload.writeUInt32BE(value)
  return payload
}
