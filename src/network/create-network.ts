// `network create`: checks what the user gave, fills in what is free on this host, and composes the list.

import { Failure } from '../errors.ts'
import { contains, firstHost, formatAddress, formatSubnet, lastAddress, nextSubnet, overlaps, parseAddress, parseSubnet } from './addresses.ts'
import type { Address, Subnet } from './addresses.ts'
import type { HostBridge } from './bridge-link.ts'
import { OWN_DEFAULT, composeList } from './compose-list.ts'
import type { NetworkSettings } from './compose-list.ts'
import type { NetworkList } from './cni-types.ts'
import { NETWORK_NAME } from './conflist.ts'
import { checkOptions } from './network-options.ts'
import { viewOf } from './network-view.ts'
import type { CreateNetwork } from './networks.ts'

/** What is there already. */
export interface Surroundings {
  readonly lists: readonly NetworkList[]
  readonly hostSubnets: readonly Subnet[]
  readonly hostInterfaces: ReadonlySet<string>
  /** That of the host which the request names; `hostSubnets` are without its own. */
  readonly bridge?: HostBridge
  readonly pools: readonly { readonly base: string; readonly size: number }[]
  readonly leasesDir: string
  readonly hasPlugin: (type: string) => boolean
  readonly now: Date
}

const MODES = new Set(['none', 'host', 'bridge', 'container', 'ns', 'private', 'slirp4netns', 'pasta', 'default', 'pod'])
const MAX_NAME = 128
const DRIVERS = ['bridge', 'macvlan', 'ipvlan']

/** The list to write. Throws Failure invalid, exists or inUse in podman's words where it has some. */
export const planNetwork = (request: CreateNetwork, around: Surroundings): NetworkList => {
  const driver = request.driver ?? 'bridge'
  if (!DRIVERS.includes(driver)) throw invalid(`unsupported driver ${driver}`, `the drivers are ${DRIVERS.join(', ')}`)
  const name = chooseName(request.name, around)
  const options = checkOptions(driver, request.options ?? [])
  const link = chooseLink(request, options['parent'], around)
  const ipamDriver = chooseIpam(request, driver)
  const subnets = ipamDriver === 'host-local' ? chooseSubnets(request, around) : []
  const settings: NetworkSettings = {
    name, driver, options, subnets, ipamDriver,
    ...(link ? { interface: link } : {}),
    ...(driver === 'bridge' && around.bridge ? { adopted: true } : {}),
    routes: (request.routes ?? []).map(checkRoute),
    internal: request.internal ?? false,
    ipv6: request.ipv6 === true || subnets.some(({ subnet }) => subnet.includes(':')),
    dns: driver === 'bridge' && ipamDriver === 'host-local' && request.disableDns !== true && around.hasPlugin('dnsname'),
    ...(request.dnsServers?.length ? { nameservers: request.dnsServers } : {}),
    labels: Object.fromEntries(request.labels ?? []),
    leasesDir: around.leasesDir,
    created: around.now.toISOString(),
  }
  return composeList(settings)
}

const invalid = (message: string, hint?: string): Failure => new Failure('invalid', message, hint ? { hint } : {})

const chooseName = (wanted: string | undefined, { lists }: Surroundings): string => {
  const taken = new Set([OWN_DEFAULT, ...lists.map(({ name }) => name)])
  if (wanted === undefined) return firstFree('scow', 1, (name) => taken.has(name))
  if (!NETWORK_NAME.test(wanted)) throw invalid(`network name ${wanted} invalid: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*`)
  if (wanted.length > MAX_NAME) throw invalid(`network name ${wanted.slice(0, 40)}... invalid: it has ${wanted.length} characters, ${MAX_NAME} are allowed`)
  if (MODES.has(wanted)) throw invalid(`cannot create network with name "${wanted}" because it conflicts with a valid network mode`)
  if (taken.has(wanted)) throw new Failure('exists', `network name ${wanted} already used: network already exists`)
  return wanted
}

const firstFree = (stem: string, from: number, isTaken: (name: string) => boolean): string => {
  let number = from
  while (isTaken(`${stem}${number}`)) number += 1
  return `${stem}${number}`
}

/** The first free of scow<from>, ... on this host: another installation on it has bridges of its own. */
export const chooseBridge = (from: number, { lists, hostInterfaces }: Surroundings): string => {
  const used = bridgesOf(lists)
  return firstFree('scow', from, (name) => used.has(name) || hostInterfaces.has(name))
}

const bridgesOf = (lists: readonly NetworkList[]): Set<string> => new Set(lists.flatMap((list) => viewOf(list).network_interface ?? []))

