// From what `network create` settled to a CNI list of our own. Masquerading and forwarding are ours per network
// (network-rules.ts): the bridge and firewall plugins would do them per container, at several times the cost.
import type { NetworkList, PluginConfig } from './cni-types.ts'

/** The network that scow makes for itself. */
export const OWN_DEFAULT = 'scow'

export interface NetworkSettings {
  readonly name: string
  readonly driver: string
  /** The bridge, or the parent of macvlan and ipvlan. */
  readonly interface?: string
  /** The bridge was there before. */
  readonly adopted?: boolean
  readonly subnets: readonly { readonly subnet: string; readonly gateway?: string; readonly start?: string; readonly end?: string }[]
  readonly routes: readonly { readonly destination: string; readonly gateway: string }[]
  readonly ipamDriver: string
  readonly internal: boolean
  readonly ipv6: boolean
  /** The dnsname plugin is there and wanted. */
  readonly dns: boolean
  /** Its containers ask these before the host's. */
  readonly nameservers?: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  readonly options: Readonly<Record<string, string>>
  /** Directory of leases. */
  readonly leasesDir: string
  /** RFC 3339. */
  readonly created: string
}

const DNS_DOMAIN = 'dns.scow'

/** Version 1.0.0, which every plugin in today's distributions speaks. */
export const composeList = (settings: NetworkSettings): NetworkList => {
  const { name, driver, internal, ipv6, dns, labels, options, created } = settings
  return {
    name,
    cniVersion: '1.0.0',
    disableCheck: false,
    disableGC: false,
    plugins: driver === 'bridge' ? bridgePlugins(settings) : [parentedPlugin(settings)],
    scow: { created, driver, ...(settings.interface ? { interface: settings.interface } : {}), ...(settings.adopted ? { adopted: true } : {}), internal, ipv6, dns, labels, options },
  }
}

const bridgePlugins = (settings: NetworkSettings): PluginConfig[] => {
  const { options, internal, dns } = settings
  const gateway = settings.ipamDriver === 'host-local'
  const bridge: PluginConfig = {
    type: 'bridge',
    bridge: settings.interface,
    isGateway: gateway,
    isDefaultGateway: gateway && !internal && options['no_default_route'] !== 'true',
    ipMasq: false,
    hairpinMode: true,
    ...(options['mtu'] ? { mtu: Number(options['mtu']) } : {}),
    ...(options['vlan'] ? { vlan: Number(options['vlan']) } : {}),
    ...nameservers(settings),
    capabilities: { ips: true, mac: true },
    ipam: ipam(settings),
  }
  return [
    bridge,
    ...(gateway && !internal ? [{ type: 'portmap', snat: true, capabilities: { portMappings: true } }] : []),
    { type: 'bandwidth', capabilities: { bandwidth: true } },
    ...(dns ? [{ type: 'dnsname', domainName: DNS_DOMAIN, capabilities: { aliases: true } }] : []),
  ]
}

/** macvlan and ipvlan stand on a parent interface; `internal` leaves out the default route. */
const parentedPlugin = (settings: NetworkSettings): PluginConfig => {
  const { options, driver } = settings
  return {
    type: driver,
    ...(settings.interface ? { master: settings.interface } : {}),
    ...(options['mode'] ? { mode: options['mode'] } : {}),
    ...(options['mtu'] ? { mtu: Number(options['mtu']) } : {}),
    ...nameservers(settings),
    capabilities: driver === 'macvlan' ? { ips: true, mac: true } : { ips: true },
    ipam: ipam(settings),
  }
}

/** The plugin hands them on with the address. */
const nameservers = ({ nameservers: list }: NetworkSettings): { dns?: { nameservers: readonly string[] } } => (list ? { dns: { nameservers: list } } : {})

const ipam = ({ ipamDriver, subnets, routes, internal, driver, options, leasesDir }: NetworkSettings): Record<string, unknown> => {
  if (ipamDriver === 'none') return {}
  if (ipamDriver === 'dhcp') return { type: 'dhcp' }
  const noDefault = internal || driver === 'bridge' || options['no_default_route'] === 'true'
  const defaults = noDefault ? [] : subnets.map(({ subnet }) => ({ dst: subnet.includes(':') ? '::/0' : '0.0.0.0/0' }))
  return {
    type: 'host-local',
    dataDir: leasesDir,
    ranges: subnets.map(({ subnet, gateway, start, end }) => [
      { subnet, ...(start ? { rangeStart: start } : {}), ...(end ? { rangeEnd: end } : {}), ...(gateway ? { gateway } : {}) },
    ]),
    routes: [...defaults, ...routes.map(({ destination, gateway }) => ({ dst: destination, gw: gateway }))],
  }
}
