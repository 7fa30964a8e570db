// Requests to one registry host for one way of access: finds out its scheme, answers its challenges, follows its
// redirects, and repeats what failed in a way that may pass.
import { Failure, isFailure } from '../errors.ts'
import type { Authenticator } from './authenticator.ts'
import { makeAuthenticator } from './authenticator.ts'
import { discardBody, readBody } from './body.ts'
import type { Credentials } from './credentials.ts'
import type { Scheme, Server } from './endpoint.ts'
import { isLoopback } from './proxy.ts'
import { readReply } from './read-reply.ts'
import { followRedirects } from './redirects.ts'
import { connectionFailure, isCertificateError, isNotHttp, isNotTls, moreTelling, targetOf } from './registry-failure.ts'
import { backoffMs, mayPass, mayPassError, pause, retryAfterMs, type Backoff } from './retry.ts'
import type { Exchange, Reply, TlsSettings, Transport } from './transport.ts'

export interface SessionSetup {
  /** As the user knows it; docker.io is asked elsewhere. */
  readonly host: string
  /** Certificates need not be right, and plain HTTP will do; undefined: only on loopback. */
  readonly insecure: boolean | undefined
  readonly transport: Transport
  /** What hosts.toml says of it. */
  readonly server?: Server | undefined
  readonly credentials: (path: string) => Promise<Credentials | undefined>
  readonly certificates: (host: string) => Promise<Omit<TlsSettings, 'verify'>>
  readonly backoff: Backoff
  /** A host that refuses the first connection is asked again too. */
  readonly insists: boolean
}

export interface RegistryRequest {
  readonly method: 'GET' | 'HEAD'
  /** Below the API's beginning: `library/busybox/tags/list`. With a slash in front, of the host itself (from a Link header). */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Repository, for credentials and tokens. */
  readonly repository: string
  /** The image, for messages. */
  readonly what: string
  readonly signal?: AbortSignal | undefined
  /** Attempts after the first; the session's own unless told. */
  readonly retries?: number | undefined
}

export interface Session {
  readonly host: string
  readonly backoff: Backoff
  /** Any reply but one that may pass: those are repeated while attempts are left. Failures unavailable, denied, cancelled. */
  request(request: RegistryRequest): Promise<Reply>
  /** As `request`, with the body of a 200 as `bytes`: one that breaks off is asked for again. Failure invalid when it has more than `maxBytes`. */
  read(request: RegistryRequest, maxBytes: number): Promise<Reply & { readonly bytes: Buffer }>
  /** A reply of some other server, without credentials. */
  requestElsewhere(url: URL, request: Omit<RegistryRequest, 'path' | 'repository'>): Promise<Reply>
}

const WIRE_HOSTS: Readonly<Record<string, string>> = { 'docker.io': 'registry-1.docker.io' }
const USER_AGENT = 'scow/0.1 (+container manager)'

