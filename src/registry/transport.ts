// One HTTP request and its reply, over kept-alive connections. Knows nothing of registries: no retries, redirects or
// credentials. A TLS context costs tens of milliseconds, so https is loaded and its agents are made on first use.
import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { bareHost, isSocks, portOf, type ProxyFor } from './proxy.ts'
import { ofProxy } from './proxy-error.ts'
import type { Timings } from './timings.ts'

export interface TlsSettings {
  readonly verify: boolean
  /** PEM: authorities beside the system's. */
  readonly ca?: readonly string[]
  /** PEM: certificates of ours, and in the same order their keys. */
  readonly cert?: readonly string[]
  readonly key?: readonly string[]
}

export type RequestHeaders = Readonly<Record<string, string | readonly string[]>>

export interface Exchange {
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly url: URL
  readonly headers: RequestHeaders
  readonly body?: string
  readonly tls: TlsSettings
  /** Instead of the usual one. */
  readonly connectMs?: number | undefined
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

export interface TransportSetup {
  readonly proxyFor: ProxyFor
  readonly timings: Timings
  /** PEM of those that are trusted everywhere, undefined: Node's own. Read once, when TLS is first verified. */
  readonly authorities: () => Promise<readonly string[] | undefined>
}

export function makeTransport({ proxyFor, timings, ...setup }: TransportSetup): Transport {
  let known: ReturnType<TransportSetup['authorities']> | undefined
  const authorities = () => (known ??= setup.authorities())
  const agents = new Map<string, Promise<Agent>>()
  const agentFor = ({ url, tls, connectMs = timings.connectMs }: Exchange, proxy: URL | undefined): Promise<Agent> => {
    const key = JSON.stringify([url.protocol, proxy?.href, url.protocol === 'https:' && tls, connectMs])
    const known = agents.get(key) ?? import('./agents.ts').then(({ makeAgent }) => makeAgent({ url, tls, proxy, connectMs, authorities }))
    agents.set(key, known)
    return known
  }
  return {
    async send(exchange) {
      exchange.signal?.throwIfAborted()
      const proxy = proxyFor(exchange.url)
      const agent = await agentFor(exchange, proxy)
      const plainProxy = exchange.url.protocol === 'http:' && proxy !== undefined && !isSocks(proxy) ? proxy : undefined
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
  const { url, method, headers, body, signal, connectMs = timings.connectMs } = exchange
  const { request } = (plainProxy ?? url).protocol === 'https:' ? await import('node:https') : await import('node:http')
  const target = plainProxy
    ? { ...place(plainProxy), path: `http://${url.host}${url.pathname}${url.search}`, headers: { ...headers, host: url.host, ...(await import('./agents.ts')).proxyAuthorization(plainProxy) } }
    : { ...place(url), path: url.pathname + url.search, headers: { host: url.host, ...headers } }
  const { promise, resolve, reject } = Promise.withResolvers<Reply>()
  const sent = request({ ...target, headers: target.headers as OutgoingHttpHeaders, method, agent, ...(signal && { signal }) })
  const stop = watch(sent, { ...timings, connectMs })
  sent.on('response', (message) => {
    stop()
    // Errors reach whoever reads the body; one that is dropped unread must not end the program.
    message.on('error', () => {})
    resolve({ status: message.statusCode ?? 0, headers: message.headers, body: message, url })
  })
  sent.on('error', (error: NodeJS.ErrnoException) => {
    const wasConnected = stop()
    if (sent.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) stale.add(error)
    reject(plainProxy && !wasConnected ? ofProxy(error, plainProxy) : error)
  })
  sent.end(body)
  return promise
}

const place = (url: URL) => ({ protocol: url.protocol, host: bareHost(url.hostname), port: portOf(url) })

/** Destroys the request when the connection or the headers take too long. Returns what stops the watch and says whether there was a connection. */
function watch(sent: ClientRequest, { connectMs, headerMs }: Pick<Timings, 'connectMs' | 'headerMs'>): () => boolean {
  const expire = (what: string, ms: number) => setTimeout(() => sent.destroy(new DeadlineError(`${what} within ${ms / 1000} s`)), ms)
  let timer = expire('no connection', connectMs)
  let isConnected = false
  const connected = (): void => {
    isConnected = true
    clearTimeout(timer)
    timer = expire('no answer', headerMs)
  }
  sent.on('socket', (socket) => {
    if (!socket.connecting) return connected()
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', connected)
  })
  return () => {
    clearTimeout(timer)
    return isConnected
  }
}
