// What registries and connections say when something is wrong, in our words. The only place that reads their texts.
import { Failure, isFailure } from '../errors.ts'
import type { Reply } from './transport.ts'
import { readReply } from './read-reply.ts'
import { retryAfterMs } from './retry.ts'

const MAX_ERROR_BYTES = 64 * 1024

const CERTIFICATE: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by an authority that is not known here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by an authority that is not known here',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate is signed by an authority that is not known here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by an authority that is not known here',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
}

const CONNECTION: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection broke',
  EPIPE: 'the connection broke',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'its name cannot be looked up now',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no network',
  HPE_INVALID_EOF_STATE: 'the connection broke',
}

/** What certs.d or hosts.toml has is no certificate or key, or the two do not belong together. */
const OWN_CERTIFICATE = /^ERR_OSSL_(PEM|X509|ASN1|EVP|UNSUPPORTED|OSSL)/

const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code ?? '')

const markOf = (error: unknown, name: 'proxy' | 'target'): string | undefined => {
  const mark = (error as Partial<Record<typeof name, unknown>> | null)?.[name]
  return typeof mark === 'string' ? mark : undefined
}

/** The proxy on whose way it happened. */
const proxyOf = (error: unknown): string | undefined => markOf(error, 'proxy')

/** The host of a redirect, where it was that one that failed. */
export const targetOf = (error: unknown): string | undefined => markOf(error, 'target')

export const isCertificateError = (error: unknown): boolean => codeOf(error) in CERTIFICATE

/** What a server that speaks TLS ends a handshake with: `handshake failure`. Node has the same code for it as for a port without TLS. */
const alertOf = (error: unknown): string | undefined => /\balert ([a-z0-9 ]{1,60}):/.exec((error as Error | null)?.message ?? '')?.[1]

/** TLS was spoken to a port that doesn't speak it. */
export const isNotTls = (error: unknown): boolean =>
  (codeOf(error) === 'EPROTO' && alertOf(error) === undefined) || /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|TLSV1_UNRECOGNIZED_NAME)/.test(codeOf(error))

/** Plain HTTP was spoken to a port that answers otherwise. */
export const isNotHttp = (error: unknown): boolean => codeOf(error).startsWith('HPE_') || codeOf(error) === 'ECONNRESET'

const UNREACHED: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN', 'ETIMEDOUT'])

/** How much an error says of a server: least that it speaks no TLS, where plain HTTP was tried too, and most what comes after an answer of it or in TLS. */
function weight(error: unknown): number {
  if (targetOf(error) !== undefined) return 4
  if (proxyOf(error) !== undefined) return 2
  if (isNotTls(error)) return 0
  if (isNotHttp(error) || codeOf(error) === 'EPIPE') return 2
  return UNREACHED.has(codeOf(error)) ? 1 : 3
}

/** The one that says more of a host that failed over HTTPS and over plain HTTP. */
export const moreTelling = (tls: unknown, plain: unknown): unknown => (weight(plain) > weight(tls) ? plain : tls)

/** A request that got no reply. A Failure, and what is no error of a connection, is handed back as it is. */
export function connectionFailure(error: unknown, asked: string, image: string): unknown {
  if (isFailure(error)) return error
  const target = targetOf(error)
  const host = target ?? asked
  const [what, whom] = target === undefined ? [image, `the registry ${asked}`] : [`${image}: the registry ${asked} redirects to ${target}`, 'that host']
  const code = codeOf(error)
  const name = (error as Error | null)?.name
  if (name === 'AbortError' || code === 'ABORT_ERR') return new Failure('cancelled', `${what}: cancelled`, { cause: error })
  const certificate = CERTIFICATE[code]
  const proxy = proxyOf(error)
  if (proxy !== undefined) {
    const why = code === 'EPROXY' ? saidBy(error) : certificate !== undefined ? `the proxy ${proxy} cannot be trusted: ${certificate}` : `the proxy ${proxy} is not reached: ${saidBy(error)}`
    return new Failure('unavailable', `${what}: cannot reach ${whom}: ${why}`, { cause: error, hint: 'check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY' })
  }
  if (certificate !== undefined) {
    return new Failure('unavailable', `${what}: ${whom} cannot be trusted: ${certificate}`, {
      cause: error, hint: `put its authority's certificate at /etc/containers/certs.d/${host}/ca.crt, or use --tls-verify=false`,
    })
  }
  if (isNotTls(error)) {
    return new Failure('unavailable', `${what}: ${whom} does not speak HTTPS`, {
      cause: error, ...(target === undefined && { hint: `if it speaks plain HTTP, set insecure = true for it in registries.conf, or use --tls-verify=false` }),
    })
  }
  if (OWN_CERTIFICATE.test(code)) {
    return new Failure('invalid', `${what}: the certificates or keys that are configured for ${host} cannot be used: ${plain((error as Error).message)}`, {
      cause: error, hint: `look at the files for ${host} in certs.d`,
    })
  }
  if (code === '') return error
  return new Failure('unavailable', `${what}: cannot reach ${whom}: ${saidBy(error)}`, {
    cause: error, ...(code === 'ECONNREFUSED' || code === 'ENOTFOUND' ? { hint: target === undefined ? 'check the name of the registry and that it runs' : 'what the registry redirects to must be reached from here too' } : {}),
  })
}

