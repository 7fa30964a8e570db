// Ports of a pod over one connection: pairs of streams, one for the bytes and one for what went wrong.
import type { Duplex, Writable } from 'node:stream'
import { connectPod } from '../../../engine/connect-pod.ts'
import type { Server } from '../server.ts'
import { SpdyConnection, type SpdyStream } from './spdy-connection.ts'

export interface PortForwardRequest { readonly kind: 'portforward'; readonly podId: string; readonly ports: readonly number[] }

export const PORT_FORWARD_PROTOCOL = 'portforward.k8s.io'
const PAIR_MS = 30_000
const IDLE_MS = 4 * 3600 * 1000

export async function portForwardOverSpdy(server: Server, socket: Duplex, { podId }: PortForwardRequest): Promise<void> {
  const connection = new SpdyConnection(socket)
  const pairs = new Map<string, { data?: SpdyStream; error?: SpdyStream; timer: NodeJS.Timeout }>()
  let idle = setTimeout(() => connection.destroy(), IDLE_MS)
  connection.on('stream', (stream) => {
    clearTimeout(idle)
    idle = setTimeout(() => connection.destroy(), IDLE_MS)
    const { streamtype, port = '', requestid = port } = stream.headers
    if ((streamtype !== 'data' && streamtype !== 'error') || !isPort(port)) return void stream.destroy()
    const pair = pairs.get(requestid) ?? { timer: setTimeout(() => pairs.delete(requestid), PAIR_MS) }
    pair[streamtype] = stream
    pairs.set(requestid, pair)
    if (!pair.data || !pair.error) return
    clearTimeout(pair.timer)
    pairs.delete(requestid)
    void forward(server, { podId, port: Number(port), data: pair.data, error: pair.error })
  })
  await new Promise<void>((resolve) => connection.once('close', resolve))
  clearTimeout(idle)
  for (const { timer } of pairs.values()) clearTimeout(timer)
}

const isPort = (text: string): boolean => /^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) < 65_536

export interface Forward { readonly podId: string; readonly port: number; readonly data: Duplex; readonly error: Writable }

/** Until both sides have said their last, or one is gone. */
export async function forward({ engine }: Pick<Server, 'engine'>, { podId, port, data, error }: Forward): Promise<void> {
  try {
    const target = await connectPod(engine, podId, port)
    if (data.destroyed) return void target.destroy() // it went while we connected
    data.once('close', () => target.destroy())
    await Promise.all([piped(data, target), piped(target, data)]).finally(() => target.destroy())
    error.end()
  } catch (failure) {
    error.end(`error forwarding port ${port} to pod ${podId}: ${failure instanceof Error ? failure.message : failure}`)
    data.end()
  }
}

/** One direction; a side that breaks off takes the other with it. */
const piped = (from: Duplex, to: Duplex): Promise<void> => new Promise((resolve) => {
  from.pipe(to)
  from.once('end', resolve)
  from.once('close', () => {
    if (!from.readableEnded) to.destroy()
    resolve()
  })
  from.once('error', () => to.destroy())
})
