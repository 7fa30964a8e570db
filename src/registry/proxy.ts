// Which proxy a URL goes through, by the rules of Go's programs (golang.org/x/net/http/httpproxy), and by ALL_PROXY.
import { Failure } from '../errors.ts'
import { noProxy } from './no-proxy.ts'

export type ProxyFor = (url: URL) => URL | undefined

type Pairs = readonly (readonly [string, string])[]

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443', 'socks5:': '1080', 'socks5h:': '1080' }

/** Name or address, IPv6 without its brackets, in lower case. */
export const bareHost = (hostname: string): string => hostname.replace(/^\[|\]$/g, '').toLowerCase()

export const portOf = (url: URL): number => Number(url.port || DEFAULT_PORTS[url.protocol])

export const isSocks = ({ protocol }: URL): boolean => protocol === 'socks5:' || protocol === 'socks5h:'

/** Loopback hosts are never reached through a proxy. */
export const isLoopback = (hostname: string): boolean => {
  const host = bareHost(hostname)
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/** `pairs` are the set variables, http_proxy, https_proxy, no_proxy and all_proxy in either spelling; as in Go, upper case wins. */
export function proxies(pairs: Pairs): ProxyFor {
  const set = new Map(pairs)
  const value = (name: string): string | undefined => set.get(name.toUpperCase()) || set.get(name) || undefined
  const exempt = noProxy(value('no_proxy') ?? '')
  return (url) => {
    const text = value(url.protocol === 'https:' ? 'https_proxy' : 'http_proxy') ?? value('all_proxy')
    return text === undefined || isLoopback(url.hostname) || exempt(bareHost(url.hostname), portOf(url)) ? undefined : proxyUrl(text)
  }
}

function proxyUrl(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  if (url?.hostname && url.protocol in DEFAULT_PORTS) return url
  // The text may hold a password.
  throw new Failure('unsupported', 'the proxy in the environment is not an http, https or socks5 URL', { hint: 'correct HTTP_PROXY, HTTPS_PROXY and ALL_PROXY' })
}

/** User and password of a proxy's URL, undefined where it has none. */
export function proxyCredentials({ username, password }: URL): { readonly username: string; readonly password: string } | undefined {
  return username === '' && password === '' ? undefined : { username: decoded(username), password: decoded(password) }
}

/** A stray % is no reason to fail: it stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
