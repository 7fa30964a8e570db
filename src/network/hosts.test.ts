import assert from 'node:assert/strict'
import test from 'node:test'

import { isFailure } from '../errors.ts'
import { hostsText } from './hosts.ts'

const inputs = { base: '', addHosts: [], ownAddresses: ['10.89.0.2'], ownNames: ['abc', 'web', 'abc'], hostAddress: '10.89.0.1' }

test('a container finds itself, loopback and its host', () => {
  assert.equal(hostsText(inputs), [
    '127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback', '10.89.0.1\thost.containers.internal host.docker.internal', '10.89.0.2\tabc web', '',
  ].join('\n'))
})

test('added hosts come first and take their names from every other line', () => {
  const text = hostsText({ ...inputs, base: '10.0.0.9 db other # c\n127.0.0.1 localhost\nnonsense\n', addHosts: ['db;db2:10.0.0.1', 'six:[fd00::1]', 'up:host-gateway', 'host.docker.internal:1.2.3.4'] })
  assert.equal(text, [
    '10.0.0.1\tdb db2', 'fd00::1\tsix', '10.89.0.1\tup', '1.2.3.4\thost.docker.internal', '::1\tlocalhost ip6-localhost ip6-loopback', '10.0.0.9\tother', '127.0.0.1\tlocalhost',
    '10.89.0.1\thost.containers.internal', '10.89.0.2\tabc web', '',
  ].join('\n'))
})

test('without an address of its own a container is at loopback, unless the base file knows the name', () => {
  const { hostAddress: _, ...none } = inputs
  assert.match(hostsText({ ...none, ownAddresses: [] }), /127\.0\.0\.1\tabc web\n$/)
  assert.doesNotMatch(hostsText({ ...none, base: '192.0.2.1 abc web\n', ownAddresses: [] }), /127\.0\.0\.1\t.*abc/)
})

test('a bad host entry is refused with what is expected', () => {
  const { hostAddress: _, ...unreachable } = inputs
  for (const bad of ['db', ':1.2.3.4', 'db:', 'db:1.2.3', 'a b:1.2.3.4', 'db:host']) {
    assert.throws(() => hostsText({ ...inputs, addHosts: [bad] }), (error) => isFailure(error, 'invalid'), bad)
  }
  assert.throws(() => hostsText({ ...unreachable, addHosts: ['up:host-gateway'] }), /host-gateway/)
})
