// --network (may be given again), --ip, --ip6, --mac-address, --network-alias: one network request.
import { Failure } from '../../../errors.ts'
import { isIPv4, isIPv6 } from '../../../ip.ts'
import type { NetworkAttachment, NetworkRequest } from '../../../spec/request.ts'
import type { CreateValues } from '../options/create-options.ts'
import { invalid } from './words.ts'

type Draft<T> = { -readonly [K in keyof T]: T[K] }
const NETWORK_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/

type Chosen = Pick<CreateValues, 'network' | 'networkAlias' | 'ip' | 'ip6' | 'macAddress'>

/** `defaultMode`: what containers.conf says, empty for bridge. A bridge without networks means the default network. @throws Failure invalid, unsupported */
export function toNetwork(values: Chosen, { defaultMode }: { defaultMode: string }): NetworkRequest {
  const given = values.network.filter((text) => text !== '')
  const texts = given.length > 0 ? given : defaultMode === '' || defaultMode === 'private' ? ['bridge'] : [defaultMode]
  const special = texts.map(specialMode)
  const only = special.find((mode) => mode !== undefined)
  if (only) {
    if (texts.length > 1) throw invalid('--network', texts.join(' '), `${only.kind} cannot be combined with other networks`)
    refuseAddresses(values, only.kind)
    return only
  }
  const networks = texts.flatMap(readNetworks)
  return { kind: 'bridge', networks: withAddresses(networks, values) }
}

function specialMode(text: string): NetworkRequest | undefined {
  if (text === 'none' || text === 'host') return { kind: text }
  if (text.startsWith('container:')) {
    if (text === 'container:') throw invalid('--network', text, 'the name of the container is missing')
    return { kind: 'container', id: text.slice('container:'.length) }
  }
  if (text.startsWith('ns:')) {
    if (!text.startsWith('ns:/')) throw invalid('--network', text, 'ns: needs an absolute path')
    return { kind: 'path', path: text.slice('ns:'.length) }
  }
  if (/^(slirp4netns|pasta)(:|$)/.test(text)) throw new Failure('unsupported', `--network ${text} is for rootless containers, which come later`, { hint: 'use bridge, host or none' })
  return undefined
}

/** `bridge`, `bridge:ip=...,alias=...`, `NAME:opts`, `NAME1,NAME2`. */
function readNetworks(text: string): NetworkAttachment[] {
  const colon = text.indexOf(':')
  const names = colon < 0 ? text.split(',') : [text.slice(0, colon)]
  return names.map((name) => {
    if (!NETWORK_NAME.test(name)) throw invalid('--network', text, `"${name}" is not a network's name`)
    // the mode `bridge`, without a network of its own, is the default network
    const attachment: Draft<NetworkAttachment> = { name: name === 'bridge' || name === 'private' || name === 'default' ? '' : name }
    if (colon >= 0) for (const option of text.slice(colon + 1).split(',')) networkOption(attachment, option, text)
    return attachment
  })
}

function networkOption(attachment: Draft<NetworkAttachment>, option: string, text: string): void {
  const equals = option.indexOf('=')
  const [name, value] = equals < 0 ? [option, ''] : [option.slice(0, equals), option.slice(equals + 1)]
  switch (name) {
    case 'ip': checkedIp(attachment, value, { flag: '--network', text }); return
    case 'ip6': attachment.ip6 = checked6(value, '--network', text); return
    case 'mac': attachment.mac = checkMac(value, '--network', text); return
    case 'alias': attachment.aliases = [...(attachment.aliases ?? []), value]; return
    case 'interface_name':
      if (!/^[^\s/]{1,15}$/.test(value)) throw invalid('--network', text, `"${value}" is not an interface's name (at most 15 characters)`)
      attachment.interfaceName = value
      return
    default: throw invalid('--network', text, `unknown option "${name}": use ip, ip6, mac, alias or interface_name`)
  }
}

