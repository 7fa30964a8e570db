// Kubernetes' channels over WebSocket: the first byte (or character, in the base64 forms) of each message is the channel.
import { Duplex, PassThrough, Writable } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Server } from '../server.ts'
import { forward, type PortForwardRequest } from './port-forward.ts'
import { parseSize, plainStatusText, runCommand, statusText, type CommandRequest } from './remote-command.ts'

/** Newest first; the empty one is what a client without a word gets. */
export const WEBSOCKET_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'v4.base64.channel.k8s.io', 'channel.k8s.io', 'base64.channel.k8s.io'] as const

const STDIN = 0
const STDOUT = 1
const STDERR = 2
const ERROR = 3
const RESIZE = 4
const CLOSE = 255
const HIGH_WATER_BYTES = 1 << 20

interface Channels {
  send(channel: number, data: Uint8Array): Promise<void>
  onMessage(take: (channel: number, data: Buffer) => void): void
}

function channelsOf(socket: WebSocket): Channels {
  const base64 = socket.protocol.includes('base64')
  return {
    send: (channel, data) => new Promise((resolve) => {
      const message = base64 ? `${channel}${Buffer.from(data).toString('base64')}` : Buffer.concat([Buffer.of(channel), data])
      socket.send(message, { binary: !base64 }, () => resolve())
    }),
    onMessage: (take) => socket.on('message', (raw: Buffer) => {
      if (raw.length === 0) return
      if (base64) take(raw[0]! - 48, Buffer.from(raw.toString('latin1', 1), 'base64'))
      else take(raw[0]!, raw.subarray(1))
    }),
  }
}

export async function commandOverWebSocket(server: Server, socket: WebSocket, request: CommandRequest): Promise<void> {
  const channels = channelsOf(socket)
  const gone = new AbortController()
  const stdin = new PassThrough({ highWaterMark: HIGH_WATER_BYTES })
  const sizes = makeQueue<{ rows: number; columns: number }>()
  socket.once('close', () => {
    gone.abort()
    stdin.end()
    sizes.end()
  })
  let over = false
  channels.onMessage((channel, data) => {
    if (over) return
    if (channel === STDIN && !stdin.writableEnded && !stdin.write(data)) {
      socket.pause()
      stdin.once('drain', () => socket.resume())
    }
    if (channel === RESIZE) sizes.push(parseSize(data.toString('latin1')))
    if (channel === CLOSE && data[0] === STDIN) stdin.end()
  })
  const output = (channel: number): Writable => new Writable({ write: (data: Buffer, _encoding, done) => void channels.send(channel, data).then(() => done()) })
  // Clients take an empty message on each stream as the sign that it is open.
  if (socket.protocol !== 'v5.channel.k8s.io') for (const channel of [...(request.stdout ? [STDOUT] : []), ...(request.stderr && !request.tty ? [STDERR] : []), ERROR]) await channels.send(channel, Buffer.alloc(0))
  const end = await runCommand(server, request, {
    signal: gone.signal,
    streams: {
      ...(request.stdin ? { stdin } : {}), ...(request.stdout ? { stdout: output(STDOUT) } : {}), ...(request.stderr && !request.tty ? { stderr: output(STDERR) } : {}),
      ...(request.tty ? { resize: sizes } : {}),
    },
  })
  // What still comes is for nobody; and while the socket rests, the answer to its close would not be heard.
  over = true
  socket.resume()
  await channels.send(ERROR, Buffer.from(/^v[45]\./.test(socket.protocol) ? statusText(end) : plainStatusText(end)))
  socket.close(1000)
}

interface Queue<T> extends AsyncIterable<T> { push(item: T | undefined): void; end(): void }

function makeQueue<T>(): Queue<T> {
  const items: T[] = []
  let wake: (() => void) | undefined
  let over = false
  return {
    push: (item) => { if (item) { items.push(item); wake?.() } },
    end: () => { over = true; wake?.() },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const item = items.shift()
        if (item) yield item
        else if (over) return
        else await new Promise<void>((resolve) => { wake = resolve })
      }
    },
  }
}

/** Two channels for each port in the order asked for: bytes and errors; each begins with the port, little-endian. */
export async function portForwardOverWebSocket(server: Server, socket: WebSocket, { podId, ports }: PortForwardRequest): Promise<void> {
  const channels = channelsOf(socket)
  const inputs = ports.map(() => new PassThrough({ highWaterMark: HIGH_WATER_BYTES }))
  channels.onMessage((channel, data) => {
    const input = inputs[channel >> 1]
    if (channel % 2 !== 0 || !input || input.writableEnded) return
    if (!input.write(data)) {
      socket.pause()
      input.once('drain', () => socket.resume())
    }
  })
  const gone = new Promise<void>((resolve) => socket.once('close', () => {
    for (const input of inputs) input.end()
    resolve()
  }))
  const sends = (channel: number): Writable => new Writable({ write: (data: Buffer, _encoding, done) => void channels.send(channel, data).then(() => done()) })
  await Promise.race([gone, Promise.all(ports.map(async (port, index) => {
    const number = Buffer.allocUnsafe(2)
    number.writeUInt16LE(port)
    await channels.send(index * 2, number)
    await channels.send(index * 2 + 1, number)
    await forward(server, { podId, port, data: Duplex.from({ readable: inputs[index]!, writable: sends(index * 2) }), error: sends(index * 2 + 1) })
  }))])
  socket.close(1000)
}
