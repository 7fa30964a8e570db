import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import test from 'node:test'

import { isFailure } from '../errors.ts'
import { parseSubnet } from './addresses.ts'
import { chooseDefaultSubnet, planNetwork } from './create-network.ts'
import type { Surroundings } from './create-network.ts'
import { viewOf } from './network-view.ts'
import type { CreateNetwork } from './networks.ts'

const around = (overrides: Partial<Surroundings> = {}): Surroundings => ({
  lists: [], hostSubnets: [], hostInterfaces: new Set(['lo', 'up0']), pools: [{ base: '10.89.0.0/16', size: 24 }, { base: '10.200.0.0/24', size: 24 }],
  leasesDir: '/leases', hasPlugin: () => false, now: new Date('2026-11-21T05:31:24.630Z'), ...overrides,
})
const plan = (request: CreateNetwork, where: Partial<Surroundings> = {}) => planNetwork(request, around(where))
const refused = (request: CreateNetwork, message: RegExp, where: Partial<Surroundings> = {}) =>
  assert.throws(() => plan({ name: 'x', ...request }, where), (error) => isFailure(error) && message.test(error.message))

test('a plain network shows in the shape that podman prints', () => {
  assert.deepEqual(viewOf(plan({ name: 'n1', labels: [['a', 'b']], options: [['mtu', '1400'], ['isolate', '1']] })), {
    name: 'n1',
    id: createHash('sha256').update('n1').digest('hex'),
    driver: 'bridge',
    network_interface: 'scow1',
    created: '2026-11-21T05:31:24.630Z',
    subnets: [{ subnet: '10.89.0.0/24', gateway: '10.89.0.1' }],
    ipv6_enabled: false,
    internal: false,
    dns_enabled: false,
    labels: { a: 'b' },
    options: { mtu: '1400', isolate: 'true' },
    ipam_options: { driver: 'host-local' },
  })
})

test('names, bridges and subnets that are taken are stepped over', () => {
  const first = plan({ name: 'scow1' })
  const second = viewOf(plan({}, { lists: [first], hostSubnets: [parseSubnet('10.89.1.0/25')!], hostInterfaces: new Set(['scow2']) }))
  assert.deepEqual([second.name, second.network_interface, second.subnets?.[0]?.subnet], ['scow2', 'scow3', '10.89.2.0/24'])
  const far = viewOf(plan({ name: 'n' }, { hostSubnets: [parseSubnet('10.89.0.0/16')!] }))
  assert.equal(far.subnets?.[0]?.subnet, '10.200.0.0/24')
  refused({}, /no free subnet is left/, { hostSubnets: [parseSubnet('10.0.0.0/8')!] })
})

test('the default network finds room on a host that routes all of 10.0.0.0/8', () => {
  const full = around({ hostSubnets: [parseSubnet('10.0.0.0/8')!, parseSubnet('172.20.0.0/16')!] })
  assert.equal(chooseDefaultSubnet(full, undefined).subnet, '172.21.0.0/24')
  assert.deepEqual(chooseDefaultSubnet(full, '10.88.0.0/16'), chooseDefaultSubnet(full, undefined), 'what is configured is in use')
  assert.deepEqual(chooseDefaultSubnet(around(), '10.88.0.0/16'), { subnet: '10.88.0.0/16', gateway: '10.88.0.1' })
})

