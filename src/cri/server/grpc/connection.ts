// The server's side of one HTTP/2 connection (RFC 9113): streams, flow control both ways, and nothing that gRPC doesn't need.
// Whoever may connect may do everything here: what a client sends is checked, but no client is defended against another.
import type { Socket } from 'node:net'
import { ConnectionError, ERROR, FLAG, FRAME, FRAME_BYTES, SETTING, bodyOf, decodeSettings, encodeFrame, encodeNumber, encodeSettings, makeFrameReader, type Frame } from './frames.ts'
import { encodeHeaders, makeHeaderDecoder, type Header } from '../../wire/hpack.ts'

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
  /** We have. */
  sent: boolean
  /** What we may send, and what the client sent since it was last given room. */
  room: number
  taken: number
  readonly waiting: Buffer[]
  trailers?: readonly Header[]
  drained: (() => void)[]
}

const DEFAULT_WINDOW = 65_535
const LARGEST_WINDOW = 0x7fff_ffff
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
  socket.on('drain', () => connection.flush())
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
  readonly #read = makeFrameReader()
  readonly #decode = makeHeaderDecoder()
  readonly #streams = new Map<number, Open>()
  #last = 0
  #finishing = false
  #failed = false
  #corked = false
  /** Of the connection as a whole, as for each stream. */
  #room = DEFAULT_WINDOW
  #taken = 0
  /** As the client's settings say. */
  #window = DEFAULT_WINDOW
  #frameBytes = FRAME_BYTES
  /** Headers that go on in CONTINUATION. */
  #partial: { readonly frame: Frame; readonly parts: Buffer[]; bytes: number } | undefined

  constructor(socket: Socket, begin: (stream: Stream) => StreamEvents) {
    this.#socket = socket
    this.#begin = begin
    this.#send(FRAME.settings, 0, 0, encodeSettings([[SETTING.maxConcurrentStreams, MOST_STREAMS], [SETTING.initialWindowSize, OUR_WINDOW], [SETTING.maxHeaderListSize, BLOCK_BYTES]]))
    this.#send(FRAME.windowUpdate, 0, 0, encodeNumber(OUR_WINDOW - DEFAULT_WINDOW))
  }

  receive(chunk: Buffer): void {
    if (this.#failed) return
    try {
      for (const frame of this.#read(chunk)) this.#take(frame)
    } catch (error) {
      this.#fail(error instanceof ConnectionError ? error.code : ERROR.internal)
    }
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

  /** Sends what waits, as far as the client has room: a frame of each stream in turn. */
  flush(): void {
    for (let progress = true; progress && this.#room > 0 && !this.#socket.writableNeedDrain;) {
      progress = false
      for (const stream of [...this.#streams.values()]) progress = this.#sendPart(stream) || progress
    }
  }

  #sendPart(stream: Open): boolean {
    const [next] = stream.waiting
    const size = Math.min(next?.length ?? 0, stream.room, this.#room, this.#frameBytes)
    if (size <= 0) return false
    stream.room -= size
    this.#room -= size
    this.#send(FRAME.data, 0, stream.id, next!.subarray(0, size))
    if (size < next!.length) stream.waiting[0] = next!.subarray(size)
    else stream.waiting.shift()
    if (stream.waiting.length === 0) this.#whole(stream)
    return true
  }

  /** Everything that was to be sent is. */
  #whole(stream: Open): void {
    for (const go of stream.drained.splice(0)) go()
    if (stream.trailers) this.#sendTrailers(stream, stream.trailers)
  }

  #take(frame: Frame): void {
    if (this.#partial && (frame.type !== FRAME.continuation || frame.stream !== this.#partial.frame.stream)) throw new ConnectionError(ERROR.protocol, 'headers are interrupted')
    switch (frame.type) {
      case FRAME.data: return this.#takeData(frame)
      case FRAME.headers: return this.#takeHeaders(frame, bodyOf(frame))
      case FRAME.continuation: return this.#takeHeaders(frame, frame.payload)
      case FRAME.settings: return this.#takeSettings(frame)
      case FRAME.windowUpdate: return this.#takeWindow(frame)
      case FRAME.ping: return this.#takePing(frame)
      case FRAME.reset: {
        this.#known(frame)
        const stream = this.#streams.get(frame.stream)
        if (stream) this.#drop(stream, { cancelled: true })
        return
      }
      case FRAME.pushPromise: throw new ConnectionError(ERROR.protocol, 'a client cannot push')
      default: // GOAWAY, PRIORITY, and what is unknown
    }
  }

  /** @throws ConnectionError: a frame of a stream that never was */
  #known({ stream }: Frame): void {
    if (stream === 0 || stream > this.#last) throw new ConnectionError(ERROR.protocol, `there is no stream ${stream}`)
  }

  #takeData(frame: Frame): void {
    this.#known(frame)
    const bytes = frame.payload.length
    this.#taken += bytes
    if (this.#taken > OUR_WINDOW / 2) {
      this.#send(FRAME.windowUpdate, 0, 0, encodeNumber(this.#taken))
      this.#taken = 0
    }
    const stream = this.#streams.get(frame.stream)
    if (!stream) return // its end crossed this on the way
    if (stream.received) return this.#resetStream(stream, ERROR.streamClosed)
    stream.taken += bytes
    if (stream.taken > OUR_WINDOW) throw new ConnectionError(ERROR.flowControl, 'more than there was room for')
    stream.events!.data(bodyOf(frame))
    if (stream.taken > OUR_WINDOW / 2) {
      this.#send(FRAME.windowUpdate, 0, stream.id, encodeNumber(stream.taken))
      stream.taken = 0
    }
    if ((frame.flags & FLAG.endStream) !== 0) this.#received(stream)
  }

  #takeHeaders(frame: Frame, body: Buffer): void {
    if (frame.type === FRAME.continuation && !this.#partial) throw new ConnectionError(ERROR.protocol, 'headers go on that never began')
    const partial = (this.#partial ??= { frame, parts: [], bytes: 0 })
    partial.parts.push(body)
    partial.bytes += body.length
    if (partial.bytes > BLOCK_BYTES || partial.parts.length > BLOCK_BYTES / 1024) throw new ConnectionError(ERROR.calm, 'headers without end')
    if ((frame.flags & FLAG.endHeaders) === 0) return
    this.#partial = undefined
    let headers: Map<string, string>
    try {
      headers = this.#decode(Buffer.concat(partial.parts))
    } catch (error) {
      throw new ConnectionError(ERROR.compression, (error as Error).message)
    }
    const end = (partial.frame.flags & FLAG.endStream) !== 0
    const known = this.#streams.get(frame.stream)
    if (!known) return this.#beginStream(frame.stream, headers, end)
    if (known.received || !end) return this.#resetStream(known, ERROR.protocol) // trailers end a request
    this.#received(known)
  }

  #beginStream(id: number, headers: Map<string, string>, end: boolean): void {
    if (id % 2 === 0) throw new ConnectionError(ERROR.protocol, 'a stream with an even number')
    if (id <= this.#last) throw new ConnectionError(ERROR.streamClosed, `stream ${id} has ended`)
    this.#last = id
    if (this.#finishing || this.#streams.size >= MOST_STREAMS) return this.#send(FRAME.reset, 0, id, encodeNumber(ERROR.refused))
    const stream: Open = {
      id, headers, received: false, sent: false, room: this.#window, taken: 0, waiting: [], drained: [],
      sendHeaders: (list, options) => this.#sendHeaders(stream, list, options),
      sendData: (bytes) => this.#sendData(stream, bytes),
      reset: (code) => this.#resetStream(stream, code),
    }
    this.#streams.set(id, stream)
    stream.events = this.#begin(stream)
    if (end) this.#received(stream)
  }

  #received(stream: Open): void {
    stream.received = true
    stream.events!.end()
    this.#endStream(stream)
  }

  #takeSettings({ flags, payload }: Frame): void {
    if ((flags & FLAG.ack) !== 0) return
    for (const [id, value] of decodeSettings(payload)) {
      if (id === SETTING.initialWindowSize) {
        if (value > LARGEST_WINDOW) throw new ConnectionError(ERROR.flowControl, 'the window is too large')
        for (const stream of this.#streams.values()) stream.room += value - this.#window
        this.#window = value
      }
      if (id === SETTING.maxFrameSize) {
        if (value < FRAME_BYTES || value > 0xff_ffff) throw new ConnectionError(ERROR.protocol, 'frames of an impossible size')
        this.#frameBytes = value
      }
    }
    this.#send(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0))
    this.flush()
  }

  #takeWindow(frame: Frame): void {
    if (frame.payload.length !== 4) throw new ConnectionError(ERROR.frameSize, 'a window of an odd size')
    const more = frame.payload.readUInt32BE() & LARGEST_WINDOW
    if (frame.stream === 0) {
      this.#room += more
      if (more === 0 || this.#room > LARGEST_WINDOW) throw new ConnectionError(ERROR.flowControl, 'an impossible window')
    } else {
      this.#known(frame)
      const stream = this.#streams.get(frame.stream)
      if (!stream) return
      stream.room += more
      if (more === 0 || stream.room > LARGEST_WINDOW) return this.#resetStream(stream, ERROR.flowControl)
    }
    this.flush()
  }

  #takePing({ flags, payload }: Frame): void {
    if (payload.length !== 8) throw new ConnectionError(ERROR.frameSize, 'a ping of an odd size')
    if ((flags & FLAG.ack) === 0) this.#send(FRAME.ping, FLAG.ack, 0, payload)
  }

  #sendHeaders(stream: Open, headers: readonly Header[], { end = false }: { readonly end?: boolean } = {}): void {
    if (stream.sent) return
    if (!end) return this.#sendBlock(stream, headers, 0)
    stream.sent = true
    if (stream.waiting.length > 0) stream.trailers = headers
    else this.#sendTrailers(stream, headers)
  }

  #sendTrailers(stream: Open, headers: readonly Header[]): void {
    this.#sendBlock(stream, headers, FLAG.endStream)
    delete stream.trailers
    this.#endStream(stream)
  }

  #sendBlock({ id }: Open, headers: readonly Header[], flags: number): void {
    const block = encodeHeaders(headers)
    const parts = Array.from({ length: Math.ceil(block.length / FRAME_BYTES) }, (_, index) => block.subarray(index * FRAME_BYTES, (index + 1) * FRAME_BYTES))
    parts.forEach((part, index) => this.#send(index === 0 ? FRAME.headers : FRAME.continuation,
      (index === 0 ? flags : 0) | (index === parts.length - 1 ? FLAG.endHeaders : 0), id, part))
  }

  #sendData(stream: Open, bytes: Uint8Array): Promise<void> {
    if (stream.sent || bytes.length === 0) return Promise.resolve()
    stream.waiting.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
    this.flush()
    return stream.waiting.length === 0 ? Promise.resolve() : new Promise((resolve) => stream.drained.push(resolve))
  }

  /** Both sides have said everything: a client that goes on although it has its answer is told to stop. */
  #endStream(stream: Open): void {
    if (!stream.sent || stream.waiting.length > 0 || stream.trailers) return
    if (!stream.received) this.#send(FRAME.reset, 0, stream.id, encodeNumber(ERROR.none))
    this.#drop(stream, { cancelled: false })
  }

  #resetStream(stream: Open, code: number): void {
    if (!this.#streams.has(stream.id)) return
    this.#send(FRAME.reset, 0, stream.id, encodeNumber(code))
    this.#drop(stream, { cancelled: true })
  }

  #drop(stream: Open, { cancelled }: { cancelled: boolean }): void {
    if (!this.#streams.delete(stream.id)) return
    stream.sent = true
    stream.waiting.length = 0
    for (const go of stream.drained.splice(0)) go()
    if (cancelled) stream.events?.cancelled()
    if (this.#finishing) this.#endWhenDone()
  }

  #endWhenDone(): void {
    if (this.#streams.size > 0 || this.#socket.writableEnded) return
    this.#socket.end()
    setTimeout(() => this.#socket.destroy(), CLOSE_MS).unref()
  }

  #goAway(code: number): void {
    this.#send(FRAME.goAway, 0, 0, Buffer.concat([encodeNumber(this.#last), encodeNumber(code)]))
  }

  #fail(code: number): void {
    this.#failed = true
    this.#goAway(code)
    this.#finishing = true
    for (const stream of [...this.#streams.values()]) this.#drop(stream, { cancelled: true })
    this.#endWhenDone()
  }

  /** What is sent in one go is one write. */
  #send(type: number, flags: number, stream: number, payload: Buffer): void {
    if (!this.#socket.writable) return
    if (!this.#corked) {
      this.#corked = true
      this.#socket.cork()
      process.nextTick(() => {
        this.#corked = false
        this.#socket.uncork()
      })
    }
    this.#socket.write(encodeFrame({ type, flags, stream, payload }))
  }
}
