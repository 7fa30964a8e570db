// Calls of gRPC over one connection of HTTP/2: as much of both as a client of the CRI needs. A library for them takes
// longer to load than such a call takes.
import type { Socket } from 'node:net'
import { ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame, makeFrameReader } from '../http2/frames.ts'
import { framedMessage, makeMessageReader } from '../http2/grpc-messages.ts'
import { encodeHeaders, makeHeaderDecoder } from '../http2/hpack.ts'
import { endByReset, endOf, refusal } from './answer.ts'
import { CallError, status } from './call-error.ts'

export interface Call {
  /** `/runtime.v1.RuntimeService/Version`. */
  readonly path: string
  readonly message: Uint8Array
  readonly timeoutMs?: number | undefined
  readonly onMessage: (message: Buffer) => void
  /** Once; without an error it succeeded. */
  readonly onEnd: (error?: CallError) => void
}

export interface Begun {
  /** Ends it with this error, unless it has ended. */
  cancel(error: CallError): void
  /** Whether the server may send more than the first few megabytes. It may unless told otherwise. */
  flow(isOn: boolean): void
}

export interface Session {
  begin(call: Call): Begun
  /** Whether it takes more calls. */
  readonly isOpen: boolean
  close(): void
}

interface Stream {
  readonly call: Call
  readonly read: (chunk: Buffer) => void
  hasHeaders: boolean
  error?: CallError
  /** Of the request, and how much of it may be sent. */
  unsent: Buffer
  window: number
  isFlowing: boolean
  /** Of what came: may come again. */
  owed: number
}

const [MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE] = [3, 4, 5]
const SETTING_BYTES = 6
const FIRST_WINDOW_BYTES = 65_535
const FIRST_FRAME_BYTES = 16_384
/** Until the server says how many it takes at once. */
const FIRST_STREAMS = 100
/** What may come unasked: of one call, and of all. */
const STREAM_WINDOW_BYTES = 4 * 2 ** 20
const WINDOW_BYTES = 64 * 2 ** 20
const MOST_MESSAGE_BYTES = 256 * 2 ** 20
const CANCEL = 8
const LONGEST_TIMEOUT_MS = 99_999_999

