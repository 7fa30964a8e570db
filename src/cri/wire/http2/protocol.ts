// The words of HTTP/2 (RFC 9113, sections 3.4, 4.1, 6 and 7) and how they are written.

export const FRAME = { data: 0, headers: 1, priority: 2, reset: 3, settings: 4, pushPromise: 5, ping: 6, goAway: 7, windowUpdate: 8, continuation: 9 } as const
export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const
export const ERROR = { none: 0, protocol: 1, internal: 2, flowControl: 3, streamClosed: 5, frameSize: 6, refused: 7, cancel: 8, compression: 9, calm: 11 } as const
export const SETTING = { headerTableSize: 1, enablePush: 2, maxConcurrentStreams: 3, initialWindowSize: 4, maxFrameSize: 5, maxHeaderListSize: 6 } as const

/** What a client says first. */
export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')
export const FRAME_HEADER_BYTES = 9
/** What a peer may send, in one frame and unasked in all, without having been told otherwise. */
export const FRAME_BYTES = 16_384
export const WINDOW_BYTES = 65_535
export const LARGEST_WINDOW_BYTES = 0x7fff_ffff

/** Breaks the rules so that the connection ends, with GOAWAY and this code. */
export class ConnectionError extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.name = 'ConnectionError'
    this.code = code
  }
}

/** @param payload no longer than the peer takes, see FRAME_BYTES */
export function encodeFrame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length)
  frame.writeUIntBE(payload.length, 0, 3)
  frame[3] = type
  frame[4] = flags
  frame.writeUInt32BE(stream, 5)
  frame.set(payload, FRAME_HEADER_BYTES)
  return frame
}

export type Settings = readonly (readonly [id: number, value: number])[]

const SETTING_BYTES = 6

export function encodeSettings(settings: Settings): Buffer {
  const payload = Buffer.alloc(settings.length * SETTING_BYTES)
  settings.forEach(([id, value], index) => {
    payload.writeUInt16BE(id, index * SETTING_BYTES)
    payload.writeUInt32BE(value, index * SETTING_BYTES + 2)
  })
  return payload
}

/** @throws ConnectionError */
export function decodeSettings(payload: Buffer): Settings {
  if (payload.length % SETTING_BYTES !== 0) throw new ConnectionError(ERROR.frameSize, 'settings of an odd size')
  const settings = Array.from({ length: payload.length / SETTING_BYTES }, (_, index) => [payload.readUInt16BE(index * SETTING_BYTES), payload.readUInt32BE(index * SETTING_BYTES + 2)] as const)
  for (const [id, value] of settings) {
    if (id === SETTING.initialWindowSize && value > LARGEST_WINDOW_BYTES) throw new ConnectionError(ERROR.flowControl, 'the window is too large')
    if (id === SETTING.maxFrameSize && (value < FRAME_BYTES || value > 0xff_ffff)) throw new ConnectionError(ERROR.protocol, 'frames of an impossible size')
  }
  return settings
}

export function encodeNumber(value: number): Buffer {
  const payload = Buffer.allocUnsafe(4)
  payload.writeUInt32BE(value)
  return payload
}

/** Of WINDOW_UPDATE. @throws ConnectionError */
export function decodeWindow(payload: Buffer): number {
  if (payload.length !== 4) throw new ConnectionError(ERROR.frameSize, 'a window of an odd size')
  return payload.readUInt32BE() & LARGEST_WINDOW_BYTES
}
