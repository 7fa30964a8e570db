// Connections to ports of this machine, carried into a pod.
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { Failure } from '../../errors.ts'
import { openSpdySession, type SpdySession, type SpdyStream } from './spdy.ts'
import { streamingUrl, tlsOptions, upgradeToSpdy, type TlsFiles } from './upgrade.ts'

export interface PortPair { readonly local: number; readonly remote: number }

/** `8080:80`, `80`, `:80` (any free port here). @throws Failure invalid */
export function parsePortPair(text: string): PortPair {
  const match = /^(?:(\d{0,5}):)?(\d{1,5})$/.exec(text)
  const remote = Number(match?.[2])
  const local = match?.[1] === undefined ? remote : Number(match[1] || 0)
  if (!match || remote < 1 || remote > 65535 || local > 65535) throw new Failure('invalid', `"${text}" is no pair of ports`, { hint: 'give [LOCAL:]REMOTE' })
  return { local, remote }
}

export interface Forwarding {
  /** Asks the runtime for a connection to ports of the pod. */
  readonly urlFor: (ports: readonly number[]) => Promise<string>
  readonly transport: 'spdy' | 'websocket'
  readonly pairs: readonly PortPair[]
  readonly tls?: TlsFiles | undefined
  readonly signal: AbortSignal
  readonly note: (line: string) => void
  /** What went wrong with one connection; the others go on. */
  readonly complain: (line: string) => void
}

/** How one connection is carried. */
type Carry = (socket: Socket, remote: number) => Promise<void>

const ADDRESSES = ['127.0.0.1', '::1']

/** Listens until the signal, or until the pod's side ends. @throws Failure */
export async function forwardPorts({ pairs, note, complain, signal, urlFor, tls, transport }: Forwarding): Promise<void> {
  // at once in either way, so that a pod that is not there is told before anything listens
  const url = await urlFor(pairs.map(({ remote }) => remote))
  const { carry, closed, close } = transport === 'websocket' ? overWebSocket({ urlFor, tls, signal }) : await overSpdy({ url, tls, signal })
  const servers: Server[] = []
  try {
    for (const { local, remote } of pairs) servers.push(...await listen(local, { remote, note, complain, carry }))
    await Promise.race([closed, new Promise<void>((resolve) => { if (signal.aborted) resolve(); signal.addEventListener('abort', () => resolve(), { once: true }) })])
    if (!signal.aborted) throw new Failure('unavailable', 'the runtime closed the connection of the forwarded ports')
  } finally {
    for (const server of servers) server.close()
    close()
  }
}

interface Listening extends Pick<Forwarding, 'note' | 'complain'> { readonly remote: number; readonly carry: Carry }

async function listen(local: number, { remote, note, complain, carry }: Listening): Promise<Server[]> {
  const servers: Server[] = []
  let port = local
  for (const host of ADDRESSES) {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      note(`Handling connection for ${port}`)
      socket.on('error', () => socket.destroy())
      carry(socket, remote).catch((error: unknown) => { complain(`port ${port}: ${error instanceof Error ? error.message : String(error)}`); socket.destroy() })
    })
    try {
      server.listen(port, host)
      await once(server, 'listening')
    } catch (error) {
      // a machine may have no IPv6
      if (host !== ADDRESSES[0]) continue
      throw new Failure('inUse', `cannot listen on port ${port}: ${(error as NodeJS.ErrnoException).code}`, { cause: error })
    }
    port = (server.address() as { port: number }).port
    note(`Forwarding from ${host.includes(':') ? `[${host}]` : host}:${port} -> ${remote}`)
    servers.push(server)
  }
  return servers
}

interface Carrier { readonly carry: Carry; readonly closed: Promise<void>; readonly close: () => void }

interface Way { readonly tls: TlsFiles | undefined; readonly signal: AbortSignal }

async function overSpdy({ url, tls, signal }: Way & { readonly url: string }): Promise<Carrier> {
  const { socket, head } = await upgradeToSpdy({ url, protocols: ['portforward.k8s.io'], ...(tls ? { tls } : {}), signal })
  const session = openSpdySession(socket, head)
  let requests = 0
  return { closed: session.closed, close: () => { session.close(); socket.destroy() }, carry: (local, remote) => carryOverSpdy(session, { local, remote, request: requests++ }) }
}

interface Carried { readonly local: Socket; readonly remote: number; readonly request: number }

async function carryOverSpdy(session: SpdySession, { local, remote, request }: Carried): Promise<void> {
  const headers = { port: String(remote), requestid: String(request) }
  const said: Buffer[] = []
  const failed = new Promise<void>((resolve) => {
    const error = session.open({ ...headers, streamtype: 'error' }, { data: (bytes) => { said.push(Buffer.from(bytes)) }, end: () => resolve() })
    error.end()
  })
  let data!: SpdyStream
  const received = new Promise<void>((resolve) => {
    data = session.open({ ...headers, streamtype: 'data' }, { data: (bytes) => writeTo(local, bytes), end: () => { local.end(); resolve() } })
  })
  const sent = (async () => {
    for await (const chunk of local) await data.write(chunk as Buffer)
    data.end()
  })().catch(() => data.end())
  await Promise.all([received, failed])
  if (said.length > 0) throw new Failure('unavailable', Buffer.concat(said).toString('utf8').trim())
  local.destroySoon()
  await sent
}

async function writeTo(socket: Socket, bytes: Buffer): Promise<void> {
  if (socket.destroyed || socket.write(bytes)) return
  await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {})
}

/** One WebSocket, and one address of the runtime, for each connection: its channels cannot be told apart otherwise. */
function overWebSocket({ urlFor, tls, signal }: Way & Pick<Forwarding, 'urlFor'>): Carrier {
  const closed = new Promise<void>(() => {})
  const carry: Carry = async (local, remote) => {
    const [{ WebSocket }, text] = await Promise.all([import('ws'), urlFor([remote])])
    const url = streamingUrl(text)
    const socket = new WebSocket(`${url.href.replace(/^http/, 'ws')}${url.search ? '&' : '?'}port=${remote}`, ['v4.channel.k8s.io'], url.protocol === 'https:' ? await tlsOptions(tls) : {})
    socket.binaryType = 'nodebuffer'
    signal.addEventListener('abort', () => socket.terminate(), { once: true })
    const greeted = new Set<number>()
    const said: Buffer[] = []
    socket.on('message', (message: Buffer) => {
      const channel = message[0] ?? 0
      // each channel begins with the port's number
      const bytes = greeted.has(channel) ? message.subarray(1) : message.subarray(3)
      greeted.add(channel)
      if (bytes.length === 0) return
      if (channel === 0) void writeTo(local, bytes)
      else said.push(bytes)
    })
    await once(socket, 'open')
    void (async () => { for await (const chunk of local) socket.send(Buffer.concat([Buffer.from([0]), chunk as Buffer])) })().catch(() => {})
    await once(socket, 'close')
    local.end()
    if (said.length > 0) throw new Failure('unavailable', Buffer.concat(said).toString('utf8').trim())
  }
  return { carry, closed, close: () => {} }
}
