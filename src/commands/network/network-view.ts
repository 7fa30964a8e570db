// A network as templates see it; JSON has the names of the view itself.
import { GoTime, NIL_MAP, goMap, sliceOrNil, struct } from '../../cli/template/values.ts'
import type { Engine } from '../../engine/engine.ts'

export type Network = Awaited<ReturnType<Awaited<ReturnType<Engine['networks']>>['list']>>[number]

const map = (entries: Readonly<Record<string, string>> | undefined) => (entries && Object.keys(entries).length ? goMap(entries) : NIL_MAP)

/** `listed`: as `ls` gives it to templates, with a short id and the labels as text. */
export function networkView(network: Network, { truncate = false, listed = false }: { truncate?: boolean; listed?: boolean } = {}) {
  const subnets = (network.subnets ?? []).map((subnet) => struct('types.Subnet', {
    Subnet: subnet.subnet, ...(subnet.gateway === undefined ? {} : { Gateway: subnet.gateway }),
    ...(subnet.lease_range ? { LeaseRange: struct('types.LeaseRange', { StartIP: subnet.lease_range.start_ip ?? '', EndIP: subnet.lease_range.end_ip ?? '' }, { StartIP: 'start_ip', EndIP: 'end_ip' }) } : {}),
  }, { Subnet: 'subnet', Gateway: 'gateway', LeaseRange: 'lease_range' }))
  const full = {
    Name: network.name, ID: truncate ? network.id.slice(0, 12) : network.id, Driver: network.driver,
    NetworkInterface: network.network_interface ?? '', Created: new GoTime(network.created), Subnets: sliceOrNil(subnets),
    Routes: sliceOrNil((network.routes ?? []).map(({ destination, gateway }) => struct('types.Route', { Destination: destination, Gateway: gateway }, { Destination: 'destination', Gateway: 'gateway' }))),
    IPv6Enabled: network.ipv6_enabled, Internal: network.internal, DNSEnabled: network.dns_enabled, Labels: listed ? Object.entries(network.labels ?? {}).map(([key, value]) => `${key}=${value}`).sort().join(',') : map(network.labels), Options: map(network.options),
    IPAMOptions: goMap(network.ipam_options as unknown as Record<string, string>),
  }
  const empty = (name: string): Record<string, string> => ({ [name]: '-' })
  return struct('types.Network', full, {
    Name: 'name', ID: 'id', Driver: 'driver', NetworkInterface: 'network_interface', Created: 'created', Subnets: 'subnets', Routes: 'routes', IPv6Enabled: 'ipv6_enabled',
    Internal: 'internal', DNSEnabled: 'dns_enabled', Labels: 'labels', Options: 'options', IPAMOptions: 'ipam_options',
    ...(network.network_interface === undefined ? empty('NetworkInterface') : {}), ...(subnets.length ? {} : empty('Subnets')), ...(network.routes?.length ? {} : empty('Routes')),
    ...(full.Labels === NIL_MAP ? empty('Labels') : {}), ...(full.Options === NIL_MAP ? empty('Options') : {}),
  })
}