const checkBridge = (wanted: string, { lists, hostInterfaces, bridge }: Surroundings): string => {
  if (!/^[^\s/:]{1,15}$/.test(wanted) || wanted === '.' || wanted === '..') throw invalid(`interface name ${wanted} invalid: a name has at most 15 characters`)
  if (bridgesOf(lists).has(wanted)) throw new Failure('inUse', `bridge name ${wanted} already in use`)
  if (hostInterfaces.has(wanted) && bridge?.name !== wanted) throw invalid(`interface ${wanted} exists on this host and is no bridge`, 'choose another name')
  return wanted
}

const chooseLink = ({ driver = 'bridge', interfaceName }: CreateNetwork, parent: string | undefined, around: Surroundings): string | undefined => {
  if (driver !== 'bridge') return parentOf(interfaceName ?? parent, around)
  return interfaceName === undefined ? chooseBridge(1, around) : checkBridge(interfaceName, around)
}

const parentOf = (parent: string | undefined, { hostInterfaces }: Surroundings): string | undefined => {
  if (parent !== undefined && !hostInterfaces.has(parent)) throw invalid(`parent interface ${parent} does not exist`)
  return parent
}

const chooseIpam = (request: CreateNetwork, driver: string): string => {
  const addressed = (request.subnets ?? []).length > 0
  const chosen = request.ipamDriver ?? (driver === 'bridge' || addressed ? 'host-local' : 'dhcp')
  if (!['host-local', 'dhcp', 'none'].includes(chosen)) throw invalid(`unsupported ipam driver "${chosen}"`, 'host-local, dhcp or none')
  if (chosen === 'dhcp' && driver === 'bridge') throw invalid('ipam driver dhcp is only for macvlan and ipvlan networks')
  if (chosen !== 'host-local' && addressed) throw invalid(`ipam driver ${chosen} takes no subnet`)
  if (chosen === 'host-local' && driver !== 'bridge' && !addressed) throw invalid(`${driver} driver needs at least one subnet specified for ipam driver host-local`)
  return chosen
}

type Chosen = NetworkSettings['subnets'][number]

/** A bridge that has an address already keeps it: its network is there, and the bridge plugin refuses any other. */
const subnetsGiven = ({ subnets = [] }: CreateNetwork, { bridge }: Surroundings): NonNullable<CreateNetwork['subnets']> => {
  const [address] = bridge?.addresses ?? []
  if (address === undefined) return subnets
  const [gateway = ''] = address.split('/')
  const subnet = formatSubnet(parseSubnet(address)!)
  if (subnets.length === 0) return [{ subnet, gateway }]
  const fits = subnets.some((entry) => {
    const wanted = parseSubnet(entry.subnet)
    return wanted !== undefined && formatSubnet(wanted) === subnet && (entry.gateway ?? formatAddress(firstHost(wanted))) === gateway
  })
  if (!fits) throw invalid(`bridge ${bridge!.name} has the address ${address}`, `give --subnet ${subnet} --gateway ${gateway}`)
  return subnets
}

const chooseSubnets = (request: CreateNetwork, around: Surroundings): Chosen[] => {
  const used = [...around.hostSubnets, ...around.lists.flatMap(subnetsOf)]
  const chosen: Subnet[] = []
  const given = subnetsGiven(request, around).map((entry): Chosen => {
    const subnet = parseSubnet(entry.subnet)
    if (!subnet) throw invalid(`invalid CIDR address: ${entry.subnet}`, 'a subnet looks like 10.50.0.0/24 or fd00:50::/64')
    if ([...used, ...chosen].some((other) => overlaps(other, subnet))) {
      throw new Failure('inUse', `subnet ${formatSubnet(subnet)} is already used on the host or by another config`)
    }
    checkSubnet(subnet, chosen)
    chosen.push(subnet)
    return { ...withGateway(subnet, entry.gateway), ...leaseRange(subnet, entry.ipRange) }
  })
  const has = (family: 4 | 6) => chosen.some((subnet) => subnet.family === family)
  return [
    ...given,
    ...(given.length === 0 ? [withGateway(freeSubnet(around.pools, used), undefined)] : []),
    ...(request.ipv6 && !has(6) ? [withGateway(randomIpv6(used), undefined)] : []),
    ...(request.ipv6 && given.length > 0 && !has(4) ? [withGateway(freeSubnet(around.pools, used), undefined)] : []),
  ]
}

/** For the default network: `wanted` where it is free, else any, which a host that routes all of 10.0.0.0/8 needs as well. */
export const chooseDefaultSubnet = (around: Surroundings, wanted: string | undefined): Chosen => {
  const used = [...around.hostSubnets, ...around.lists.flatMap(subnetsOf)]
  const subnet = wanted === undefined ? undefined : parseSubnet(wanted)
  const isFree = subnet !== undefined && !used.some((other) => overlaps(other, subnet))
  return withGateway(isFree ? subnet : freeSubnet([...around.pools, ...LAST_RESORT], used), undefined)
}