function saidBy(error: unknown): string {
  const code = codeOf(error)
  const alert = alertOf(error)
  if (isNotTls(error)) return 'it does not speak HTTPS'
  if (alert !== undefined) return `it ends the TLS handshake (${alert})`
  return CONNECTION[code] ?? (code.startsWith('HPE_') ? 'what it answers is not HTTP' : plain((error as Error).message))
}

/** One line without control characters or anything that looks like a credential or a signed URL. */
export const plain = (text: string): string =>
  text.replace(/[\p{Cc}\s]+/gu, ' ').replace(/\b(https?:\/\/)[^\s/@]*@/g, '$1').replace(/(https?:\/\/[^\s?"']*)\?[^\s"']*/g, '$1').trim().slice(0, 300)

interface Said { readonly code: string; readonly message: string }

/** Reads `{"errors":[{"code","message"}]}`, and the forms of token servers and proxies. */
async function errorOf(reply: Reply): Promise<Said> {
  const text = await readReply(reply, MAX_ERROR_BYTES, { truncate: true }).then(String, () => '')
  try {
    const document = JSON.parse(text) as { errors?: { code?: unknown; message?: unknown }[]; details?: unknown; message?: unknown; error?: unknown }
    const [first] = Array.isArray(document.errors) ? document.errors : []
    const message = first?.message ?? document.message ?? document.details ?? document.error
    return { code: typeof first?.code === 'string' ? first.code.slice(0, 60) : '', message: typeof message === 'string' ? plain(message) : '' }
  } catch {
    return { code: '', message: '' }
  }
}

const seconds = (ms: number): string => (ms >= 120_000 ? `${Math.ceil(ms / 60_000)} min` : `${Math.ceil(ms / 1000)} s`)

/** A reply that is no success. `what` is the image, `host` the registry as the user knows it. Uses up the body. */
export async function replyFailure(reply: Reply, host: string, what: string): Promise<Failure> {
  const { code, message } = await errorOf(reply)
  const said = message === '' ? '' : `: ${message}`
  const cause = new Error(`HTTP ${reply.status}${code === '' ? '' : ` ${code}`} from ${reply.url.host}`)
  switch (reply.status) {
    case 401:
      return new Failure('denied', `${what}: the registry ${host} wants credentials that may pull it, or has no such image${said}`, { cause, hint: 'give credentials with --creds USER:PASSWORD, or a file that has them with --authfile' })
    case 403:
      return new Failure('denied', `${what}: the registry ${host} denies access${said}`, { cause, hint: 'use credentials that may pull it, with --creds or --authfile' })
    case 404:
      return new Failure('notFound', `${what}: the registry ${host} has no such ${code === 'BLOB_UNKNOWN' ? 'blob' : 'image'}${code === 'NAME_UNKNOWN' ? ' (it does not know the repository)' : ''}`, { cause, hint: 'check the name and the tag' })
    case 429: {
      const after = retryAfterMs(reply.headers['retry-after'])
      return new Failure('unavailable', `${what}: too many requests to the registry ${host}${said}`, {
        cause, hint: `try again ${after === undefined ? 'later' : `in ${seconds(after)}`}, log in for a higher limit, or use a mirror (registries.conf)`,
      })
    }
    default:
      return new Failure('unavailable', `${what}: the registry ${host} answered with HTTP ${reply.status}${said}`, { cause })
  }
}
