// The server's side of SPDY/3.1 as Kubernetes' clients speak it: they open every stream, send no window updates and
// expect none; TCP alone holds a fast side back.
import { EventEmitter } from 'node:events'
import { Duplex } from 'node:stream'
import { constants, createInflate, type Inflate } from 'node:zlib'
import { adler32, SPDY_DICTIONARY, u32 } from './spdy-dictionary.ts'

export type SpdyHeaders = Readonly<Record<string, string>>

export interface SpdyStream extends Duplex { readonly headers: SpdyHeaders }

const HEADER_BYTES = 8
const SYN_STREAM = 1
const SYN_REPLY = 2
const RST_STREAM = 3
const PING = 6
const GOAWAY = 7
const FIN = 1
const CONTROL = 0x8003
/** Header blocks are small; more is no client of ours. */
const MAX_CONTROL_BYTES = 64 * 1024
const MAX_HEADERS_BYTES = 64 * 1024
const MAX_DATA_BYTES = 64 * 1024
const STREAM_BUFFER_BYTES = 256 * 1024
const MAX_STREAMS = 1000

interface Events { stream: [SpdyStream]; close: [] }

export class SpdyConnection extends EventEmitter<Events> {
  readonly #socket: Duplex
  readonly #streams = new Map<number, Stream>()
  readonly #inflater = makeInflater()
  #held: Buffer[] = []
  #heldBytes = 0
  #working = false
  #repliedOnce = false
  #blocked = 0

