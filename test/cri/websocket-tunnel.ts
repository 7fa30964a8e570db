// A byte stream in WebSocket messages, as kubectl's port-forward opens it: its protocol's name is none that a library takes.
import { randomBytes } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { Duplex } from 'node:stream'
import type { Upgraded } from './spdy-client.ts'

const BINARY = 0x82
const MASKED = 0x80

export const openTunnel = (url: string, protocols: readonly string[]): Promise<Upgraded> => new Promise((resolve, reject) => {
  const request = httpRequest(url, {
    headers: { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': randomBytes(16).toString('base64'), 'Sec-WebSocket-Protocol': protocols.join(', ') },
  })
  request.on('upgrade', (response, socket, head) => resolve({ socket: messagesOf(socket, head), protocol: String(response.headers['sec-websocket-protocol']), head: Buffer.alloc(0) }))
  request.on('response', (response) => reject(new Error(`answered ${response.statusCode}`)))
  request.on('error', reject)
  request.end()
})

function messagesOf(socket: Duplex, head: Buffer): Duplex {
  let held = head
  const stream = new Duplex({
    read: () => undefined,
    write: (data: Buffer, _encoding, done) => socket.write(frame(data), () => done()),
    destroy: (error, done) => {
      socket.destroy()
      done(error)
    },
  })
  const take = (): void => {
    for (let whole = unframe(held); whole; whole = unframe(held)) {
      held = held.subarray(whole.bytes)
      if (whole.opcode === 1 || whole.opcode === 2 || whole.opcode === 0) stream.push(whole.data)
    }
  }
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk])
    take()
  })
  socket.on('close', () => stream.push(null))
  take()
  return stream
}

/** One message; the client's are masked, here with zeros. */
function frame(data: Buffer): Buffer {
  const length = Buffer.alloc(9)
  length[0] = MASKED | 127
  length.writeBigUInt64BE(BigInt(data.length), 1)
  return Buffer.concat([Buffer.of(BINARY), length, Buffer.alloc(4), data])
}

function unframe(held: Buffer): { opcode: number; data: Buffer; bytes: number } | undefined {
  if (held.length < 2) return undefined
  const short = held[1]! & 127
  const headBytes = short === 126 ? 4 : short === 127 ? 10 : 2
  if (held.length < headBytes) return undefined
  const length = short === 126 ? held.readUInt16BE(2) : short === 127 ? Number(held.readBigUInt64BE(2)) : short
  const bytes = headBytes + length
  return held.length < bytes ? undefined : { opcode: held[0]! & 15, data: held.subarray(headBytes, bytes), bytes }
}