/** Speaks on a connection that is open, and owns it from then on. */
export function openSession(socket: Socket): Session {
  const streams = new Map<number, Stream>()
  const peer = { window: FIRST_WINDOW_BYTES, streamWindow: FIRST_WINDOW_BYTES, frameBytes: FIRST_FRAME_BYTES, streams: FIRST_STREAMS }
  const waiting: (() => void)[] = []
  const decode = makeHeaderDecoder()
  let nextStream = 1
  let owed = 0
  let [hasSettings, failure]: [boolean, CallError | undefined] = [false, undefined]

  const send = (type: number, flags: number, id: number, payload: Uint8Array): void => { if (!socket.destroyed) socket.write(frame(type, flags, id, payload)) }
  const flush = (id: number, stream: Stream): void => {
    while (stream.unsent.length > 0) {
      const bytes = Math.min(stream.unsent.length, stream.window, peer.window, peer.frameBytes)
      if (bytes <= 0) return
      const part = stream.unsent.subarray(0, bytes)
      stream.unsent = stream.unsent.subarray(bytes)
      stream.window -= bytes
      peer.window -= bytes
      send(DATA, stream.unsent.length === 0 ? END_STREAM : 0, id, part)
    }
  }
  const flushAll = (): void => streams.forEach((stream, id) => flush(id, stream))
  const end = (id: number, error?: CallError): void => {
    const stream = streams.get(id)
    if (!stream) return
    streams.delete(id)
    stream.call.onEnd(error)
    startWaiting()
  }
  const startWaiting = (): void => { while (waiting.length > 0 && (failure || streams.size < peer.streams)) waiting.shift()!() }
  const cancel = (id: number, error: CallError): void => {
    if (!streams.has(id)) return
    send(RST_STREAM, 0, id, number32(CANCEL))
    end(id, error)
  }
  const fail = (error: CallError): void => {
    failure ??= error
    for (const id of [...streams.keys()]) end(id, failure)
    startWaiting()
    socket.destroy()
  }
  const grant = (id: number, stream: Stream): void => {
    if (!stream.isFlowing || stream.owed < STREAM_WINDOW_BYTES / 4) return
    send(WINDOW_UPDATE, 0, id, number32(stream.owed))
    stream.owed = 0
  }
  const start = (id: number, call: Call): void => {
    const stream: Stream = {
      call, hasHeaders: false, unsent: framedMessage(call.message), window: peer.streamWindow, isFlowing: true, owed: 0,
      read: makeMessageReader({
        isWanted: (bytes, isPacked) => {
          if (isPacked) stream.error = new CallError(status.INTERNAL, 'the answer is packed, which nobody asked for', 'protocol')
          else if (bytes > MOST_MESSAGE_BYTES) stream.error = new CallError(status.RESOURCE_EXHAUSTED, `the answer has ${bytes} bytes, which is too much`, 'protocol')
          return stream.error === undefined
        },
        message: (message) => { if (message && streams.has(id)) call.onMessage(message) },
      }),
    }
    streams.set(id, stream)
    send(HEADERS, END_HEADERS, id, requestHeaders(call))
    flush(id, stream)
  }
  const takeSettings = (payload: Buffer): void => {
    for (let at = 0; at + SETTING_BYTES <= payload.length; at += SETTING_BYTES) {
      const [key, value] = [payload.readUInt16BE(at), payload.readUInt32BE(at + 2)]
      if (key === MAX_CONCURRENT_STREAMS) peer.streams = value
      if (key === MAX_FRAME_SIZE) peer.frameBytes = value
      if (key !== INITIAL_WINDOW_SIZE) continue
      for (const stream of streams.values()) stream.window += value - peer.streamWindow
      peer.streamWindow = value
    }
    send(SETTINGS, ACK, 0, new Uint8Array())
    flushAll()
    startWaiting()
  }
  const control: Readonly<Record<number, (id: number, payload: Buffer, isAck: boolean) => void>> = {
    [SETTINGS]: (_id, payload, isAck) => { if (!isAck) takeSettings(payload) },
    [PING]: (_id, payload, isAck) => { if (!isAck) send(PING, ACK, 0, payload) },
    [RST_STREAM]: (id, payload) => end(id, endByReset(payload)),
    [WINDOW_UPDATE]: (id, payload) => {
      const [bytes, stream] = [payload.readUInt32BE(0), streams.get(id)]
      if (id === 0) peer.window += bytes
      else if (stream) stream.window += bytes
      flushAll()
    },
    [GOAWAY]: (_id, payload) => {
      failure ??= new CallError(status.UNAVAILABLE, 'it takes no more calls', 'connection')
      const last = payload.readUInt32BE(0)
      for (const id of [...streams.keys()].filter((one) => one > last)) end(id, failure)
      startWaiting()
    },
  }
  const read = makeFrameReader({
    headers: (id, block, isLast) => {
      const headers = decode(block)
      const stream = streams.get(id)
      const refused = stream?.hasHeaders === false ? refusal(headers) : undefined
      if (stream) stream.hasHeaders = true
      if (isLast) end(id, refused ?? endOf(headers))
      else if (refused) cancel(id, refused)
    },
    data: (id, bytes, isLast) => {
      owed += bytes.length
      if (owed >= WINDOW_BYTES / 4) { send(WINDOW_UPDATE, 0, 0, number32(owed)); owed = 0 }
      const stream = streams.get(id)
      if (!stream) return
      stream.owed += bytes.length
      stream.read(bytes)
      if (stream.error) cancel(id, stream.error)
      else if (isLast) end(id, new CallError(status.INTERNAL, 'the answer has no status', 'protocol'))
      else if (streams.has(id)) grant(id, stream)
    },
    control: (type, flags, id, payload) => {
      if (!hasSettings && type !== SETTINGS) throw new Error('its first frame is no SETTINGS')
      if (!hasSettings) peer.streams = Infinity
      hasSettings = true
      control[type]?.(id, payload, (flags & ACK) !== 0)
    },
  })

  socket.on('data', (chunk: Buffer) => {
    try {
      read(chunk)
    } catch (error) {
      fail(new CallError(status.INTERNAL, (error as Error).message, 'protocol'))
    }
  })
  socket.on('error', (error: NodeJS.ErrnoException) => fail(new CallError(status.UNAVAILABLE, error.code ?? error.message, 'connection')))
  for (const over of ['end', 'close']) socket.on(over, () => fail(new CallError(status.UNAVAILABLE, 'it was closed', 'connection')))
  socket.write(Buffer.concat([
    PREFACE, frame(SETTINGS, 0, 0, Buffer.concat([setting(2, 0), setting(INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES)])),
    frame(WINDOW_UPDATE, 0, 0, number32(WINDOW_BYTES - FIRST_WINDOW_BYTES)),
  ]))

  return {
    get isOpen() { return failure === undefined },
    begin(call) {
      let [id, isOver] = [0, false]
      const go = (): void => {
        if (isOver) return
        if (failure) {
          isOver = true
          return call.onEnd(failure)
        }
        id = nextStream
        nextStream += 2
        start(id, call)
      }
      if (streams.size < peer.streams || failure) go()
      else waiting.push(go)
      return {
        cancel(error) {
          if (id !== 0) return cancel(id, error)
          if (isOver) return
          isOver = true
          call.onEnd(error)
        },
        flow(isOn) {
          const stream = streams.get(id)
          if (!stream) return
          stream.isFlowing = isOn
          grant(id, stream)
        },
      }
    },
    close: () => fail(new CallError(status.CANCELLED, 'it was closed here', 'caller')),
  }
}

const requestHeaders = ({ path, timeoutMs }: Call): Buffer => encodeHeaders([
  [':method', 'POST'], [':scheme', 'http'], [':path', path], [':authority', 'localhost'], ['te', 'trailers'], ['content-type', 'application/grpc'], ['user-agent', 'scow'],
  ...(timeoutMs === undefined ? [] : [['grpc-timeout', `${Math.min(Math.ceil(timeoutMs), LONGEST_TIMEOUT_MS)}m`] as const]),
])

function number32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function setting(key: number, value: number): Buffer {
  const bytes = Buffer.allocUnsafe(SETTING_BYTES)
  bytes.writeUInt16BE(key)
  bytes.writeUInt32BE(value, 2)
  return bytes
}