const LAST_RESORT = [{ base: '172.20.0.0/14', size: 24 }, { base: '192.168.128.0/17', size: 24 }]

const subnetsOf = (list: NetworkList): Subnet[] => (viewOf(list).subnets ?? []).flatMap(({ subnet }) => parseSubnet(subnet) ?? [])

const MULTICAST = [parseSubnet('224.0.0.0/4')!, parseSubnet('ff00::/8')!]

const checkSubnet = (subnet: Subnet, before: readonly Subnet[]): void => {
  if (MULTICAST.some((other) => overlaps(other, subnet))) throw invalid(`subnet ${formatSubnet(subnet)} has multicast addresses`)
  // The plugins give an interface two default routes then, or a bridge two addresses, and fail; of IPv6 both work.
  if (subnet.family === 4 && before.some(({ family }) => family === 4)) throw invalid(`a network has one IPv4 subnet: ${formatSubnet(subnet)} is the second`, 'make a network for each, and attach to both')
}

const withGateway = (subnet: Subnet, gateway: string | undefined): Chosen => {
  const text = formatSubnet(subnet)
  if (subnet.prefix > (subnet.family === 4 ? 30 : 126)) throw invalid(`subnet ${text} is too small: it has no room for a gateway and a container`)
  const address = gateway === undefined ? firstHost(subnet) : parseAddress(gateway)
  if (!address) throw invalid(`invalid gateway address: ${gateway}`)
  if (!contains(subnet, address)) throw invalid(`gateway ${gateway} not in subnet ${text}`)
  const isBroadcast = subnet.family === 4 && address.value === lastAddress(subnet).value
  if (isBroadcast || address.value === subnet.base) throw invalid(`gateway ${gateway} is the ${isBroadcast ? 'broadcast ' : ''}address of subnet ${text} itself`)
  return { subnet: text, gateway: formatAddress(address) }
}

/** `10.1.0.64/26`, or `10.1.0.64-10.1.0.100`. The network's own address and its broadcast address are left out. */
const leaseRange = (subnet: Subnet, range: string | undefined): { start?: string; end?: string } => {
  if (range === undefined) return {}
  const block = parseSubnet(range)
  const [from = '', to = ''] = range.split('-')
  const end = block ? lastAddress(block) : parseAddress(to)
  const start = block ? lower(firstHost(block), lastAddress(block)) : parseAddress(from)
  if (!start || !end) throw invalid(`invalid ip range ${range}`, 'give a CIDR block or FIRST-LAST')
  for (const [which, address] of [['start', start], ['end', end]] as const) {
    if (!contains(subnet, address)) throw invalid(`lease range ${which} ip ${formatAddress(address)} not in subnet ${formatSubnet(subnet)}`)
  }
  if (start.value > end.value) throw invalid(`ip range ${range} ends before it starts`)
  const isBroadcast = subnet.family === 4 && end.value === lastAddress(subnet).value
  return { start: formatAddress(start), end: formatAddress(isBroadcast ? { ...end, value: end.value - 1n } : end) }
}

/** A block of one address begins with its last. */
const lower = (a: Address, b: Address): Address => (a.value < b.value ? a : b)

/** The first free subnet of the pools: from each one's base upwards, to its end. */
const freeSubnet = (pools: Surroundings['pools'], used: readonly Subnet[]): Subnet => {
  for (const { base, size } of pools) {
    const pool = parseSubnet(base)
    if (!pool) throw invalid(`default subnet pool ${base} is no CIDR address`)
    const end = lastAddress(pool).value
    for (let subnet: Subnet = { ...pool, prefix: size }; subnet.base <= end; subnet = nextSubnet(subnet)) {
      if (!used.some((other) => overlaps(other, subnet))) return subnet
    }
  }
  throw new Failure('inUse', 'no free subnet is left in the default subnet pools', { hint: 'give one with --subnet' })
}

/** A random one of fd00::/8 (RFC 4193). */
const randomIpv6 = (used: readonly Subnet[]): Subnet => {
  const subnet = parseSubnet(`fd${process.getBuiltinModule('node:crypto').randomBytes(7).toString('hex').replace(/^(..)(....)(....)(....)$/, '$1:$2:$3:$4')}::/64`)!
  return used.some((other) => overlaps(other, subnet)) ? randomIpv6(used) : subnet
}

const checkRoute = ({ destination, gateway }: { readonly destination: string; readonly gateway: string }) => {
  const [to, via] = [parseSubnet(destination), parseAddress(gateway)]
  if (!to) throw invalid(`invalid route destination ${destination}`)
  if (!via || via.family !== to.family) throw invalid(`invalid gateway ${gateway} of route ${destination}`)
  return { destination: formatSubnet(to), gateway: formatAddress(via) }
}
