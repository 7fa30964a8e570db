// -p [[IP:][HOSTPORT]:]CONTAINERPORT[/PROTOCOL] and --expose PORT[/PROTOCOL]; ports may be ranges.
import type { Failure } from '../../../errors.ts'
import { isIP } from '../../../ip.ts'
import type { PortRequest } from '../../../spec/request.ts'
import { invalid } from './words.ts'

const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const
type Protocol = (typeof PROTOCOLS)[number]
type Wrong = (why: string) => Failure

/** One request for each protocol. @throws Failure invalid */
export function parsePublish(text: string): PortRequest[] {
  const wrong: Wrong = (why) => invalid('--publish', text, why)
  const slash = text.lastIndexOf('/')
  const protocols = readProtocols(slash < 0 ? 'tcp' : text.slice(slash + 1), wrong)
  const { hostIp, rest } = splitIp(slash < 0 ? text : text.slice(0, slash), wrong)
  const parts = rest.split(':')
  if (parts.length > 2) throw wrong('expected [[IP:][HOSTPORT]:]CONTAINERPORT[/PROTOCOL]')
  const [host, container] = parts.length === 2 ? [parts[0]!, parts[1]!] : ['', parts[0]!]
  const inside = readRange(container, 'container port', wrong)
  const outside = host === '' || host === '0' ? { first: 0, count: inside.count } : readRange(host, 'host port', wrong)
  if (outside.count !== inside.count) {
    throw wrong(`${outside.count} host ports for ${inside.count} container ports: the ranges must be of the same length`)
  }
  return protocols.map((protocol) => ({
    ...(hostIp === undefined ? {} : { hostIp }), hostPort: outside.first, containerPort: inside.first, protocol, count: inside.count,
  }))
}

function splitIp(text: string, wrong: Wrong): { hostIp?: string; rest: string } {
  const bracket = /^\[([^\]]*)\]:(.*)$/.exec(text)
  if (bracket) {
    if (isIP(bracket[1]!) !== 6) throw wrong(`"${bracket[1]}" is not an IPv6 address`)
    return { hostIp: bracket[1]!, rest: bracket[2]! }
  }
  const parts = text.split(':')
  if (parts.length <= 2) return { rest: text }
  const hostIp = parts[0]!
  if (parts.length > 3) throw wrong('an IPv6 address stands in brackets: [::1]:8080:80')
  if (hostIp === '') throw wrong('the host address is empty')
  if (isIP(hostIp) === 0) throw wrong(`"${hostIp}" is not an IP address`)
  return { hostIp, rest: parts.slice(1).join(':') }
}

function readProtocols(text: string, wrong: Wrong): Protocol[] {
  return text.toLowerCase().split(',').map((name) => {
    const known = PROTOCOLS.find((protocol) => protocol === name)
    if (!known) throw wrong(`unknown protocol "${name}": use tcp, udp or sctp`)
    return known
  })
}

function readRange(text: string, what: string, wrong: Wrong): { first: number; count: number } {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text)
  if (!match) throw wrong(text === '' ? `the ${what} is missing` : `"${text}" is not a ${what}`)
  const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])]
  if (first < 1 || last > 65535) throw wrong(`the ${what} ${text} is not between 1 and 65535`)
  if (last < first) throw wrong(`the range ${text} ends before it begins`)
  return { first, count: last - first + 1 }
}

/** `80/tcp` for each port. @throws Failure invalid */
export function parseExpose(text: string): string[] {
  const wrong: Wrong = (why) => invalid('--expose', text, why)
  const [ports, protocol = 'tcp', ...more] = text.split('/')
  if (more.length > 0) throw wrong('it names more than one protocol')
  const { first, count } = readRange(ports!, 'port', wrong)
  return readProtocols(protocol, wrong).flatMap((name) => Array.from({ length: count }, (_, at) => `${first + at}/${name}`))
}
