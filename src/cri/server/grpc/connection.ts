// The server's side of one HTTP/2 connection (RFC 9113): streams and their ends, and nothing that gRPC doesn't need.
// Whoever may connect may do everything here: what a client sends is checked, but no client is defended against another.
import type { Socket } from 'node:net'
import { makeFrameReader, makePrefaceReader } from '../../wire/http2/frame-reader.ts'
import { makeHeaderDecoder, type Header } from '../../wire/http2/hpack.ts'
import { ConnectionError, ERROR, FLAG, FRAME, FRAME_BYTES, SETTING, WINDOW_BYTES, decodeSettings, decodeWindow, encodeNumber, encodeSettings } from '../../wire/http2/protocol.ts'
import { Sender } from './sender.ts'

/** One request and its answer. */
export interface Stream {
  readonly headers: ReadonlyMap<string, string>
  /** The answer's headers or, with `end`, its trailers. */
  sendHeaders(headers: readonly Header[], options?: { readonly end?: boolean }): void
  /** Resolves when the client has room for more, or is gone. */
  sendData(bytes: Uint8Array): Promise<void>
  /** Ends the stream from our side at once. */
  reset(code: number): void
}

/** What happens on a stream. */
export interface StreamEvents {
  data(bytes: Buffer): void
  /** The request is whole. */
  end(): void
  /** The client doesn't want it any more, or is gone. */
  cancelled(): void
}

export interface Connection {
  /** No new streams; ends when those under way have ended. */
  finish(): void
  /** At once. */
  destroy(): void
}

interface Open extends Stream {
  readonly id: number
  events?: StreamEvents
  /** The client has sent everything. */
  received: boolean
  /** Nothing more may be said of our side; `sent`: and all of it is on its way. */
  answered: boolean
  sent: boolean
  /** What the client sent since it was last given room. */
  taken: number
}

/** What a client may send without hearing of us, of each stream and in all: larger requests take more turns. */
const OUR_WINDOW = 1024 * 1024
const MOST_STREAMS = 4096
/** Of one request's headers as they are sent. */
const BLOCK_BYTES = 64 * 1024
/** For a client to end its side. */
const CLOSE_MS = 1000

/** Answers the streams of `socket` by what `begin` says, until one of the two ends it. `ended` is called once. */
export function openConnection(socket: Socket, begin: (stream: Stream) => StreamEvents, ended: () => void): Connection {
  const connection = new ServerConnection(socket, begin)
  socket.on('data', (chunk: Buffer) => connection.receive(chunk))
  socket.on('drain', () => connection.drain())
  socket.on('error', () => undefined) // 'close' follows
  socket.on('end', () => connection.destroy())
  socket.on('close', () => {
    connection.destroy()
    ended()
  })
  return connection
}

