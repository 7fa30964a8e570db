// Calls of gRPC over one connection of HTTP/2: as much of both as a client of the CRI needs. A library for them takes
// longer to load than such a call takes.
import type { ByteStream } from '../../../process/unix-stream.ts'
import { framedMessage, makeMessageReader } from '../../wire/grpc-messages.ts'
import { makeFrameReader } from '../../wire/http2/frame-reader.ts'
import { encodeHeaders, makeHeaderDecoder } from '../../wire/http2/hpack.ts'
import { ERROR, FLAG, FRAME, FRAME_BYTES, PREFACE, SETTING, WINDOW_BYTES, decodeSettings, decodeWindow, encodeFrame, encodeNumber, encodeSettings } from '../../wire/http2/protocol.ts'
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
  /** Calls back when something comes from the server, which is pinged where it owes nothing; at once where it was pinged lately. */
  prove(onAlive: () => void): void
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

/** What may come unasked: of one call, and of all. */
const STREAM_WINDOW_BYTES = 4 * 2 ** 20
const OUR_WINDOW_BYTES = 64 * 2 ** 20
/** Of the headers of an answer. */
const MOST_BLOCK_BYTES = 2 ** 20
const MOST_MESSAGE_BYTES = 256 * 2 ** 20
const LONGEST_TIMEOUT_MS = 99_999_999
/** The server is told a little more than the caller has: who gives up first says why, and the caller's words name the server. */
const GRACE_MS = 1000
const PING_BYTES = 8
/** Servers of gRPC take pings that come faster than every five minutes for an attack. */
export const PROVE_EVERY_MS = 310_000

const HTTP1 = 'HTTP/1'

