// From the URL that a runtime answers to a connection that carries streams.
import { request as requestHttp, type RequestOptions } from 'node:http'
import type { Duplex } from 'node:stream'
import { Failure } from '../../errors.ts'

export interface TlsFiles {
  readonly serverName?: string | undefined
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

export interface Upgraded {
  readonly socket: Duplex
  readonly head: Buffer
  readonly protocol: string
}

export interface Upgrade {
  readonly url: string
  /** By preference. */
  readonly protocols: readonly string[]
  readonly tls?: TlsFiles
  readonly signal: AbortSignal
}

/** A runtime that gives no host means the kubelet's own port. */
const DEFAULT_HOST = '127.0.0.1:10250'

/** The URL with a host. @throws Failure invalid */
export function streamingUrl(text: string): URL {
  try {
    return new URL(/^https?:\/\/\//.test(text) ? text.replace('///', `//${DEFAULT_HOST}/`) : /^\/\/[^/]/.test(text) ? `http:${text}` : /^\//.test(text) ? `http://${DEFAULT_HOST}${text}` : text)
  } catch (error) {
    throw new Failure('unavailable', `the runtime answered "${text}", which is no address to stream from`, { cause: error })
  }
}

/** Files of TLS as Node takes them. */
export async function tlsOptions({ serverName, ca, cert, key }: TlsFiles = {}): Promise<RequestOptions & { ca?: Buffer; cert?: Buffer; key?: Buffer; servername?: string; rejectUnauthorized?: boolean }> {
  const { readFileSync } = await import('node:fs')
  return {
    ...(serverName ? { servername: serverName } : {}), ...(cert ? { cert: readFileSync(cert) } : {}), ...(key ? { key: readFileSync(key) } : {}),
    // runtimes make certificates for themselves: without an authority to ask there is none to trust
    ...(ca ? { ca: readFileSync(ca) } : { rejectUnauthorized: false }),
  }
}

/** Upgrades to SPDY/3.1. @throws Failure unavailable, unsupported */
export async function upgradeToSpdy({ url: text, protocols, tls, signal }: Upgrade): Promise<Upgraded> {
  const url = streamingUrl(text)
  const isTls = url.protocol === 'https:'
  const send = isTls ? (await import('node:https')).request : requestHttp
  const options = isTls ? await tlsOptions(tls) : {}
  return new Promise((resolve, reject) => {
    const request = send(url, {
      ...options, method: 'POST', signal, agent: false,
      headers: { Connection: 'Upgrade', Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': [...protocols], 'Content-Length': '0' },
    })
    request.once('upgrade', (response, socket, head) => resolve({ socket, head, protocol: String(response.headers['x-stream-protocol-version'] ?? '') }))
    request.once('response', (response) => {
      let said = ''
      response.setEncoding('utf8').on('data', (part: string) => { said = (said + part).slice(0, 1000) })
      response.once('end', () => reject(new Failure('unsupported', `the streaming server at ${url.host} refused with ${response.statusCode}: ${said.trim() || response.statusMessage}`, { hint: 'the runtime may speak only --transport websocket' })))
    })
    request.once('error', (error) => reject(signal.aborted ? signal.reason : new Failure('unavailable', `cannot reach the streaming server at ${url.host}: ${(error as NodeJS.ErrnoException).code ?? error.message}`, { cause: error, hint: 'it listens on the node: is this one?' })))
    request.end()
  })
}
