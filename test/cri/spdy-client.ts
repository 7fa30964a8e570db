// A client of SPDY/3.1 as kubectl's, written from the protocol: opens streams, sends and gathers bytes.
import { request as httpRequest } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import { constants, createDeflate } from 'node:zlib'
import { SPDY_DICTIONARY, u32 } from '../../src/cri/server/streaming/spdy-dictionary.ts'

export interface ClientStream {
  readonly id: number
  /** All that came until its end. */
  readonly whole: Promise<Buffer>
  send(data: Buffer | string): void
  end(): void
}
export interface SpdyClient {
  readonly protocol: string
  open(headers: Readonly<Record<string, string>>): Promise<ClientStream>
  close(): void
}

/** `tls`: for an address with https. */
export async function connectSpdy(url: string, protocols: readonly string[], tls: RequestOptions = {}): Promise<SpdyClient> {
  return speakSpdy(await upgrade(url, protocols, tls))
}

/** On a connection that is there. */
export function speakSpdy({ socket, protocol, head }: Upgraded): SpdyClient {
  const streams = new Map<number, { chunks: Buffer[]; end(): void }>()
  let held = head
  const take = (chunk: Buffer): void => {
    held = Buffer.concat([held, chunk])
    while (held.length >= 8 && held.length >= 8 + held.readUIntBE(5, 3)) {
      const bytes = 8 + held.readUIntBE(5, 3)
      const frame = held.subarray(0, bytes)
      held = held.subarray(bytes)
      const isData = (frame[0]! & 0x80) === 0
      const id = (isData ? frame.readUInt32BE(0) : frame.readUInt32BE(8)) & 0x7fffffff
      if (isData) streams.get(id)?.chunks.push(Buffer.from(frame.subarray(8)))
      if ((isData && frame[4]! & 1) || (!isData && frame.readUInt16BE(2) === 3)) streams.get(id)?.end()
    }
  }
  if (held.length) take(Buffer.alloc(0))
  socket.on('data', take)
  socket.on('close', () => { for (const stream of streams.values()) stream.end() })
  const deflate = createDeflate({ dictionary: SPDY_DICTIONARY, flush: constants.Z_SYNC_FLUSH })
  const packed: Buffer[] = []
  deflate.on('data', (chunk: Buffer) => packed.push(chunk))
  const pack = (block: Buffer): Promise<Buffer> => new Promise((resolve) => deflate.write(block, () => setImmediate(() => resolve(Buffer.concat(packed.splice(0))))))
  let next = 1
  return {
    protocol, close: () => socket.destroy(),
    open: async (headers) => {
      const id = next
      next += 2
      const names = Object.entries(headers)
      const block = Buffer.concat([u32(names.length), ...names.flatMap((pair) => pair.flatMap((word) => [u32(word.length), Buffer.from(word)]))])
      const body = Buffer.concat([u32(id, 0), Buffer.from([0, 0]), await pack(block)])
      const whole = new Promise<Buffer>((resolve) => {
        const chunks: Buffer[] = []
        streams.set(id, { chunks, end: () => resolve(Buffer.concat(chunks)) })
      })
      socket.write(Buffer.concat([Buffer.from([0x80, 3, 0, 1]), u32(body.length), body]))
      const data = (bytes: Buffer, flags: number): void => {
        const head = u32(id, bytes.length)
        head[4] = flags
        socket.write(Buffer.concat([head, bytes]))
      }
      return { id, whole, send: (bytes) => data(Buffer.from(bytes), 0), end: () => data(Buffer.alloc(0), 1) }
    },
  }
}

export interface Upgraded { readonly socket: Duplex; readonly protocol: string; readonly head: Buffer }

const upgrade = (url: string, protocols: readonly string[], tls: RequestOptions): Promise<Upgraded> => new Promise((resolve, reject) => {
  const request = (url.startsWith('https:') ? httpsRequest : httpRequest)(url, { ...tls, method: 'POST', headers: { Connection: 'Upgrade', Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': [...protocols] } })
  request.on('upgrade', (response, socket, head) => resolve({ socket, protocol: String(response.headers['x-stream-protocol-version']), head }))
  request.on('response', (response) => reject(Object.assign(new Error(`answered ${response.statusCode}`), { status: response.statusCode })))
  request.on('error', reject)
  request.end()
})
