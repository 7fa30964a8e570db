// How a list looks to a user: podman's shape, for our lists and foreign ones alike.
import { statSync } from 'node:fs'
import * as v from 'valibot'

import type { NetworkList } from './cni-types.ts'
import type { NetworkSubnet, NetworkView } from './networks.ts'

export const networkId = (name: string): string => process.getBuiltinModule('node:crypto').createHash('sha256').update(name).digest('hex')

export const viewOf = (list: NetworkList): NetworkView => {
  const [first] = list.plugins
  const { ranges, routes, type: ipamType } = readIpam(first?.ipam)
  const linked = list.scow?.interface ?? interfaceOf(first ?? {})
  const subnets = ranges.map(toSubnet)
  const { labels = {}, options = {} } = list.scow ?? {}
  const ours = list.scow !== undefined
  const gatewayRoutes = routes.flatMap(({ dst, gw }) => (gw ? [{ destination: dst, gateway: gw }] : []))
  return {
    name: list.name,
    // Worked out when looked at: to load what hashes it takes longer than all the rest of attaching.
    get id() { return networkId(list.name) },
    driver: list.scow?.driver ?? first?.type ?? '',
    ...(linked ? { network_interface: linked } : {}),
    created: list.scow?.created ?? modified(list.file),
    ...(subnets.length > 0 ? { subnets } : {}),
    ...(gatewayRoutes.length > 0 ? { routes: gatewayRoutes } : {}),
    ipv6_enabled: list.scow?.ipv6 ?? subnets.some(({ subnet }) => subnet.includes(':')),
    internal: list.scow?.internal ?? false,
    dns_enabled: ours ? list.scow?.dns ?? false : list.plugins.some(({ type }) => type === 'dnsname'),
    ...(Object.keys(labels).length > 0 ? { labels } : {}),
    ...(Object.keys(options).length > 0 ? { options } : {}),
    ipam_options: { driver: ipamType ?? 'none' },
  }
}

const optionalText = v.optional(v.string())
const rangeSchema = v.object({ subnet: v.string(), gateway: optionalText, rangeStart: optionalText, rangeEnd: optionalText })
const ipamSchema = v.object({
  type: optionalText,
  subnet: optionalText, gateway: optionalText, rangeStart: optionalText, rangeEnd: optionalText,
  ranges: v.optional(v.array(v.array(rangeSchema)), []),
  routes: v.optional(v.array(v.object({ dst: v.string(), gw: optionalText })), []),
})
type Range = v.InferOutput<typeof rangeSchema>

/** Address ranges as host-local has them, in the old form and the new; those of other plugins may be unknown. */
const readIpam = (ipam: unknown): { readonly type?: string | undefined; readonly ranges: readonly Range[]; readonly routes: readonly { dst: string; gw?: string | undefined }[] } => {
  const parsed = v.safeParse(ipamSchema, ipam ?? {})
  if (!parsed.success) return { ranges: [], routes: [] }
  const { type, subnet, ranges, routes, ...rest } = parsed.output
  return { type, ranges: [...(subnet ? [{ subnet, ...rest }] : []), ...ranges.flat()], routes }
}

const toSubnet = ({ subnet, gateway, rangeStart, rangeEnd }: Range): NetworkSubnet => ({
  subnet,
  ...(gateway ? { gateway } : {}),
  ...(rangeStart || rangeEnd
    ? { lease_range: { ...(rangeStart ? { start_ip: rangeStart } : {}), ...(rangeEnd ? { end_ip: rangeEnd } : {}) } }
    : {}),
})

const interfaceOf = (plugin: Readonly<Record<string, unknown>>): string | undefined =>
  [plugin['bridge'], plugin['master']].find((value): value is string => typeof value === 'string')

const modified = (file: string | undefined): string => {
  const time = file ? statSync(file, { throwIfNoEntry: false })?.mtime : undefined
  return (time ?? new Date(0)).toISOString()
}
