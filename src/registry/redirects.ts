import { Failure } from '../errors.ts'
import { discardBody } from './body.ts'
import type { Exchange, Reply, TlsSettings, Transport } from './transport.ts'

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const MAX_REDIRECTS = 10

export interface Following {
  readonly transport: Transport
  /** Certificates are a host's own: another host gets what is configured for it. */
  readonly tlsFor: (url: URL) => Promise<TlsSettings>
  /** Whether to go on from https to this plain HTTP address. */
  readonly mayDowngrade: (url: URL) => boolean
}

/** Marks the error of a host that the one that was asked has sent us to. */
const ofTarget = (error: unknown, { host }: URL): unknown => (error instanceof Error ? Object.assign(error, { target: host }) : error)

/** What another host may be told: nothing that stands for us, such as authorization or what hosts.toml adds. */
const PUBLIC_HEADERS: ReadonlySet<string> = new Set(['accept', 'accept-encoding', 'if-range', 'range', 'user-agent'])

/** Sends, and goes where the replies point. No header of ours that could hold a secret leaves the origin that it is for. */
export async function followRedirects(exchange: Omit<Exchange, 'tls'>, { transport, tlsFor, mayDowngrade }: Following): Promise<Reply> {
  let { url, headers } = exchange
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const reply = await transport.send({ ...exchange, url, headers, tls: await tlsFor(url) }).catch((error: unknown) => { throw url.host === exchange.url.host ? error : ofTarget(error, url) })
    const location = reply.headers.location
    if (!REDIRECTS.has(reply.status) || location === undefined) return reply
    await discardBody(reply.body)
    const next = URL.parse(location, url.href)
    if (next === null || (next.protocol !== 'https:' && next.protocol !== 'http:')) throw new Failure('invalid', `${url.host} redirects to something that is no web address`)
    if (url.protocol === 'https:' && next.protocol === 'http:' && !mayDowngrade(next)) {
      throw new Failure('denied', `${url.host} redirects to ${next.host} over plain HTTP`, { hint: 'use --tls-verify=false if you trust the network' })
    }
    // The body of a token request holds a token.
    if (next.origin !== url.origin && exchange.body !== undefined) throw new Failure('denied', `${url.host} redirects a request with credentials to ${next.host}`)
    if (next.origin !== url.origin) headers = Object.fromEntries(Object.entries(headers).filter(([name]) => PUBLIC_HEADERS.has(name.toLowerCase())))
    // A user and password in a Location are the server's doing; they are neither used nor shown.
    next.username = next.password = ''
    url = next
  }
  throw new Failure('unavailable', `${exchange.url.host} redirects more than ${MAX_REDIRECTS} times`)
}
