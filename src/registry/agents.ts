// Connections: plain, TLS, and TLS through a proxy's CONNECT.
import { Agent, request as httpRequest } from 'node:http'
import type { Socket } from 'node:net'
import { portOf } from './proxy.ts'
import { DeadlineError, proxyAuthorization, type TlsSettings } from './transport.ts'
import type { Timings } from './timings.ts'

export interface AgentSetup {
  readonly url: URL
  readonly tls: TlsSettings
  readonly proxy: URL | undefined
  readonly timings: Timings
}

const KEEP = { keepAlive: true, keepAliveMsecs: 30_000, maxFreeSockets: 16 }

export async function makeAgent({ url, tls, proxy, timings }: AgentSetup): Promise<Agent> {
  if (url.protocol === 'http:' && proxy?.protocol !== 'https:') return new Agent(KEEP)
  const https = await import('node:https')
  const options = { ...KEEP, ...(await tlsOptions(tls)) }
  if (url.protocol === 'http:') return new https.Agent(KEEP)
  if (proxy === undefined) return new https.Agent(options)
  const { connect } = await import('node:tls')
  const agent = new https.Agent(options)
  // Node calls this for each new connection; the callback form is its documented asynchronous variant.
  agent.createConnection = ((target: { host: string; port: number; servername?: string }, done: (error: Error | null, socket?: Socket) => void) => {
    const open = async (): Promise<Socket> => {
      const socket = await tunnel({ proxy, host: target.host, port: target.port, timings })
      return connect({ ...options, socket, ...(target.servername && { servername: target.servername }) })
    }
    open().then((socket) => done(null, socket), (error: Error) => done(error))
    return undefined
  }) as typeof agent.createConnection
  return agent
}

async function tlsOptions({ verify, ca, cert, key }: TlsSettings): Promise<object> {
  // Certificates of certs.d are trusted beside the system's, not instead of them.
  const roots = ca === undefined ? undefined : [...(await import('node:tls')).getCACertificates('default'), ...ca]
  return { rejectUnauthorized: verify, ...(roots && { ca: roots }), ...(cert && key && { cert, key }) }
}

interface Tunnel {
  readonly proxy: URL
  readonly host: string
  readonly port: number
  readonly timings: Timings
}

async function tunnel({ proxy, host, port, timings }: Tunnel): Promise<Socket> {
  const request = proxy.protocol === 'https:' ? (await import('node:https')).request : httpRequest
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const asked = request({
    method: 'CONNECT', host: proxy.hostname.replace(/^\[|\]$/g, ''), port: portOf(proxy), path: authority, agent: false,
    headers: { host: authority, ...proxyAuthorization(proxy) },
  })
  const timer = setTimeout(() => asked.destroy(new DeadlineError(`no connection through the proxy within ${timings.connectMs / 1000} s`)), timings.connectMs)
  asked.on('connect', (reply, socket) => {
    clearTimeout(timer)
    if (reply.statusCode === 200) return resolve(socket as Socket)
    socket.destroy()
    reject(Object.assign(new Error(`the proxy ${proxy.host} refused to connect to ${authority} (HTTP ${reply.statusCode})`), { code: 'EPROXY' }))
  })
  asked.on('error', (error) => { clearTimeout(timer); reject(error) })
  asked.end()
  return promise
}