  /** Owns `socket`, on which the upgrade has been answered. */
  constructor(socket: Duplex) {
    super()
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', () => undefined) // 'close' follows
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      this.#inflater.close()
      for (const stream of this.#streams.values()) stream.destroy()
      this.#streams.clear()
      this.emit('close')
    })
  }

  /** Says that no stream will be taken any more, and closes when all is written. */
  end(): void {
    if (this.#socket.destroyed) return
    this.#control(GOAWAY, 0, u32(0, 0))
    this.#socket.end()
  }

  destroy(): void { this.#socket.destroy() }

  send(id: number, data: Buffer, flags: number, done: (error?: Error | null) => void): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return done(new Error('the connection is closed'))
    const head = u32(id, data.length)
    head[4] = flags
    this.#socket.cork()
    if (data.length === 0) this.#socket.write(head, done)
    else {
      this.#socket.write(head)
      this.#socket.write(data, done)
    }
    process.nextTick(() => this.#socket.uncork())
  }

  reset(id: number, status: number): void {
    if (this.#streams.delete(id) && !this.#socket.destroyed && !this.#socket.writableEnded) this.#control(RST_STREAM, 0, u32(id, status))
  }

  /** A stream whose reader is slow holds the whole connection. */
  hold(): void { if (this.#blocked++ === 0) this.#socket.pause() }
  release(): void { if (--this.#blocked === 0) this.#socket.resume() }
  forget(id: number): void { this.#streams.delete(id) }

  #take(chunk: Buffer): void {
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (!this.#working) void this.#work()
  }

  /** One frame after the other: a header block must be unpacked before the data that follows it finds its stream. */
  async #work(): Promise<void> {
    this.#working = true
    try {
      for (let frame = this.#nextFrame(); frame; frame = this.#nextFrame()) await this.#handle(frame)
    } catch {
      this.#socket.destroy() // no client of ours speaks like that
    } finally {
      this.#working = false
    }
  }

  #nextFrame(): Buffer | undefined {
    if (this.#heldBytes < HEADER_BYTES) return undefined
    const all = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held)
    const bytes = HEADER_BYTES + all.readUIntBE(5, 3)
    if (all[0]! & 0x80 && bytes > MAX_CONTROL_BYTES) throw new Error('control frame too long')
    this.#held = [all]
    if (all.length < bytes) return undefined
    this.#held = all.length > bytes ? [all.subarray(bytes)] : []
    this.#heldBytes = all.length - bytes
    return all.subarray(0, bytes)
  }

  async #handle(frame: Buffer): Promise<void> {
    const [flags, body] = [frame[4]!, frame.subarray(HEADER_BYTES)]
    if (!(frame[0]! & 0x80)) return this.#streams.get(frame.readUInt32BE(0))?.receive(body, (flags & FIN) !== 0)
    switch (frame.readUInt16BE(2)) {
      case SYN_STREAM: return this.#open(body, (flags & FIN) !== 0)
      case RST_STREAM: {
        const id = body.readUInt32BE(0) & 0x7fffffff
        this.#streams.get(id)?.destroy()
        this.#streams.delete(id)
        return
      }
      case PING: return void (body.readUInt32BE(0) % 2 === 1 && this.#control(PING, 0, body))
    }
  }

  async #open(body: Buffer, ended: boolean): Promise<void> {
    const id = body.readUInt32BE(0) & 0x7fffffff
    if (this.#streams.has(id) || this.#streams.size >= MAX_STREAMS) throw new Error('stream refused')
    const headers = parseHeaders(await this.#inflater.run(body.subarray(10)))
    const stream = new Stream(this, id, headers)
    this.#streams.set(id, stream)
    this.#control(SYN_REPLY, 0, Buffer.concat([u32(id), this.#emptyBlock()]))
    this.emit('stream', stream)
    if (ended) stream.receive(Buffer.alloc(0), true)
  }

  /** No headers, as a stored block of a zlib stream (RFC 1951, 3.2.4) that every reply continues. */
  #emptyBlock(): Buffer {
    const begin = this.#repliedOnce ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x78, 0xbb]), u32(adler32(SPDY_DICTIONARY))])
    this.#repliedOnce = true
    return Buffer.concat([begin, Buffer.from([0, 4, 0, 0xfb, 0xff]), u32(0), Buffer.from([0, 0, 0, 0xff, 0xff])])
  }

  #control(type: number, flags: number, body: Buffer): void {
    const head = Buffer.allocUnsafe(HEADER_BYTES)
    head.writeUInt16BE(CONTROL, 0)
    head.writeUInt16BE(type, 2)
    head.writeUInt32BE(body.length, 4)
    head[4] = flags
    this.#socket.write(Buffer.concat([head, body]))
  }
}

const CANCEL = 5

class Stream extends Duplex implements SpdyStream {
  readonly headers: SpdyHeaders
  readonly #connection: SpdyConnection
  readonly #id: number
  #holding = false

  constructor(connection: SpdyConnection, id: number, headers: SpdyHeaders) {
    super({ allowHalfOpen: true, highWaterMark: STREAM_BUFFER_BYTES })
    this.headers = headers
    this.#connection = connection
    this.#id = id
    this.on('error', () => undefined) // the connection's end is told by its own event
  }

  receive(data: Buffer, last: boolean): void {
    if (this.destroyed || this.readableEnded) return
    if (data.length > 0 && !this.push(data) && !this.#holding) {
      this.#holding = true
      this.#connection.hold()
    }
    if (last) this.push(null)
  }

  override _read(): void { this.#letGo() }

  #letGo(): void {
    if (!this.#holding) return
    this.#holding = false
    this.#connection.release()
  }

  override _write(data: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    for (let at = 0; at < data.length; at += MAX_DATA_BYTES) {
      const end = Math.min(at + MAX_DATA_BYTES, data.length)
      this.#connection.send(this.#id, data.subarray(at, end), 0, end === data.length ? done : () => undefined)
    }
    if (data.length === 0) done()
  }

  override _final(done: (error?: Error | null) => void): void { this.#connection.send(this.#id, Buffer.alloc(0), FIN, done) }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#letGo()
    if (this.writableFinished && this.readableEnded) this.#connection.forget(this.#id)
    else this.#connection.reset(this.#id, CANCEL)
    done(error)
  }
}

function parseHeaders(block: Buffer): SpdyHeaders {
  const headers: Record<string, string> = {}
  let at = 4
  const word = (): string => {
    const length = block.readUInt32BE(at)
    if (at + 4 + length > block.length) throw new RangeError('header block too short')
    at += 4 + length
    return block.toString('latin1', at - length, at)
  }
  for (let left = block.readUInt32BE(0); left > 0; left--) {
    const name = word().toLowerCase()
    headers[name] = word()
  }
  return headers
}

/** One zlib stream runs through all header blocks of a connection; each ends in a flush. */
function makeInflater(): { run(bytes: Buffer): Promise<Buffer>; close(): void } {
  const flush = constants.Z_SYNC_FLUSH
  let inflate: Inflate | undefined
  let chunks: Buffer[] = []
  let failed: Error | undefined
  const open = (): Inflate => createInflate({ dictionary: SPDY_DICTIONARY, flush, finishFlush: flush })
    .on('data', (chunk: Buffer) => { chunks.push(chunk) }).on('error', (error) => { failed = error })
  return {
    close: () => inflate?.close(),
    run: (bytes) => new Promise((resolve, reject) => {
      chunks = []
      inflate ??= open()
      inflate.write(bytes, (error) => setImmediate(() => {
        const block = Buffer.concat(chunks)
        if (error ?? failed) return reject((error ?? failed)!)
        if (block.length > MAX_HEADERS_BYTES) return reject(new Error('header block too long'))
        resolve(block)
      }))
    }),
  }
}
