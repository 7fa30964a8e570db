import type { Duplex } from 'node:stream'
import { SpdyConnection, type SpdyStream } from './spdy-connection.ts'
import type { Server } from '../server.ts'
import { plainStatusText, runCommand, sizesOf, statusText, type CommandRequest } from './remote-command.ts'

/** Newest first. */
export const COMMAND_PROTOCOLS = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'] as const
export type CommandProtocol = (typeof COMMAND_PROTOCOLS)[number]

const STREAMS_MS = 30_000

/** Exec or attach on an upgraded connection, until the process or the client ends. */
export async function commandOverSpdy(server: Server, socket: Duplex, { request, protocol }: { request: CommandRequest; protocol: CommandProtocol }): Promise<void> {
  const connection = new SpdyConnection(socket)
  const gone = new AbortController()
  connection.once('close', () => gone.abort())
  const resizable = request.tty && (protocol === 'v4.channel.k8s.io' || protocol === 'v3.channel.k8s.io')
  const wanted = ['error', ...(request.stdin ? ['stdin'] : []), ...(request.stdout ? ['stdout'] : []), ...(request.stderr && !request.tty ? ['stderr'] : []), ...(resizable ? ['resize'] : [])]
  const streams = await gather(connection, wanted, gone.signal)
  if (!streams) return connection.destroy()
  const { error, stdin, stdout, stderr, resize } = streams
  stdout?.resume()
  stderr?.resume()
  const end = await runCommand(server, request, {
    signal: gone.signal,
    streams: { ...(stdin ? { stdin } : {}), ...(stdout ? { stdout } : {}), ...(stderr ? { stderr } : {}), ...(resize ? { resize: sizesOf(resize) } : {}) },
  })
  const finished = [stdout, stderr, stdin].flatMap((stream) => (stream && !stream.destroyed ? [closed(stream, '')] : []))
  const text = protocol === 'v4.channel.k8s.io' ? statusText(end) : plainStatusText(end)
  await Promise.all([...finished, closed(error!, text)])
  connection.end()
}

/** Ends when it is written, or when it can't be any more. */
const closed = (stream: SpdyStream, last: string): Promise<void> => new Promise((resolve) => {
  stream.once('close', resolve)
  stream.once('error', () => resolve())
  stream.end(last, () => resolve())
})

/** The streams by type; undefined when they don't come. */
function gather(connection: SpdyConnection, wanted: readonly string[], gone: AbortSignal): Promise<Partial<Record<string, SpdyStream>> | undefined> {
  const found: Partial<Record<string, SpdyStream>> = {}
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), STREAMS_MS)
    const done = (result: typeof found | undefined): void => {
      clearTimeout(timer)
      resolve(result)
    }
    gone.addEventListener('abort', () => done(undefined), { once: true })
    connection.on('stream', (stream) => {
      const type = stream.headers['streamtype'] ?? ''
      if (!wanted.includes(type) || found[type]) return void stream.destroy()
      found[type] = stream
      if (wanted.every((each) => found[each])) done(found)
    })
  })
}