function checkedIp(attachment: Draft<NetworkAttachment>, value: string, { flag, text }: { flag: string; text: string }): void {
  if (isIPv4(value)) attachment.ip = value
  else if (isIPv6(value)) attachment.ip6 = value
  else throw invalid(flag, text, `"${value}" is not an IP address`)
}
const checked6 = (value: string, flag: string, text: string): string => {
  if (!isIPv6(value)) throw invalid(flag, text, `"${value}" is not an IPv6 address`)
  return value
}
const checkMac = (value: string, flag: string, text: string): string => {
  if (!/^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$|^([0-9a-f]{4}\.){2}[0-9a-f]{4}$/i.test(value)) throw invalid(flag, text, `"${value}" is not a MAC address`)
  return value.toLowerCase().replace(/[:.-]/g, '').replace(/..(?!$)/g, '$&:')
}

function withAddresses(networks: readonly NetworkAttachment[], values: Chosen): NetworkAttachment[] {
  const given = ([['--ip', values.ip], ['--ip6', values.ip6], ['--mac-address', values.macAddress]] as const).find(([, value]) => value !== undefined)
  if (given && networks.length > 1) throw invalid(given[0], given[1]!, 'with several networks, say --network NAME:ip=...,mac=...')
  return networks.map((network) => {
    const attachment: Draft<NetworkAttachment> = { ...network }
    if (values.ip !== undefined) {
      if (!isIPv4(values.ip)) throw invalid('--ip', values.ip, 'it is not an IPv4 address')
      attachment.ip = values.ip
    }
    if (values.ip6 !== undefined) attachment.ip6 = checked6(values.ip6, '--ip6', values.ip6)
    if (values.macAddress !== undefined) attachment.mac = checkMac(values.macAddress, '--mac-address', values.macAddress)
    for (const alias of values.networkAlias) checkWord('--network-alias', alias)
    if (values.networkAlias.length > 0) attachment.aliases = [...(attachment.aliases ?? []), ...values.networkAlias]
    return attachment
  })
}

function refuseAddresses(values: Chosen, kind: string): void {
  const given = ([['--ip', values.ip], ['--ip6', values.ip6], ['--mac-address', values.macAddress], ['--network-alias', values.networkAlias[0]]] as const)
    .find(([, value]) => value !== undefined)
  if (given) throw invalid(given[0], given[1]!, `it cannot be set with --network ${kind}`)
}

/** `host:ip`, `host1;host2:ip`, `host:host-gateway`; each name on its own. @throws Failure invalid */
export function parseAddHost(text: string): string[] {
  const colon = text.indexOf(':')
  const address = text.slice(colon + 1).replace(/^\[(.*)\]$/, '$1')
  if (colon <= 0) throw invalid('--add-host', text, 'expected NAME:ADDRESS')
  if (address !== 'host-gateway' && !isIPv4(address) && !isIPv6(address)) throw invalid('--add-host', text, `"${address}" is not an IP address or host-gateway`)
  return text.slice(0, colon).split(';').map((name) => `${name}:${address}`)
}

/** @throws Failure invalid */
export function toDns(values: Pick<CreateValues, 'dns' | 'dnsSearch' | 'dnsOption'>, network: NetworkRequest['kind'] = 'bridge'): { servers: string[]; searches: string[]; options: string[] } | undefined {
  if (values.dns.length + values.dnsSearch.length + values.dnsOption.length === 0) return undefined
  if (network === 'none' || network === 'container') {
    const flag = values.dns.length ? '--dns' : values.dnsSearch.length ? '--dns-search' : '--dns-option'
    throw new Failure('invalid', `${flag} cannot be set with --network ${network}`, { hint: network === 'none' ? 'no server can be reached' : 'the resolv.conf is the other container\'s' })
  }
  for (const server of values.dns) {
    if (server !== 'none' && !isIPv4(server) && !isIPv6(server)) throw invalid('--dns', server, 'it is not an IP address')
  }
  if (values.dns.includes('none') && values.dns.length > 1) throw invalid('--dns', values.dns.join(','), 'none cannot be combined with servers')
  for (const search of values.dnsSearch) checkWord('--dns-search', search)
  for (const option of values.dnsOption) checkWord('--dns-option', option)
  return { servers: [...values.dns], searches: [...values.dnsSearch], options: [...values.dnsOption] }
}

/** It becomes a word of resolv.conf or of the hosts file. */
function checkWord(flag: string, text: string): void {
  if (/[\s\p{Cc}#]/u.test(text)) throw invalid(flag, text, 'it is more than one word')
}