test('subnets, gateways and ranges are taken as given, on both families', () => {
  const view = viewOf(plan({
    name: 'two', internal: true, routes: [{ destination: '10.9.0.0/16', gateway: '10.1.0.7' }],
    subnets: [{ subnet: '10.1.0.9/24', gateway: '10.1.0.254', ipRange: '10.1.0.64/26' }, { subnet: 'fd33::/64', ipRange: 'fd33::10-fd33::20' }],
  }))
  assert.deepEqual(view.subnets, [
    { subnet: '10.1.0.0/24', gateway: '10.1.0.254', lease_range: { start_ip: '10.1.0.65', end_ip: '10.1.0.127' } },
    { subnet: 'fd33::/64', gateway: 'fd33::1', lease_range: { start_ip: 'fd33::10', end_ip: 'fd33::20' } },
  ])
  assert.deepEqual([view.ipv6_enabled, view.internal, view.routes], [true, true, [{ destination: '10.9.0.0/16', gateway: '10.1.0.7' }]])
  const six = viewOf(plan({ name: 'six', ipv6: true }))
  assert.match(six.subnets?.[1]?.subnet ?? '', /^fd[0-9a-f:]+::\/64$/)
  assert.equal(viewOf(plan({ name: 'only', subnets: [{ subnet: '2001:db8::/64' }] })).subnets?.length, 1)
  const end = viewOf(plan({ name: 'e', subnets: [{ subnet: '10.1.0.0/24', ipRange: '10.1.0.128/25' }] }))
  assert.equal(end.subnets?.[0]?.lease_range?.end_ip, '10.1.0.254', 'never the broadcast address')
  const one = viewOf(plan({ name: 'o', subnets: [{ subnet: '10.1.0.0/24', ipRange: '10.1.0.9/32' }] }))
  assert.deepEqual(one.subnets?.[0]?.lease_range, { start_ip: '10.1.0.9', end_ip: '10.1.0.9' })
})

test('a bridge of the host is used with its own address and noted as not ours', () => {
  const where = (addresses: string[]) => ({ hostInterfaces: new Set(['br0']), bridge: { name: 'br0', addresses } })
  const bare = plan({ name: 'n', interfaceName: 'br0', subnets: [{ subnet: '10.1.0.0/24' }] }, where([]))
  assert.deepEqual([bare.scow?.interface, bare.scow?.adopted], ['br0', true])
  assert.deepEqual(viewOf(plan({ name: 'n', interfaceName: 'br0' }, where(['10.7.0.9/24']))).subnets, [{ subnet: '10.7.0.0/24', gateway: '10.7.0.9' }])
  refused({ interfaceName: 'br0', subnets: [{ subnet: '10.7.0.0/24' }] }, /^bridge br0 has the address 10.7.0.9\/24$/, where(['10.7.0.9/24']))
  assert.equal(plan({ name: 'n' }).scow?.adopted, undefined)
})

test('name servers are handed to the plugin', () => {
  for (const driver of ['bridge', 'macvlan']) assert.deepEqual(plan({ name: 'd', driver, dnsServers: ['9.9.9.9'] }).plugins[0]?.['dns'], { nameservers: ['9.9.9.9'] })
})

