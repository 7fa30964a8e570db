// SPDY/3.1 as far as a client of the kubelet's streaming protocols needs it: it opens every stream itself, so it writes
// headers and never has to read any. Windows are not kept: neither client-go nor the runtimes send or heed them.
import type { Duplex } from 'node:stream'
import { Failure } from '../../errors.ts'

const VERSION = 0x8003
const [SYN_STREAM, RST_STREAM, PING, GOAWAY] = [1, 3, 6, 7]
const FIN = 1
const HEADER_BYTES = 8
/** What runtimes take at once. */
const MAX_DATA = 32 * 1024

export interface SpdyStream {
  /** Resolves when there is room for more. */
  write(data: Uint8Array): Promise<void>
  /** No more will be written. */
  end(): void
}

export interface StreamEvents {
  readonly data?: (bytes: Buffer) => void | Promise<void>
  /** The other side writes no more, or has thrown the stream away. */
  readonly end?: (wasReset: boolean) => void
}

export interface SpdySession {
  open(headers: Readonly<Record<string, string>>, events: StreamEvents): SpdyStream
  close(): void
  /** Resolves when the connection has ended. */
  readonly closed: Promise<void>
}

/** Speaks over a connection that has just been upgraded; `head`: bytes that came with the answer. */
export function openSpdySession(socket: Duplex, head: Buffer): SpdySession {
  const streams = new Map<number, StreamEvents>()
  const encodeHeaders = makeHeaderEncoder()
  let nextId = 1
  let pending: Buffer = head
  const send = (frame: Buffer): Promise<void> => new Promise((resolve) => {
    if (socket.destroyed || socket.write(frame)) return resolve()
    const go = (): void => { socket.off('drain', go).off('close', go); resolve() }
    socket.once('drain', go).once('close', go)
  })
  const ended = (id: number, wasReset: boolean): void => {
    const events = streams.get(id)
    streams.delete(id)
    events?.end?.(wasReset)
  }
  const control = (type: number, payload: Buffer): void => {
    if (type === PING && (payload.readUInt32BE(0) & 1) === 0) void send(controlFrame(PING, 0, payload))
    if (type === RST_STREAM) ended(payload.readUInt32BE(0) & 0x7fffffff, true)
    if (type === GOAWAY && streams.size === 0) socket.end()
  }
  /** Takes whole frames off what has come; data is handed over one frame after the other. */
  const read = async (): Promise<void> => {
    while (pending.length >= HEADER_BYTES) {
      const length = pending.readUInt32BE(4) & 0xffffff
      if (pending.length < HEADER_BYTES + length) return
      const [word, flags] = [pending.readUInt32BE(0), pending[4]!]
      const payload = pending.subarray(HEADER_BYTES, HEADER_BYTES + length)
      pending = pending.subarray(HEADER_BYTES + length)
      if (word & 0x80000000) {
        control(word & 0xffff, payload)
        // an answer to our stream may close it at once
        if ((word & 0xffff) === 2 && flags & FIN) ended(payload.readUInt32BE(0) & 0x7fffffff, false)
        continue
      }
      if (length > 0) await streams.get(word)?.data?.(payload)
      if (flags & FIN) ended(word, false)
    }
  }
  const closed = (async () => {
    try {
      await read()
      for await (const chunk of socket) {
        pending = pending.length === 0 ? chunk as Buffer : Buffer.concat([pending, chunk as Buffer])
        await read()
      }
    } catch {
      // a connection that breaks is one that ends: what is missing then is for the streams to notice
    }
    for (const id of [...streams.keys()]) ended(id, true)
  })()
  return {
    closed,
    open(headers, events) {
      const id = nextId
      nextId += 2
      streams.set(id, events)
      const block = encodeHeaders(headers)
      const prefix = Buffer.alloc(10)
      prefix.writeUInt32BE(id, 0)
      void send(controlFrame(SYN_STREAM, 0, Buffer.concat([prefix, block])))
      return {
        async write(data) {
          for (let at = 0; at < data.length; at += MAX_DATA) await send(dataFrame(id, 0, data.subarray(at, at + MAX_DATA)))
        },
        end: () => void send(dataFrame(id, FIN, Buffer.alloc(0))),
      }
    },
    close: () => { socket.end() },
  }
}

function controlFrame(type: number, flags: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt16BE(VERSION, 0)
  header.writeUInt16BE(type, 2)
  header.writeUInt32BE(payload.length, 4)
  header[4] = flags
  return Buffer.concat([header, payload])
}

function dataFrame(id: number, flags: number, data: Uint8Array): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt32BE(id, 0)
  header.writeUInt32BE(data.length, 4)
  header[4] = flags
  return Buffer.concat([header, data])
}

/**
 * Header blocks are one zlib stream for the whole connection. Ours holds stored blocks only, each followed by an empty
 * one that flushes it, and names no dictionary: valid for every reader, and no compressor is needed.
 */
function makeHeaderEncoder(): (headers: Readonly<Record<string, string>>) => Buffer {
  let start = Buffer.from([0x78, 0x01])
  const flush = Buffer.from([0, 0, 0, 0xff, 0xff])
  return (headers) => {
    const pairs = Object.entries(headers).flatMap(([name, value]) => [text(name.toLowerCase()), text(value)])
    const block = Buffer.concat([uint32(pairs.length / 2), ...pairs])
    if (block.length > 0xffff) throw new Failure('invalid', 'headers of a stream are too long')
    const stored = Buffer.alloc(5)
    stored.writeUInt16LE(block.length, 1)
    stored.writeUInt16LE(~block.length & 0xffff, 3)
    const bytes = Buffer.concat([start, stored, block, flush])
    start = Buffer.alloc(0)
    return bytes
  }
}

const uint32 = (value: number): Buffer => { const bytes = Buffer.alloc(4); bytes.writeUInt32BE(value); return bytes }
const text = (value: string): Buffer => { const bytes = Buffer.from(value); return Buffer.concat([uint32(bytes.length), bytes]) }