export function makeSession(setup: SessionSetup): Session {
  const { host, transport, backoff, server } = setup
  const wire = WIRE_HOSTS[host] ?? host
  const loopback = isLoopback(new URL(`http://${wire}`).hostname)
  const lenient = setup.insecure ?? loopback
  /** Loopback is trusted without being told; what it points at elsewhere is not. */
  const mayBePlain = (url: URL): boolean => setup.insecure === true || (lenient && isLoopback(url.hostname))
  const schemes: readonly Scheme[] = server?.schemes ?? (!lenient ? ['https'] : loopback ? ['http', 'https'] : ['https', 'http'])
  let origin: URL | undefined
  let answered = false
  const authenticators = new Map<string, Authenticator>()

  /** URLs leave out the usual port; what the user calls the host does not. */
  const isOurs = (url: URL): boolean => url.host === new URL(`${url.protocol}//${wire}`).host
  const tlsFor = async (url: URL): Promise<TlsSettings> =>
    url.protocol === 'https:' ? { verify: !mayBePlain(url), ...(await setup.certificates(isOurs(url) ? host : url.host)) } : { verify: true }

  const follow = async (exchange: Omit<Exchange, 'tls'>): Promise<Reply> => {
    const headers = { 'user-agent': USER_AGENT, 'accept-encoding': 'identity', ...exchange.headers }
    const reply = await followRedirects({ ...exchange, headers, connectMs: server?.connectMs }, { transport, tlsFor, mayDowngrade: mayBePlain })
    answered = true
    return reply
  }

  /** Repeats `send` while it fails in a way that may pass. The last reply is handed out as it is. */
  const persist = async <T extends Reply>(send: () => Promise<T>, signal: AbortSignal | undefined, ownRetries?: number): Promise<T> => {
    const retries = ownRetries ?? backoff.retries
    // Where other places are left to ask, one that is not there is left at once.
    const insists = setup.insists && ownRetries === undefined
    for (let attempt = 1; ; attempt++) {
      const last = attempt > retries
      try {
        const reply = await send()
        if (last || !mayPass(reply.status)) return reply
        const asked = retryAfterMs(reply.headers['retry-after'])
        // Longer than anybody would wait: the caller says what the server asks for.
        if (asked !== undefined && asked > backoff.maxMs) return reply
        await discardBody(reply.body)
        await pause(Math.max(asked ?? 0, backoffMs(backoff, attempt)), signal)
      } catch (error) {
        if (last || signal?.aborted || isFailure(error) || !mayPassError(error, answered || insists)) throw error
        await pause(backoffMs(backoff, attempt), signal)
      }
    }
  }

  const authenticatorFor = (repository: string): Authenticator => {
    const known = authenticators.get(repository) ?? makeAuthenticator({
      host, credentials: () => setup.credentials(repository), mayBePlain,
      send: (exchange) => persist(() => follow(exchange), exchange.signal).catch((error: unknown) => { throw connectionFailure(error, exchange.url.host, `the token server of ${host}`) }),
    })
    authenticators.set(repository, known)
    return known
  }

  /** Finds the scheme with the request itself: no ping before it. */
  const connect = async (request: RegistryRequest, authorization: string | undefined): Promise<Reply> => {
    const send = (base: URL) => follow({
      method: request.method, url: place(request.path, base, server), signal: request.signal,
      headers: { ...server?.headers, ...request.headers, ...(authorization !== undefined && { authorization }) },
    })
    if (origin) return send(origin)
    const [first, second] = schemes
    const base = (scheme: Scheme): URL => new URL(`${scheme}://${wire}`)
    let reply: Reply
    try {
      reply = await send(base(first!))
      if (second === undefined || first === 'https' || !(await isTlsPort(reply))) {
        origin = base(first!)
        return reply
      }
    } catch (error) {
      if (second === undefined || isFailure(error) || targetOf(error) !== undefined || isCertificateError(error) || request.signal?.aborted) throw error
      if (first === 'http' && !isNotHttp(error)) throw error
      reply = await send(base(second)).catch((later: unknown) => {
        if (isFailure(later)) throw later
        throw first === 'http' ? moreTelling(later, error) : moreTelling(error, later)
      })
      if (second === 'http' && !isNotTls(error) && (await isTlsPort(reply))) throw error
      origin = base(second)
      return reply
    }
    origin = base(second)
    return send(origin)
  }

  const authorised = async (request: RegistryRequest): Promise<Reply> => {
    const authenticator = authenticatorFor(request.repository)
    const scope = `repository:${request.repository}:pull`
    let sent = await authenticator.header(scope, request.signal)
    for (let tries = 0; ; tries++) {
      const reply = await connect(request, sent)
      // A challenge of a host that we were redirected to is not for our credentials.
      if (reply.status !== 401 || tries === 2 || reply.url.host !== origin!.host) return reply
      if (!(await authenticator.challenged(reply, { scope, sent, signal: request.signal }))) return reply
      await discardBody(reply.body)
      sent = await authenticator.header(scope, request.signal)
    }
  }

  const readWhole = async (request: RegistryRequest, maxBytes: number): Promise<Reply & { bytes: Buffer }> => {
    const reply = await authorised(request)
    return { ...reply, bytes: reply.status === 200 ? await readReply(reply, maxBytes).catch(unreadable(request)) : Buffer.alloc(0) }
  }

  const unreadable = ({ what }: RegistryRequest) => (error: unknown): never => {
    throw isFailure(error, 'invalid') ? new Failure('invalid', `${what}: the registry ${host}: ${error.message}`, { cause: error }) : error
  }

  const failing = ({ what, signal }: Pick<RegistryRequest, 'what' | 'signal'>, of = host) => (error: unknown): never => {
    if (signal?.aborted) throw new Failure('cancelled', `${what}: cancelled`, { cause: error })
    throw connectionFailure(error, of, what)
  }
  return {
    host, backoff,
    request: (request) => persist(() => authorised(request), request.signal, request.retries).catch(failing(request)),
    read: (request, maxBytes) => persist(() => readWhole(request, maxBytes), request.signal, request.retries).catch(failing(request)),
    requestElsewhere: (url, request) =>
      persist(() => follow({ method: request.method, url, headers: request.headers ?? {}, signal: request.signal }), request.signal).catch(failing(request, url.host)),
  }
}

function place(path: string, base: URL, server: Server | undefined): URL {
  const url = new URL(path.startsWith('/') ? path : `${server?.basePath ?? '/v2'}/${path}`, base)
  if (server?.namespace !== undefined) url.searchParams.set('ns', server.namespace)
  return url
}

/** Servers of TLS say in plain text that they wanted it (Go: "client sent an HTTP request to an HTTPS server"). */
async function isTlsPort(reply: Reply): Promise<boolean> {
  if (reply.status !== 400) return false
  const said = await readBody(reply.body, 64 * 1024, { truncate: true, totalMs: 10_000 }).catch(() => Buffer.alloc(0))
  if (said.includes('HTTPS')) return true
  throw new Failure('unavailable', `${reply.url.host} answered with HTTP 400`)
}
