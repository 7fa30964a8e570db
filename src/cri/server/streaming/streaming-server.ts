// Where clients connect after Exec, Attach and PortForward gave them an address: HTTP, or HTTPS with a certificate, each address
// good for one connection, which is upgraded to SPDY/3.1 or WebSocket.
import { createServer, type IncomingMessage, type RequestListener, type Server as HttpServer } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { Failure } from '../../../errors.ts'
import { log } from '../../../log.ts'
import type { Server } from '../server.ts'
import { PORT_FORWARD_PROTOCOL, portForwardOverSpdy, type PortForwardRequest } from './port-forward.ts'
import type { CommandRequest } from './remote-command.ts'
import { COMMAND_PROTOCOLS, commandOverSpdy } from './spdy-command.ts'
import type { StreamTls } from './tls.ts'
import { makeTokens } from './tokens.ts'

export type StreamRequest = CommandRequest | PortForwardRequest

export interface Streaming {
  /** The address for a client to connect to. */
  url(request: StreamRequest): string
  /** Reads the certificates anew; what it returns has connections to come use them. @throws invalid */
  renewal(): Promise<() => void>
  close(): void
}

export interface StreamingOptions { readonly address: string; readonly port: number; readonly tls?: StreamTls }

/** @throws unavailable, invalid */
export async function openStreaming(server: () => Server, { address, port, tls }: StreamingOptions): Promise<Streaming> {
  const tokens = makeTokens<StreamRequest>()
  const http = await serverFor(tls, (_request, response) => {
    response.writeHead(400, { 'content-type': 'text/plain' }).end('this address is for upgraded connections\n')
  })
  http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => undefined)
    const [, kind, token] = /^\/(exec|attach|portforward)\/([\w-]+)/.exec(request.url ?? '') ?? []
    const wanted = token === undefined ? undefined : tokens.take(token)
    if (!wanted || wanted.kind !== kind) return refuse(socket, 404, 'no such request')
    if (head.length > 0) socket.unshift(head)
    take(server(), { request, socket, wanted }).catch((error: unknown) => {
      log.error(`${kind}: ${error instanceof Error ? error.stack : error}`)
      socket.destroy()
    })
  })
  await new Promise<void>((resolve, reject) => http.once('error', (error) =>
    reject(new Failure('unavailable', `cannot listen on ${address}, port ${port}, for exec, attach and port-forward: ${error.message}`, { cause: error }))).listen(port, address, () => resolve()))
  const { port: chosen } = http.address() as AddressInfo
  return {
    url: (request) => `${tls ? 'https' : 'http'}://${address.includes(':') ? `[${address}]` : address}:${chosen}/${request.kind}/${tokens.issue(request)}`,
    renewal: async () => {
      const context = tls && (await import('./tls.ts')).readStreamTls(tls)
      return () => { if (context) (http as HttpsServer).setSecureContext(context) }
    },
    close: () => {
      http.close()
      http.closeAllConnections()
    },
  }
}

/** A TLS context costs its time and memory only where it is asked for. */
async function serverFor(tls: StreamTls | undefined, answer: RequestListener): Promise<HttpServer> {
  if (!tls) return createServer(answer)
  const { createServer: createTlsServer } = await import('node:https')
  const { readStreamTls } = await import('./tls.ts')
  return createTlsServer(readStreamTls(tls), answer)
}

interface Upgrade { readonly request: IncomingMessage; readonly socket: Duplex; readonly wanted: StreamRequest }

async function take(server: Server, { request, socket, wanted }: Upgrade): Promise<void> {
  const to = (request.headers.upgrade ?? '').toLowerCase()
  if (to === 'websocket') return takeWebSocket(server, { request, socket, wanted })
  if (to !== 'spdy/3.1') return refuse(socket, 400, 'upgrade to SPDY/3.1 or websocket')
  const offered = String(request.headers['x-stream-protocol-version'] ?? '').split(',').map((text) => text.trim()).filter(Boolean)
  const known: readonly string[] = wanted.kind === 'portforward' ? [PORT_FORWARD_PROTOCOL] : COMMAND_PROTOCOLS
  const protocol = offered.length === 0 ? known.at(-1)! : offered.find((each) => known.includes(each))
  if (protocol === undefined) return refuse(socket, 403, `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(' ')}], server accepts [${known.join(' ')}]`, known)
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`)
  if (wanted.kind === 'portforward') return portForwardOverSpdy(server, socket, wanted)
  return commandOverSpdy(server, socket, { request: wanted, protocol: protocol as (typeof COMMAND_PROTOCOLS)[number] })
}

const TUNNEL_PROTOCOL = `SPDY/3.1+${PORT_FORWARD_PROTOCOL}`

async function takeWebSocket(server: Server, { request, socket, wanted }: Upgrade): Promise<void> {
  const { WebSocketServer, createWebSocketStream } = await import('ws')
  const { WEBSOCKET_PROTOCOLS, commandOverWebSocket, portForwardOverWebSocket } = await import('./websocket.ts')
  const known: readonly string[] = wanted.kind === 'portforward' ? [TUNNEL_PROTOCOL, ...WEBSOCKET_PROTOCOLS.slice(1)] : WEBSOCKET_PROTOCOLS
  const offered = String(request.headers['sec-websocket-protocol'] ?? '').split(',').map((text) => text.trim()).filter(Boolean)
  const chosen = offered.find((each) => known.includes(each))
  if (offered.length > 0 && chosen === undefined) return refuse(socket, 403, `none of the protocols [${offered.join(' ')}] is known`, known)
  const upgrader = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 32 << 20 })
  // Its slash makes the tunnel's name none that RFC 6455 allows: the library is told nothing of it.
  const answered = chosen === TUNNEL_PROTOCOL ? undefined : chosen
  if (answered === undefined) delete request.headers['sec-websocket-protocol']
  else request.headers['sec-websocket-protocol'] = answered
  if (chosen === TUNNEL_PROTOCOL) upgrader.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${chosen}`))
  const connection = await new Promise<import('ws').WebSocket>((resolve) => upgrader.handleUpgrade(request, socket, Buffer.alloc(0), resolve))
  connection.on('error', () => undefined) // 'close' follows
  if (wanted.kind !== 'portforward') return commandOverWebSocket(server, connection, wanted)
  if (chosen === TUNNEL_PROTOCOL) return portForwardOverSpdy(server, createWebSocketStream(connection), wanted)
  return portForwardOverWebSocket(server, connection, wanted)
}

function refuse(socket: Duplex, code: number, why: string, accepted: readonly string[] = []): void {
  const names: Readonly<Record<number, string>> = { 400: 'Bad Request', 403: 'Forbidden', 404: 'Not Found' }
  const body = `${why}\n`
  socket.end([`HTTP/1.1 ${code} ${names[code]}`, 'Connection: close', 'Content-Type: text/plain', `Content-Length: ${Buffer.byteLength(body)}`,
    ...accepted.map((protocol) => `X-Accepted-Stream-Protocol-Versions: ${protocol}`), '', body].join('\r\n'))
}
