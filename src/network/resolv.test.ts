import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'

import { readHostResolv, resolvText } from './resolv.ts'

const HOST = '# c\ndomain old\nsearch a.test b.test\nnameserver 127.0.0.1\nnameserver 192.0.2.53 ; c\nnameserver fd00::53\noptions ndots:2\noptions edns0\n'
const inputs = { host: HOST, servers: [], searches: [], options: [], ownNetns: true, ipv6: false }

test('the host settings are kept but for servers that cannot be reached', () => {
  assert.equal(resolvText(inputs), 'search a.test b.test\nnameserver 192.0.2.53\noptions ndots:2 edns0\n')
  assert.match(resolvText({ ...inputs, ipv6: true }), /nameserver fd00::53/)
  assert.match(resolvText({ ...inputs, ownNetns: false }), /nameserver 127.0.0.1\nnameserver 192/)
})

test('what the user gives replaces, and what plugins give comes first', () => {
  assert.equal(resolvText({ ...inputs, servers: ['9.9.9.9'], searches: ['.'], options: ['use-vc'], networkServers: ['10.89.0.1'] }), 'nameserver 9.9.9.9\noptions use-vc\n')
  assert.match(resolvText({ ...inputs, networkServers: ['10.89.0.1'], networkSearches: ['dns.scow'] }), /^search dns.scow a.test b.test\nnameserver 10.89.0.1\nnameserver 192/)
  assert.throws(() => resolvText({ ...inputs, servers: ['dns.test'] }), /dns.test is not an ip address/)
})

test('a container in its own namespace always has a server', () => {
  assert.equal(resolvText({ ...inputs, host: 'nameserver ::1\nnameserver fe80::1%eth0\n' }), 'nameserver 8.8.8.8\nnameserver 8.8.4.4\n')
  assert.equal(resolvText({ ...inputs, host: '', ownNetns: false }), '')
})

test('the servers behind the stub of systemd-resolved are used', () => {
  const dir = mkdtempSync(join(tmpdir(), 'scow-resolv-'))
  const [stub, upstream] = [join(dir, 'stub'), join(dir, 'upstream')]
  writeFileSync(stub, 'nameserver 127.0.0.53\noptions edns0\n')
  assert.match(readHostResolv(true, stub, upstream), /127.0.0.53/)
  writeFileSync(upstream, 'nameserver 192.0.2.1\n')
  assert.equal(readHostResolv(true, stub, upstream), 'nameserver 192.0.2.1\n')
  assert.match(readHostResolv(false, stub, upstream), /127.0.0.53/)
  rmSync(dir, { recursive: true })
})