test('what cannot be is refused in one line', () => {
  const lists = [plan({ name: 'n1', subnets: [{ subnet: '10.1.0.0/24' }] })]
  refused({ name: 'n1' }, /^network name n1 already used: network already exists$/, { lists })
  refused({ name: 'scow' }, /already used/)
  refused({ subnets: [{ subnet: '10.1.0.0/25' }] }, /^subnet 10.1.0.0\/25 is already used on the host or by another config$/, { lists })
  refused({ subnets: [{ subnet: '10.2.0.0/24' }, { subnet: '10.2.0.128/25' }] }, /already used/)
  refused({ name: '../x' }, /^network name \.\.\/x invalid: names must match/)
  refused({ name: 'n'.repeat(129) }, /^network name n{40}\.\.\. invalid: it has 129 characters, 128 are allowed$/)
  for (const name of ['host', 'none', 'bridge', 'container']) refused({ name }, /conflicts with a valid network mode/)
  refused({ subnets: [{ subnet: '10.1' }] }, /^invalid CIDR address: 10.1$/)
  refused({ subnets: [{ subnet: '10.4.0.0/24', gateway: '10.5.0.1' }] }, /^gateway 10.5.0.1 not in subnet 10.4.0.0\/24$/)
  refused({ subnets: [{ subnet: '10.4.0.0/24', gateway: '10.4.0.0' }] }, /^gateway 10.4.0.0 is the address of subnet 10.4.0.0\/24 itself$/)
  refused({ subnets: [{ subnet: '10.4.0.0/24', gateway: '10.4.0.255' }] }, /^gateway 10.4.0.255 is the broadcast address of subnet 10.4.0.0\/24 itself$/)
  refused({ subnets: [{ subnet: 'fd44::/64', gateway: 'fd44::' }] }, /^gateway fd44:: is the address/)
  for (const subnet of ['224.0.0.0/24', '239.1.0.0/16', 'ff02::/64', '192.0.0.0/1']) refused({ subnets: [{ subnet }] }, /has multicast addresses$/)
  refused({ subnets: [{ subnet: '10.4.0.0/24' }, { subnet: '10.5.0.0/24' }] }, /^a network has one IPv4 subnet: 10.5.0.0\/24 is the second$/)
  refused({ subnets: [{ subnet: '10.6.0.0/24', ipRange: '10.7.0.0/25' }] }, /^lease range start ip 10.7.0.1 not in subnet 10.6.0.0\/24$/)
  refused({ subnets: [{ subnet: '10.6.0.0/24', ipRange: '10.6.0.9-10.6.0.3' }] }, /ends before it starts/)
  refused({ subnets: [{ subnet: '10.6.0.0/31' }] }, /too small/)
  refused({ driver: 'foo' }, /^unsupported driver foo$/)
  refused({ options: [['foo', '1']] }, /^unsupported bridge network option foo$/)
  refused({ options: [['mtu', '-3']] }, /^mtu -3 is less than zero$/)
  refused({ options: [['vlan', '9999']] }, /^vlan ID 9999 must be between 0 and 4094$/)
  refused({ options: [['isolate', 'maybe']] }, /not true or false/)
  refused({ interfaceName: 'waytoolonginterfacename' }, /at most 15/)
  refused({ interfaceName: 'scow1' }, /already in use/, { lists })
  refused({ interfaceName: 'up0' }, /^interface up0 exists on this host and is no bridge$/)
  refused({ driver: 'macvlan', subnets: [{ subnet: '10.70.0.0/24' }], options: [['parent', 'eth9']] }, /^parent interface eth9 does not exist$/)
  refused({ driver: 'macvlan', ipamDriver: 'host-local' }, /^macvlan driver needs at least one subnet specified/)
  refused({ driver: 'ipvlan', options: [['mode', 'bridge']] }, /^unknown ipvlan mode "bridge"$/)
  refused({ ipamDriver: 'dhcp' }, /only for macvlan/)
  refused({ ipamDriver: 'none', subnets: [{ subnet: '10.6.0.0/24' }] }, /takes no subnet/)
  refused({ routes: [{ destination: '10.9.0.0/16', gateway: 'fd00::1' }] }, /invalid gateway/)
})

test('macvlan and ipvlan stand on their parent, dnsname is used where it is installed', () => {
  const macvlan = plan({ name: 'm', driver: 'macvlan', options: [['parent', 'up0'], ['mode', 'private']] })
  assert.deepEqual(macvlan.plugins, [{ type: 'macvlan', master: 'up0', mode: 'private', capabilities: { ips: true, mac: true }, ipam: { type: 'dhcp' } }])
  const ipvlan = plan({ name: 'i', driver: 'ipvlan', interfaceName: 'up0', subnets: [{ subnet: '10.71.0.0/24' }] })
  assert.deepEqual(ipvlan.plugins[0]?.ipam?.['routes'], [{ dst: '0.0.0.0/0' }])
  const types = (request: CreateNetwork) => plan({ name: 'd', ...request }, { hasPlugin: (type) => type === 'dnsname' }).plugins.map(({ type }) => type)
  assert.ok(types({}).includes('dnsname'))
  assert.ok(!types({ disableDns: true }).includes('dnsname'))
})
