// What a connection sends: frames in as few writes as may be, and data as far as the client has room for it (RFC 9113, 5.2 and 6.9).
import type { Socket } from 'node:net'
import { ConnectionError, ERROR, FLAG, FRAME, FRAME_BYTES, LARGEST_WINDOW_BYTES, SETTING, WINDOW_BYTES, encodeFrame, type Settings } from '../../wire/http2/protocol.ts'
import { encodeHeaders, type Header } from '../../wire/http2/hpack.ts'

/** What one stream has to send. */
interface Queue {
  /** What the client takes of it. */
  room: number
  readonly parts: Buffer[]
  /** Called when nothing waits any more. */
  readonly drained: (() => void)[]
}

export class Sender {
  readonly #socket: Socket
  readonly #queues = new Map<number, Queue>()
  #corked = false
  /** Of the connection as a whole, as for each stream. */
  #room = WINDOW_BYTES
  /** As the client's settings say. */
  #window = WINDOW_BYTES
  #frameBytes = FRAME_BYTES

  constructor(socket: Socket) {
    this.#socket = socket
  }

  open(stream: number): void {
    this.#queues.set(stream, { room: this.#window, parts: [], drained: [] })
  }

  /** Drops what waits. */
  close(stream: number): void {
    const queue = this.#queues.get(stream)
    this.#queues.delete(stream)
    for (const go of queue?.drained ?? []) go()
  }

  headers(stream: number, headers: readonly Header[], { isLast }: { readonly isLast: boolean }): void {
    const block = encodeHeaders(headers)
    for (let at = 0; at < block.length; at += FRAME_BYTES) {
      const first = at === 0 && isLast ? FLAG.endStream : 0
      const last = at + FRAME_BYTES >= block.length ? FLAG.endHeaders : 0
      this.frame(at === 0 ? FRAME.headers : FRAME.continuation, first | last, stream, block.subarray(at, at + FRAME_BYTES))
    }
  }

  data(stream: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#queues.get(stream)?.parts.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
    this.flush()
  }

  /** Calls `go` when nothing of the stream waits any more, or it is closed: at once if so now. */
  whenDrained(stream: number, go: () => void): void {
    const queue = this.#queues.get(stream)
    if (queue && queue.parts.length > 0) queue.drained.push(go)
    else go()
  }

  /** Sends what waits, as far as the client has room: a frame of each stream in turn. */
  flush(): void {
    for (let progress = true; progress && this.#room > 0 && !this.#socket.writableNeedDrain;) {
      progress = false
      for (const [stream, queue] of [...this.#queues]) progress = this.#sendPart(stream, queue) || progress
    }
  }

  #sendPart(stream: number, queue: Queue): boolean {
    const [next] = queue.parts
    const size = Math.min(next?.length ?? 0, queue.room, this.#room, this.#frameBytes)
    if (size <= 0) return false
    queue.room -= size
    this.#room -= size
    this.frame(FRAME.data, 0, stream, next!.subarray(0, size))
    if (size < next!.length) queue.parts[0] = next!.subarray(size)
    else queue.parts.shift()
    if (queue.parts.length === 0) for (const go of queue.drained.splice(0)) go()
    return true
  }

  /** What the client says of its windows and frames. */
  obey(settings: Settings): void {
    for (const [id, value] of settings) {
      if (id === SETTING.maxFrameSize) this.#frameBytes = value
      if (id !== SETTING.initialWindowSize) continue
      for (const queue of this.#queues.values()) queue.room += value - this.#window
      this.#window = value
    }
    this.flush()
  }

  /** The client has room for `bytes` more, of all streams (0) or one. @returns false: more than a window can be. @throws ConnectionError */
  addRoom(stream: number, bytes: number): boolean {
    const isRight = (room: number): boolean => bytes > 0 && room <= LARGEST_WINDOW_BYTES
    if (stream === 0) {
      this.#room += bytes
      if (!isRight(this.#room)) throw new ConnectionError(ERROR.flowControl, 'an impossible window')
    } else {
      const queue = this.#queues.get(stream)
      if (!queue) return true
      queue.room += bytes
      if (!isRight(queue.room)) return false
    }
    this.flush()
    return true
  }

  /** What is sent in one go is one write. */
  frame(type: number, flags: number, stream: number, payload: Uint8Array): void {
    if (!this.#socket.writable) return
    if (!this.#corked) {
      this.#corked = true
      this.#socket.cork()
      process.nextTick(() => {
        this.#corked = false
        this.#socket.uncork()
      })
    }
    this.#socket.write(encodeFrame(type, flags, stream, payload))
  }
}