class ServerConnection implements Connection {
  readonly #socket: Socket
  readonly #begin: (stream: Stream) => StreamEvents
  readonly #sender: Sender
  readonly #afterPreface = makePrefaceReader()
  readonly #read = makeFrameReader({
    headers: (id, block, isLast) => this.#takeHeaders(id, block, isLast),
    data: (id, bytes, isLast, cost) => this.#takeData(id, bytes, isLast, cost),
    control: (type, flags, id, payload) => this.#takeControl(type, flags, id, payload),
  }, { frameBytes: FRAME_BYTES, wholeBytes: BLOCK_BYTES })
  readonly #decode = makeHeaderDecoder()
  readonly #streams = new Map<number, Open>()
  #last = 0
  #finishing = false
  #failed = false
  /** As of a stream, of all. */
  #taken = 0

  constructor(socket: Socket, begin: (stream: Stream) => StreamEvents) {
    this.#socket = socket
    this.#begin = begin
    this.#sender = new Sender(socket)
    this.#sender.frame(FRAME.settings, 0, 0, encodeSettings([[SETTING.maxConcurrentStreams, MOST_STREAMS], [SETTING.initialWindowSize, OUR_WINDOW], [SETTING.maxHeaderListSize, BLOCK_BYTES]]))
    this.#giveRoom(0, OUR_WINDOW - WINDOW_BYTES)
  }

  receive(chunk: Buffer): void {
    if (this.#failed) return
    try {
      this.#read(this.#afterPreface(chunk))
    } catch (error) {
      this.#fail(error instanceof ConnectionError ? error.code : ERROR.internal)
    }
  }

  drain(): void {
    this.#sender.flush()
  }

  finish(): void {
    this.#finishing = true
    this.#goAway(ERROR.none)
    this.#endWhenDone()
  }

  destroy(): void {
    this.#socket.destroy()
    for (const stream of [...this.#streams.values()]) this.#drop(stream, { cancelled: true })
  }

  #takeControl(type: number, flags: number, id: number, payload: Buffer): void {
    const isAck = (flags & FLAG.ack) !== 0
    switch (type) {
      case FRAME.settings: return isAck ? undefined : this.#takeSettings(payload)
      case FRAME.windowUpdate: return this.#takeWindow(id, decodeWindow(payload))
      case FRAME.ping:
        if (payload.length !== 8) throw new ConnectionError(ERROR.frameSize, 'a ping of an odd size')
        return isAck ? undefined : this.#sender.frame(FRAME.ping, FLAG.ack, 0, payload)
      case FRAME.reset: {
        const stream = this.#known(id)
        return stream && this.#drop(stream, { cancelled: true })
      }
      case FRAME.pushPromise: throw new ConnectionError(ERROR.protocol, 'a client cannot push')
      default: // GOAWAY, PRIORITY, and what is unknown
    }
  }

  /** Undefined: one that has ended, the frame crossed its end. @throws ConnectionError: one that never was */
  #known(id: number): Open | undefined {
    if (id === 0 || id > this.#last) throw new ConnectionError(ERROR.protocol, `there is no stream ${id}`)
    return this.#streams.get(id)
  }

  #takeData(id: number, bytes: Buffer, isLast: boolean, cost: number): void {
    const stream = this.#known(id)
    this.#taken += cost
    if (this.#taken > OUR_WINDOW / 2) {
      this.#giveRoom(0, this.#taken)
      this.#taken = 0
    }
    if (!stream) return
    if (stream.received) return this.#resetStream(stream, ERROR.streamClosed)
    stream.taken += cost
    if (stream.taken > OUR_WINDOW) throw new ConnectionError(ERROR.flowControl, 'more than there was room for')
    stream.events!.data(bytes)
    if (stream.taken > OUR_WINDOW / 2) {
      this.#giveRoom(id, stream.taken)
      stream.taken = 0
    }
    if (isLast) this.#received(stream)
  }

  #giveRoom(id: number, bytes: number): void {
    this.#sender.frame(FRAME.windowUpdate, 0, id, encodeNumber(bytes))
  }

  #takeHeaders(id: number, block: Buffer, isLast: boolean): void {
    const headers = this.#decoded(block)
    const known = this.#streams.get(id)
    if (!known) return this.#beginStream(id, headers, isLast)
    if (known.received || !isLast) return this.#resetStream(known, ERROR.protocol) // trailers end a request
    this.#received(known)
  }

  #decoded(block: Buffer): Map<string, string> {
    try {
      return this.#decode(block)
    } catch (error) {
      throw new ConnectionError(ERROR.compression, (error as Error).message)
    }
  }

  #beginStream(id: number, headers: Map<string, string>, isLast: boolean): void {
    if (id % 2 === 0) throw new ConnectionError(ERROR.protocol, 'a stream with an even number')
    if (id <= this.#last) throw new ConnectionError(ERROR.streamClosed, `stream ${id} has ended`)
    this.#last = id
    if (this.#finishing || this.#streams.size >= MOST_STREAMS) return this.#sender.frame(FRAME.reset, 0, id, encodeNumber(ERROR.refused))
    const stream: Open = {
      id, headers, received: false, answered: false, sent: false, taken: 0,
      sendHeaders: (list, { end = false } = {}) => this.#sendHeaders(stream, list, end),
      sendData: (bytes) => this.#sendData(stream, bytes),
      reset: (code) => this.#resetStream(stream, code),
    }
    this.#streams.set(id, stream)
    this.#sender.open(id)
    stream.events = this.#begin(stream)
    if (isLast) this.#received(stream)
  }

  #received(stream: Open): void {
    stream.received = true
    stream.events!.end()
    this.#endStream(stream)
  }

  #takeSettings(payload: Buffer): void {
    const settings = decodeSettings(payload)
    this.#sender.frame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0))
    this.#sender.obey(settings)
  }

  #takeWindow(id: number, bytes: number): void {
    const stream = id === 0 ? undefined : this.#known(id)
    if (id !== 0 && !stream) return
    if (!this.#sender.addRoom(id, bytes)) this.#resetStream(stream!, ERROR.flowControl)
  }

  #sendHeaders(stream: Open, headers: readonly Header[], isLast: boolean): void {
    if (stream.answered) return
    if (!isLast) return this.#sender.headers(stream.id, headers, { isLast })
    stream.answered = true
    this.#sender.whenDrained(stream.id, () => {
      if (!this.#streams.has(stream.id)) return
      this.#sender.headers(stream.id, headers, { isLast })
      stream.sent = true
      this.#endStream(stream)
    })
  }

  #sendData(stream: Open, bytes: Uint8Array): Promise<void> {
    if (stream.answered) return Promise.resolve()
    this.#sender.data(stream.id, bytes)
    return new Promise((resolve) => this.#sender.whenDrained(stream.id, resolve))
  }

  /** Both sides have said everything: a client that goes on although it has its answer is told to stop. */
  #endStream(stream: Open): void {
    if (!stream.sent) return
    if (!stream.received) this.#sender.frame(FRAME.reset, 0, stream.id, encodeNumber(ERROR.none))
    this.#drop(stream, { cancelled: false })
  }

  #resetStream(stream: Open, code: number): void {
    if (!this.#streams.has(stream.id)) return
    this.#sender.frame(FRAME.reset, 0, stream.id, encodeNumber(code))
    this.#drop(stream, { cancelled: true })
  }

  #drop(stream: Open, { cancelled }: { cancelled: boolean }): void {
    if (!this.#streams.delete(stream.id)) return
    stream.answered = true
    this.#sender.close(stream.id)
    if (cancelled) stream.events?.cancelled()
    if (this.#finishing) this.#endWhenDone()
  }

  #endWhenDone(): void {
    if (this.#streams.size > 0 || this.#socket.writableEnded) return
    this.#socket.end()
    setTimeout(() => this.#socket.destroy(), CLOSE_MS).unref()
  }

  #goAway(code: number): void {
    this.#sender.frame(FRAME.goAway, 0, 0, Buffer.concat([encodeNumber(this.#last), encodeNumber(code)]))
  }

  #fail(code: number): void {
    this.#failed = true
    this.#goAway(code)
    this.#finishing = true
    for (const stream of [...this.#streams.values()]) this.#drop(stream, { cancelled: true })
    this.#endWhenDone()
  }
}
