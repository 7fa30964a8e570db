// Connections: plain, TLS, and either through a proxy (HTTP's CONNECT, or SOCKS).
import { Agent, request as httpRequest, type AgentOptions } from 'node:http'
import { isIP, type Socket } from 'node:net'
import { bareHost, isSocks, portOf, proxyCredentials } from './proxy.ts'
import { ofProxy, proxyError } from './proxy-error.ts'
import { DeadlineError, type TlsSettings } from './transport.ts'

export interface AgentSetup {
  readonly url: URL
  readonly tls: TlsSettings
  readonly proxy: URL | undefined
  readonly connectMs: number
  /** PEM of those that are trusted everywhere; undefined: Node's own. */
  readonly authorities: () => Promise<readonly string[] | undefined>
  /** A connection that nobody has used for so long is closed; default 30 s. */
  readonly idleMs?: number
}

const IDLE_MS = 30_000

export async function makeAgent({ url, tls, proxy, connectMs, authorities, idleMs = IDLE_MS }: AgentSetup): Promise<Agent> {
  const keep: AgentOptions = { keepAlive: true, keepAliveMsecs: 30_000, maxFreeSockets: 16, timeout: idleMs }
  const plain = url.protocol === 'http:'
  const socks = proxy !== undefined && isSocks(proxy)
  if (plain && socks) return connectingBy(new Agent(keep), (target) => openTunnel({ proxy, connectMs, authorities, ...target }))
  if (plain && proxy?.protocol !== 'https:') return new Agent(keep)
  const https = await import('node:https')
  if (plain) return new https.Agent({ ...keep, ...(await proxyTls(proxy!, authorities)) })
  const options = { ...keep, ...(await tlsOptions(tls, authorities)) }
  if (proxy === undefined) return new https.Agent(options)
  const { connect } = await import('node:tls')
  return connectingBy(new https.Agent(options), async (target) =>
    connect({ ...options, socket: await openTunnel({ proxy, connectMs, authorities, ...target }), ...(target.servername && { servername: target.servername }) }))
}

interface Target { readonly host: string; readonly port: number; readonly servername?: string }

/** Node calls `createConnection` for each new connection; the callback form is its documented asynchronous variant. */
function connectingBy<A extends Agent>(agent: A, open: (target: Target) => Promise<Socket>): A {
  agent.createConnection = ((target: Target, done: (error: Error | null, socket?: Socket) => void) => {
    open(target).then((socket) => done(null, socket), (error: Error) => done(error))
    return undefined
  }) as typeof agent.createConnection
  return agent
}

/** Node would take the name of the registry, from the Host header. */
const proxyTls = async ({ hostname }: URL, authorities: AgentSetup['authorities']): Promise<object> =>
  ({ ...(await tlsOptions({ verify: true }, authorities)), servername: isIP(bareHost(hostname)) === 0 ? bareHost(hostname) : '' })

async function tlsOptions({ verify, ca, cert, key }: TlsSettings, authorities: AgentSetup['authorities']): Promise<object> {
  const { createSecureContext, getCACertificates } = await import('node:tls')
  const system = verify ? await authorities() : undefined
  // Certificates of certs.d are trusted beside the system's, not instead of them.
  const roots = system ? [...system, ...getCACertificates('extra'), ...(ca ?? [])] : ca && [...getCACertificates('default'), ...ca]
  // Node would take in all of them anew for each connection.
  return { rejectUnauthorized: verify, secureContext: createSecureContext({ ...(roots && { ca: roots }), ...(cert && key && { cert: [...cert], key: [...key] }) }) }
}

interface Tunnel extends Target, Pick<AgentSetup, 'authorities'> {
  readonly proxy: URL
  readonly connectMs: number
}

async function openTunnel(tunnel: Tunnel): Promise<Socket> {
  const { proxy } = tunnel
  try {
    if (!isSocks(proxy)) return await connectMethod(tunnel)
    return await (await import('./socks.ts')).connectThroughSocks(tunnel)
  } catch (error) {
    throw ofProxy(error as Error, proxy)
  }
}

async function connectMethod({ proxy, host, port, connectMs, authorities }: Tunnel): Promise<Socket> {
  const tls = proxy.protocol === 'https:' ? await proxyTls(proxy, authorities) : undefined
  const request = tls ? (await import('node:https')).request : httpRequest
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const asked = request({
    method: 'CONNECT', host: bareHost(proxy.hostname), port: portOf(proxy), path: authority, agent: false, ...tls,
    headers: { host: authority, ...proxyAuthorization(proxy) },
  })
  const timer = setTimeout(() => asked.destroy(new DeadlineError(`no connection through the proxy within ${connectMs / 1000} s`)), connectMs)
  asked.on('connect', (reply, socket) => {
    clearTimeout(timer)
    if (reply.statusCode === 200) return resolve(socket as Socket)
    socket.destroy()
    reject(proxyError(proxy, `refused to connect to ${authority} (HTTP ${reply.statusCode})`))
  })
  // A proxy that answers otherwise, instead of opening a tunnel.
  asked.on('response', (reply) => {
    clearTimeout(timer)
    reply.destroy()
    reject(proxyError(proxy, `refused to connect to ${authority} (HTTP ${reply.statusCode})`))
  })
  asked.on('error', (error) => { clearTimeout(timer); reject(error) })
  asked.end()
  return promise
}

export function proxyAuthorization(proxy: URL): Record<string, string> {
  const credentials = proxyCredentials(proxy)
  if (credentials === undefined) return {}
  return { 'proxy-authorization': `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}` }
}
