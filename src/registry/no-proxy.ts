// NO_PROXY as Go reads it: `*`, addresses, address ranges, and domains, which stand for what is below them too.
import { BlockList, isIP } from 'node:net'

/** Whether a host (an IPv6 address without brackets) and port go without a proxy. */
export type Exempt = (host: string, port: number) => boolean

export function noProxy(text: string): Exempt {
  const entries = text.split(',').map((entry) => entry.trim().toLowerCase()).filter((entry) => entry !== '')
  if (entries.includes('*')) return () => true
  const rules = entries.flatMap((entry) => exemption(entry) ?? [])
  return (host, port) => rules.some((rule) => rule(host, port))
}

/** undefined for what says nothing. */
function exemption(entry: string): Exempt | undefined {
  const slash = entry.indexOf('/')
  if (slash !== -1) {
    const matches = inRange(entry.slice(0, slash), entry.slice(slash + 1))
    return matches && ((host) => matches(host))
  }
  const withPort = /^(?:\[([^\]]*)\]|([^:]*)):(\d*)$/.exec(entry)
  const name = withPort ? withPort[1] ?? withPort[2] ?? '' : entry.replace(/^\[(.*)\]$/, '$1')
  const matchesPort = (port: number): boolean => !withPort?.[3] || Number(withPort[3]) === port
  const family = isIP(name)
  if (family !== 0) {
    const matches = inRange(name, family === 4 ? '32' : '128')!
    return (host, port) => matchesPort(port) && matches(host)
  }
  const domain = name.replace(/^\*\./, '.')
  if (domain === '' || domain === '.') return undefined
  const below = domain.startsWith('.') ? domain : `.${domain}`
  return (host, port) => matchesPort(port) && isIP(host) === 0 && (host.endsWith(below) || host === domain)
}

function inRange(address: string, bits: string): ((host: string) => boolean) | undefined {
  const family = isIP(address)
  if (family === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128)) return undefined
  const type = family === 4 ? 'ipv4' : 'ipv6'
  const list = new BlockList()
  list.addSubnet(address, Number(bits), type)
  return (host) => isIP(host) === family && list.check(host, type)
}