/** Speaks on a connection that is open, and owns it from then on. */
export function openSession(connection: ByteStream): Session {
  const streams = new Map<number, Stream>()
  const peer = { window: WINDOW_BYTES, streamWindow: WINDOW_BYTES, frameBytes: FRAME_BYTES, streams: Infinity }
  const waiting: (() => void)[] = []
  const provers: (() => void)[] = []
  let pingedAt = -Infinity
  const decode = makeHeaderDecoder()
  let nextStream = 1
  let owed = 0
  let [hasSettings, failure]: [boolean, CallError | undefined] = [false, undefined]

  const send = (type: number, flags: number, id: number, payload: Uint8Array): void => connection.write(encodeFrame(type, flags, id, payload))
  const flush = (id: number, stream: Stream): void => {
    while (stream.unsent.length > 0) {
      const bytes = Math.min(stream.unsent.length, stream.window, peer.window, peer.frameBytes)
      if (bytes <= 0) return
      const part = stream.unsent.subarray(0, bytes)
      stream.unsent = stream.unsent.subarray(bytes)
      stream.window -= bytes
      peer.window -= bytes
      send(FRAME.data, stream.unsent.length === 0 ? FLAG.endStream : 0, id, part)
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
  /** Until the server has shown that it speaks HTTP/2: what another says to the preface would be lost with the connection. */
  const mayStart = (): boolean => failure !== undefined || (hasSettings && streams.size < peer.streams)
  const startWaiting = (): void => { while (waiting.length > 0 && mayStart()) waiting.shift()!() }
  const cancel = (id: number, error: CallError): void => {
    if (!streams.has(id)) return
    send(FRAME.reset, 0, id, encodeNumber(ERROR.cancel))
    end(id, error)
  }
  const fail = (error: CallError): void => {
    failure ??= error
    for (const id of [...streams.keys()]) end(id, failure)
    startWaiting()
    connection.close()
  }
  const grant = (id: number, stream: Stream): void => {
    if (!stream.isFlowing || stream.owed < STREAM_WINDOW_BYTES / 4) return
    send(FRAME.windowUpdate, 0, id, encodeNumber(stream.owed))
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
    send(FRAME.headers, FLAG.endHeaders, id, requestHeaders(call))
    flush(id, stream)
  }
  const takeSettings = (payload: Buffer): void => {
    for (const [key, value] of decodeSettings(payload)) {
      if (key === SETTING.maxConcurrentStreams) peer.streams = value
      if (key === SETTING.maxFrameSize) peer.frameBytes = value
      if (key !== SETTING.initialWindowSize) continue
      for (const stream of streams.values()) stream.window += value - peer.streamWindow
      peer.streamWindow = value
    }
    send(FRAME.settings, FLAG.ack, 0, new Uint8Array())
    flushAll()
    startWaiting()
  }
  const control: Readonly<Record<number, (id: number, payload: Buffer, isAck: boolean) => void>> = {
    [FRAME.settings]: (_id, payload, isAck) => { if (!isAck) takeSettings(payload) },
    [FRAME.ping]: (_id, payload, isAck) => { if (!isAck) send(FRAME.ping, FLAG.ack, 0, payload) },
    [FRAME.reset]: (id, payload) => end(id, endByReset(payload)),
    [FRAME.windowUpdate]: (id, payload) => {
      const [bytes, stream] = [decodeWindow(payload), streams.get(id)]
      if (id === 0) peer.window += bytes
      else if (stream) stream.window += bytes
      flushAll()
    },
    [FRAME.goAway]: (_id, payload) => {
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
    data: (id, bytes, isLast, cost) => {
      owed += cost
      if (owed >= OUR_WINDOW_BYTES / 4) { send(FRAME.windowUpdate, 0, 0, encodeNumber(owed)); owed = 0 }
      const stream = streams.get(id)
      if (!stream) return
      stream.owed += cost
      stream.read(bytes)
      if (stream.error) cancel(id, stream.error)
      else if (isLast) end(id, new CallError(status.INTERNAL, 'the answer has no status', 'protocol'))
      else if (streams.has(id)) grant(id, stream)
    },
    control: (type, flags, id, payload) => {
      if (!hasSettings && type !== FRAME.settings) throw new Error('its first frame is no SETTINGS')
      hasSettings = true
      control[type]?.(id, payload, (flags & FLAG.ack) !== 0)
    },
  }, { frameBytes: FRAME_BYTES, wholeBytes: MOST_BLOCK_BYTES })

  connection.listen({
    data(chunk) {
      for (const onAlive of provers.splice(0)) onAlive()
      try {
        if (!hasSettings && chunk.toString('latin1', 0, HTTP1.length) === HTTP1) throw new Error('it speaks HTTP/1')
        read(chunk)
      } catch (error) {
        fail(new CallError(status.INTERNAL, (error as Error).message, 'protocol'))
      }
    },
    ended: (error) => fail(new CallError(status.UNAVAILABLE, error ? error.code ?? error.message : 'it was closed', 'connection')),
  })
  connection.write(Buffer.concat([
    PREFACE, encodeFrame(FRAME.settings, 0, 0, encodeSettings([[SETTING.enablePush, 0], [SETTING.initialWindowSize, STREAM_WINDOW_BYTES]])),
    encodeFrame(FRAME.windowUpdate, 0, 0, encodeNumber(OUR_WINDOW_BYTES - WINDOW_BYTES)),
  ]))

  return {
    get isOpen() { return failure === undefined },
    prove(onAlive) {
      const now = performance.now()
      if (hasSettings && now - pingedAt < PROVE_EVERY_MS) return onAlive()
      provers.push(onAlive)
      // before that it owes its SETTINGS
      if (!hasSettings) return
      pingedAt = now
      send(FRAME.ping, 0, 0, new Uint8Array(PING_BYTES))
    },
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
      if (mayStart()) go()
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
  ...(timeoutMs === undefined ? [] : [['grpc-timeout', `${Math.min(Math.ceil(timeoutMs) + GRACE_MS, LONGEST_TIMEOUT_MS)}m`] as const]),
])
