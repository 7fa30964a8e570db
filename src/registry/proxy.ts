// Which proxy a URL goes through: the variables that curl, Go and their kin read.
import { isIP, BlockList } from 'node:net'
import { Failure } from '../errors.ts'

export type ProxyFor = (url: URL) => URL | undefined

type Pairs = readonly (readonly [string, string])[]

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' }

const bare = (hostname: string): string => hostname.replace(/^\[|\]$/g, '').toLowerCase()

export const portOf = (url: URL): number => Number(url.port || DEFAULT_PORTS[url.protocol])

/** Loopback hosts are never reached through a proxy. */
export const isLoopback = (hostname: string): boolean => {
  const host = bare(hostname)
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** `pairs` are the set variables, http_proxy, https_proxy, no_proxy and all_proxy in either spelling; lower case wins. */
export function proxies(pairs: Pairs): ProxyFor {
  const value = (name: string): string | undefined => {
    const set = new Map(pairs)
    return set.get(name) || set.get(name.toUpperCase()) || undefined
  }
  const exempt = noProxy(value('no_proxy') ?? '')
  return (url) => {
    const text = value(url.protocol === 'https:' ? 'https_proxy' : 'http_proxy') ?? value('all_proxy')
    return text === undefined || isLoopback(url.hostname) || exempt(url) ? undefined : proxyUrl(text)
  }
}

function proxyUrl(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  // The text may hold a password.
  throw new Failure('unsupported', 'the proxy in the environment is not an http or https URL', { hint: 'correct http_proxy and https_proxy' })
}

/** Entries: `*`, a host, a domain with or without a leading dot, an address, an address range; each may have a port. */
function noProxy(text: string): (url: URL) => boolean {
  const entries = text.split(',').map((entry) => entry.trim().toLowerCase()).filter((entry) => entry !== '')
  return (url) => {
    const host = bare(url.hostname)
    return entries.some((entry) => entry === '*' || matches(entry, host, portOf(url)))
  }
}

function matches(entry: string, host: string, port: number): boolean {
  if (entry.includes('/')) return inRange(entry, host)
  const withPort = /^(\[.*\]|[^:]*):(\d+)$/.exec(entry)
  if (withPort && Number(withPort[2]) !== port) return false
  const name = bare(withPort?.[1] ?? entry).replace(/^\*?\./, '.')
  if (name.startsWith('.')) return host.endsWith(name)
  return host === name || (isIP(host) === 0 && host.endsWith(`.${name}`))
}

function inRange(range: string, host: string): boolean {
  const [address = '', bits] = range.split('/')
  const family = isIP(address)
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(bits ?? '') || Number(bits) > (family === 4 ? 32 : 128)) return false
  const list = new BlockList()
  const type = family === 4 ? 'ipv4' : 'ipv6'
  list.addSubnet(address, Number(bits), type)
  return list.check(host, type)
}
