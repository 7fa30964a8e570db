import { commaList, flag, list, text } from '../../cli/option.ts'
import type { ValuesOf } from '../../cli/command.ts'
import { createNetwork } from '../../engine/create-network.ts'
import { Failure } from '../../errors.ts'
import { isIP } from '../../ip.ts'
import { defineCommand } from '../command.ts'
import { parseAssignments, parseLabels } from '../container/request/pairs.ts'

const options = {
  disableDns: flag('--disable-dns', 'Without the CNI plugin dnsname, where that is installed'),
  dns: commaList('--dns <address>', 'DNS server of its containers'),
  driver: text('-d, --driver <driver>', 'bridge, macvlan or ipvlan (default bridge)'),
  gateway: list('--gateway <address>', 'Gateway of the subnet before it'),
  ignore: flag('--ignore', 'One of that name is no error'),
  interfaceName: text('--interface-name <name>', 'Name of the bridge (one that is there is used, and stays), or the parent of a macvlan'),
  internal: flag('--internal', 'No way out of the host'),
  ipRange: list('--ip-range <range>', 'Addresses to give, as a CIDR or FIRST-LAST'),
  ipamDriver: text('--ipam-driver <driver>', 'host-local, dhcp or none'),
  ipv6: flag('--ipv6', 'Give IPv6 addresses too'),
  label: list('--label <key=value>', 'Set a label'),
  opt: list('-o, --opt <name=value>', 'Option of the driver: mtu, no_default_route; of bridge: isolate, vlan; of macvlan and ipvlan: mode, parent'),
  route: list('--route <destination,gateway>', 'Route of its containers'),
  subnet: list('--subnet <cidr>', 'Addresses of the network; may be given again'),
}

export const spec = defineCommand({
  name: 'create',
  summary: 'Make a network',
  args: [{ name: 'name', arity: 'optional' }],
  options,
  examples: ['network create backend', 'network create --subnet 10.50.0.0/24 --gateway 10.50.0.1 lab'],
  async run({ args, options: values, out, engine: open }) {
    const request = {
      ...(args[0] === undefined ? {} : { name: args[0] }), ...(values.driver === undefined ? {} : { driver: values.driver }), ...subnetsOf(values),
      ipv6: values.ipv6, internal: values.internal, disableDns: values.disableDns, ...(values.dns.length ? { dnsServers: values.dns.map((server) => address('--dns', server)) } : {}),
      ...(values.route.length ? { routes: values.route.map(routeOf) } : {}), ...(values.ipamDriver === undefined ? {} : { ipamDriver: values.ipamDriver }),
      ...(values.interfaceName === undefined ? {} : { interfaceName: values.interfaceName }), ...(values.opt.length ? { options: parseAssignments(values.opt, '--opt') } : {}),
      ...(values.label.length ? { labels: parseLabels(values.label) } : {}), ignoreExisting: values.ignore,
    }
    out.line((await createNetwork(await open(), request)).name)
  },
})

const address = (flagName: string, value: string): string => {
  if (isIP(value) === 0) throw new Failure('invalid', `invalid value "${value}" for ${flagName}: it is not an IP address`)
  return value
}

/** The first gateway and range belong to the first subnet, and so on. */
function subnetsOf({ subnet, gateway, ipRange }: ValuesOf<typeof options>) {
  const pairs = [['--gateway', gateway], ['--ip-range', ipRange]] as const
  for (const [name, given] of pairs) {
    if (given.length > subnet.length) throw new Failure('invalid', `${name} ${given[subnet.length]} has no --subnet of its own`, { hint: 'give as many --subnet' })
  }
  if (subnet.length === 0) return {}
  return {
    subnets: subnet.map((cidr, at) => {
      if (!/^[^/]+\/\d{1,3}$/.test(cidr) || isIP(cidr.split('/')[0]!) === 0) throw new Failure('invalid', `invalid value "${cidr}" for --subnet: expected a CIDR such as 10.50.0.0/24`)
      return { subnet: cidr, ...(gateway[at] === undefined ? {} : { gateway: address('--gateway', gateway[at]) }), ...(ipRange[at] === undefined ? {} : { ipRange: ipRange[at] }) }
    }),
  }
}

const routeOf = (value: string): { destination: string; gateway: string } => {
  const [destination, gateway, ...more] = value.split(',')
  if (destination && gateway && more.length === 1) throw new Failure('unsupported', `--route ${value}: the CNI plugins set no metric`, { hint: `give --route ${destination},${gateway}` })
  if (!destination || !gateway || more.length > 0) throw new Failure('invalid', `invalid value "${value}" for --route: expected DESTINATION,GATEWAY`)
  return { destination, gateway }
}
