import assert from 'node:assert/strict'
import test from 'node:test'

import { contains, firstHost, formatAddress, formatSubnet, lastAddress, nextSubnet, overlaps, parseAddress, parseSubnet } from './addresses.ts'

test('addresses survive parsing and formatting in their shortest form', () => {
  for (const [text, shown] of [
    ['10.89.0.1', '10.89.0.1'], ['255.255.255.255', '255.255.255.255'], ['::', '::'], ['::1', '::1'], ['fd00:0:0:1::5', 'fd00:0:0:1::5'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'], ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'], ['fe80::', 'fe80::'], ['2001:DB8::0:1', '2001:db8::1'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'], ['::ffff:1.2.3.4', '::ffff:102:304'], ['1:2:3:4:5:6:0:0', '1:2:3:4:5:6::'], ['10:0:0:20::', '10:0:0:20::'],
  ] as const) {
    assert.equal(formatAddress(parseAddress(text)!), shown)
  }
  for (const bad of ['', '10.0.0', '10.0.0.256', 'fe80::1%eth0', 'host', '1::2::3']) assert.equal(parseAddress(bad), undefined)
})

test('a subnet is cut to its base and knows its ends', () => {
  const subnet = parseSubnet('10.89.3.7/24')!
  assert.equal(formatSubnet(subnet), '10.89.3.0/24')
  assert.equal(formatAddress(firstHost(subnet)), '10.89.3.1')
  assert.equal(formatAddress(lastAddress(subnet)), '10.89.3.255')
  assert.equal(formatSubnet(nextSubnet(subnet)), '10.89.4.0/24')
  assert.equal(formatSubnet(parseSubnet('fd33::9/64')!), 'fd33::/64')
  for (const bad of ['10.1', '10.0.0.0/33', '10.0.0.0', '::/129', '10.0.0.0/-1']) assert.equal(parseSubnet(bad), undefined)
})

test('subnets overlap when one holds the other, never across families', () => {
  const subnet = (text: string) => parseSubnet(text)!
  assert.ok(overlaps(subnet('10.0.0.0/8'), subnet('10.89.0.0/24')))
  assert.ok(overlaps(subnet('10.89.0.0/24'), subnet('10.0.0.0/8')))
  assert.ok(!overlaps(subnet('10.89.0.0/24'), subnet('10.89.1.0/24')))
  assert.ok(!overlaps(subnet('0.0.0.0/0'), subnet('::/0')))
  assert.ok(contains(subnet('fd33::/64'), parseAddress('fd33::42')!))
})
