// The text of a container's /etc/resolv.conf (resolv.conf(5)).
import { readFileSync } from 'node:fs'

import { Failure } from '../errors.ts'
import { parseAddress } from './addresses.ts'

export interface ResolvInputs {
  /** Text of the host's file: `readHostResolv`. */
  readonly host: string
  /** What the user asked for; each list, when not empty, replaces what would be there else. A search of `.` means none. */
  readonly servers: readonly string[]
  readonly searches: readonly string[]
  readonly options: readonly string[]
  /** What the plugins answered: before the host's. */
  readonly networkServers?: readonly string[]
  readonly networkSearches?: readonly string[]
  /** Whether loopback is the container's own, so that a resolver on the host's can't be reached. */
  readonly ownNetns: boolean
  /** Whether servers with IPv6 addresses can be reached. */
  readonly ipv6: boolean
}

const MAX_BYTES = 1 << 20
/** Where systemd-resolved keeps the servers that its stub on 127.0.0.53 forwards to. */
const RESOLVED_UPSTREAM = '/run/systemd/resolve/resolv.conf'
/** As podman and docker do for a container that would have no server at all. */
const FALLBACK_SERVERS = ['8.8.8.8', '8.8.4.4']

/** The host's own file; with systemd-resolved's stub in it, the servers behind that. A missing file is empty. */
export const readHostResolv = (ownNetns: boolean, file = '/etc/resolv.conf', upstream = RESOLVED_UPSTREAM): string => {
  const text = read(file)
  const servers = parseResolv(text).servers
  const isStub = servers.length > 0 && servers.every((server) => server === '127.0.0.53')
  return ownNetns && isStub ? read(upstream) || text : text
}

/** Throws Failure invalid for a server that is no IP address. */
export const resolvText = (inputs: ResolvInputs): string => {
  const { servers, searches, options, networkServers = [], networkSearches = [] } = inputs
  const bad = servers.find((server) => !parseAddress(server.split('%')[0]!))
  if (bad !== undefined) throw new Failure('invalid', `${bad} is not an ip address`)
  const host = parseResolv(inputs.host)
  const usable = [...networkServers, ...host.servers.filter((server) => isReachable(server, inputs))]
  const inherited = usable.length > 0 || !inputs.ownNetns ? usable : FALLBACK_SERVERS
  const domains = searches.length > 0 ? searches.filter((domain) => domain !== '.') : [...networkSearches, ...host.searches]
  const settings = options.length > 0 ? options : host.options
  return [
    ...(domains.length > 0 ? [`search ${unique(domains).join(' ')}`] : []),
    ...unique(servers.length > 0 ? servers : inherited).map((server) => `nameserver ${server}`),
    ...(settings.length > 0 ? [`options ${unique(settings).join(' ')}`] : []),
  ].map((line) => `${line}\n`).join('')
}

const isReachable = (server: string, { ownNetns, ipv6 }: ResolvInputs): boolean => {
  if (!ownNetns) return true
  const address = parseAddress(server)
  if (!address) return false // a zone names an interface of the host
  return address.family === 4 ? address.value >> 24n !== 127n : ipv6 && address.value !== 1n
}

/** The last of several `search` or `domain` lines counts; options add up. */
const parseResolv = (text: string): { servers: string[]; searches: string[]; options: string[] } => {
  const found = { servers: [] as string[], searches: [] as string[], options: [] as string[] }
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line.replace(/[#;].*/, '').trim().split(/\s+/)
    if (keyword === 'nameserver' && values[0]) found.servers.push(values[0])
    if (keyword === 'search' || keyword === 'domain') found.searches = values.filter((domain) => domain !== '.')
    if (keyword === 'options') found.options.push(...values)
  }
  return found
}

const unique = (values: readonly string[]): string[] => [...new Set(values)]

const read = (file: string): string => {
  try {
    return readFileSync(file, 'utf8').slice(0, MAX_BYTES)
  } catch (error) {
    if (['ENOENT', 'EISDIR', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return ''
    throw error
  }
}
