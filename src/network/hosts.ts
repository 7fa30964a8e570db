// The text of a container's /etc/hosts (hosts(5)). The first line that has a name wins, so what the user added comes first.

import { Failure } from '../errors.ts'
import { isIP } from '../ip.ts'

export interface HostsInputs {
  /** Text of the file to start from; empty for none. */
  readonly base: string
  /** `name:ip`, `name1;name2:ip`, `name:host-gateway`. */
  readonly addHosts: readonly string[]
  /** Without prefix lengths. Empty where the container has none of its own: its names are at loopback then. */
  readonly ownAddresses: readonly string[]
  /** Host name, container name, aliases: the first is the canonical one. */
  readonly ownNames: readonly string[]
  /** What `host-gateway` and host.containers.internal stand for; absent where the host can't be reached. */
  readonly hostAddress?: string
}

interface Entry { readonly address: string; readonly names: readonly string[] }

const HOST_NAMES = ['host.containers.internal', 'host.docker.internal']
const LOOPBACK_ADDRESS = '127.0.0.1'

/** Throws Failure invalid for a bad --add-host. */
export const hostsText = (inputs: HostsInputs): string => {
  const { base, addHosts, hostAddress } = inputs
  const added = addHosts.map((text) => parseAddHost(text, hostAddress))
  const host = without(hostAddress ? [{ address: hostAddress, names: HOST_NAMES }] : [], added)
  const own = ownEntries(inputs)
  // A name that a stronger line has is dropped from the weaker ones: getent would show both addresses.
  const based = without(parseHosts(base), [...added, ...host, ...own])
  const loopback = LOOPBACKS.flatMap((entry) => without([entry], [...added, ...based.filter(({ address }) => address === entry.address), ...own]))
  return [...added, ...loopback, ...based, ...host, ...own].map((entry) => `${entry.address}\t${entry.names.join(' ')}\n`).join('')
}

/** Without an address of its own, a name that the base file has already stays there. */
const ownEntries = ({ ownAddresses, ownNames, base }: HostsInputs): Entry[] => {
  const names = [...new Set(ownNames.filter(Boolean))]
  if (names.length === 0) return []
  return ownAddresses.length > 0 ? ownAddresses.map((address) => ({ address, names })) : without([{ address: LOOPBACK_ADDRESS, names }], parseHosts(base))
}

const LOOPBACKS: readonly Entry[] = [
  { address: LOOPBACK_ADDRESS, names: ['localhost'] },
  { address: '::1', names: ['localhost', 'ip6-localhost', 'ip6-loopback'] },
]

/** The address comes after the first colon; several names are parted by semicolons. */
export const parseAddHost = (text: string, hostAddress: string | undefined): Entry => {
  const at = text.indexOf(':')
  const names = text.slice(0, Math.max(at, 0)).split(';')
  const value = text.slice(at + 1).replace(/^\[(.*)\]$/, '$1')
  if (at < 1 || names.some((name) => !/^[^\s#:]+$/.test(name))) throw new Failure('invalid', `unable to parse host entry "${text}": incorrect format`, { hint: 'HOST:IP, or HOST:host-gateway' })
  if (value === 'host-gateway') {
    if (hostAddress) return { address: hostAddress, names }
    throw new Failure('invalid', `unable to replace "host-gateway" of host entry "${text}": host containers internal IP address is empty`)
  }
  if (isIP(value) === 0) throw new Failure('invalid', `unable to parse host entry "${text}": IP address is ${value === '' ? 'empty' : 'invalid'}`)
  return { address: value, names }
}

const parseHosts = (text: string): Entry[] => text.split('\n').flatMap((line) => {
  const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
  return isIP(address) === 0 || names.length === 0 ? [] : [{ address, names }]
})

const without = (entries: readonly Entry[], stronger: readonly Entry[]): Entry[] => {
  const taken = new Set(stronger.flatMap(({ names }) => names))
  return entries.map(({ address, names }) => ({ address, names: names.filter((name) => !taken.has(name)) })).filter(({ names }) => names.length > 0)
}
