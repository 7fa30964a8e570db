import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'

import { askTcp, inJail, makeRig, sh, startEcho } from './test-jail.ts'

inJail(import.meta.filename, () => {
  test('a container of the default network is reachable and leaves nothing behind', async () => {
    const { networks, options } = makeRig()
    const netns = await networks.createNetns('c1')
    const [result] = await networks.attach({ containerId: 'c1', netns, networks: [] })
    assert.equal(result?.network, 'scow')
    assert.equal(result.interface, 'eth0')
    assert.deepEqual(result.ips, [{ address: '10.89.0.2/24', gateway: '10.89.0.1' }])
    assert.match(result.mac ?? '', /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)
    await using _ = await startEcho(netns, 80)
    assert.equal(await askTcp('10.89.0.2', 80), '::ffff:10.89.0.1')
    assert.match(sh(`nsenter --net=${netns} ip route`), /default via 10.89.0.1 dev eth0/)
    assert.match(sh('iptables-save -t nat'), /-A POSTROUTING -s 10.89.0.0\/24 .* -j SCOW-NAT-/)
    await networks.detach({ containerId: 'c1', netns })
    await networks.removeNetns('c1')
    assert.deepEqual(await networks.listNetns(), [])
    assert.deepEqual(readdirSync(join(options.cacheDir, 'results')), [])
    assert.deepEqual(readdirSync(join(options.cacheDir, 'networks/scow')).filter((name) => /^\d/.test(name)), [])
  })
})
