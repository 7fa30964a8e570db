// One HTTP request and its reply, over kept-alive connections. Knows nothing of registries: no retries, redirects or
// credentials. A TLS context costs tens of milliseconds, so https is loaded and its agents are made on first use.
import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { portOf, type ProxyFor } from './proxy.ts'
import type { Timings } from './timings.ts'

export interface TlsSettings {
  readonly verify: boolean
  readonly ca?: readonly string[]
  readonly cert?: string
  readonly key?: string
}

export interface Exchange {
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly tls: TlsSettings
  readonly signal?: AbortSignal | undefined
}

export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** To be read to its end or destroyed, else the connection stays taken. */
  readonly body: IncomingMessage
  readonly url: URL
}

/** A deadline passed; `code` is ETIMEDOUT as the kernel's own would be. */
export class DeadlineError extends Error {
  readonly code = 'ETIMEDOUT'
}

export interface Transport {
  /** Rejects with the socket's or TLS's error, DeadlineError, or the signal's AbortError. */
  send(exchange: Exchange): Promise<Reply>
  close(): void
}

export function makeTransport({ proxyFor, timings }: { proxyFor: ProxyFor; timings: Timings }): Transport {
  const agents = new Map<string, Promise<Agent>>()
  const agentFor = (url: URL, tls: TlsSettings): Promise<Agent> => {
    const proxy = proxyFor(url)
    const key = JSON.stringify([url.protocol, proxy?.href, url.protocol === 'https:' && tls])
    const known = agents.get(key) ?? import('./agents.ts').then(({ makeAgent }) => makeAgent({ url, tls, proxy, timings }))
    agents.set(key, known)
    return known
  }
  return {
    async send(exchange) {
      exchange.signal?.throwIfAborted()
      const agent = await agentFor(exchange.url, exchange.tls)
      const plainProxy = exchange.url.protocol === 'http:' ? proxyFor(exchange.url) : undefined
      try {
        return await sendOnce({ exchange, agent, plainProxy, timings })
      } catch (error) {
        // The server closed an idle connection just as it was taken up again: not a failure of this request.
        if (!isStale(error)) throw error
        return sendOnce({ exchange, agent, plainProxy, timings })
      }
    },
    close() {
      for (const made of agents.values()) void made.then((agent) => agent.destroy(), () => {})
      agents.clear()
    },
  }
}

const stale = new WeakSet<Error>()
const isStale = (error: unknown): boolean => error instanceof Error && stale.has(error)

interface Sending {
  readonly exchange: Exchange
  readonly agent: Agent
  /** A proxy for plain HTTP takes the whole URL as the path. */
  readonly plainProxy: URL | undefined
  readonly timings: Timings
}

async function sendOnce({ exchange, agent, plainProxy, timings }: Sending): Promise<Reply> {
  const { url, method, headers, body, signal } = exchange
  const { request } = (plainProxy ?? url).protocol === 'https:' ? await import('node:https') : await import('node:http')
  const target = plainProxy
    ? { protocol: plainProxy.protocol, host: plainProxy.hostname.replace(/^\[|\]$/g, ''), port: portOf(plainProxy), path: `http://${url.host}${url.pathname}${url.search}`, headers: { ...headers, host: url.host, ...proxyAuthorization(plainProxy) } }
    : { protocol: url.protocol, host: url.hostname.replace(/^\[|\]$/g, ''), port: portOf(url), path: url.pathname + url.search, headers: { host: url.host, ...headers } }
  const { promise, resolve, reject } = Promise.withResolvers<Reply>()
  const sent = request({ ...target, method, agent, ...(signal && { signal }) })
  const stop = watch(sent, timings)
  sent.on('response', (message) => {
    stop()
    // Errors reach whoever reads the body; one that is dropped unread must not end the program.
    message.on('error', () => {})
    resolve({ status: message.statusCode ?? 0, headers: message.headers, body: message, url })
  })
  sent.on('error', (error: NodeJS.ErrnoException) => {
    stop()
    if (sent.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) stale.add(error)
    reject(error)
  })
  sent.end(body)
  return promise
}

export const proxyAuthorization = ({ username, password }: URL): Record<string, string> =>
  username === '' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}` }

/** Destroys the request when the connection or the headers take too long. Returns the way to stop watching. */
function watch(sent: ClientRequest, { connectMs, headerMs }: Timings): () => void {
  const expire = (what: string, ms: number) => setTimeout(() => sent.destroy(new DeadlineError(`${what} within ${ms / 1000} s`)), ms)
  let timer = expire('no connection', connectMs)
  const connected = (): void => {
    clearTimeout(timer)
    timer = expire('no answer', headerMs)
  }
  sent.on('socket', (socket) => {
    if (!socket.connecting) return connected()
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', connected)
  })
  return () => clearTimeout(timer)
}
