import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, readdirSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'

import { isFailure } from '../errors.ts'
import { openNetworks } from './open-networks.ts'
import { askTcp, askUdp, inJail, makeRig, sh, startEcho } from './test-jail.ts'
import type { Rig } from './test-jail.ts'

/** A pinned namespace attached as `request` says; both are gone when disposed. */
const start = async ({ networks }: Rig, containerId: string, request: Partial<Parameters<Rig['networks']['attach']>[0]> = {}) => {
  const netns = await networks.createNetns(containerId)
  const results = await networks.attach({ containerId, netns, networks: [], ...request })
  return {
    netns, results,
    [Symbol.asyncDispose]: async () => {
      await networks.detach({ containerId, netns })
      await networks.removeNetns(containerId)
    },
  }
}

const leases = ({ options }: Rig, network = 'scow'): string[] => readdirSync(join(options.cacheDir, 'networks', network)).filter((name) => /^[0-9a-f]+[.:_]/.test(name))

const assertNothingLeft = async (rig: Rig, network = 'scow') => {
  assert.deepEqual(await rig.networks.listNetns(), [])
  assert.deepEqual(readdirSync(join(rig.options.cacheDir, 'results')), [])
  assert.deepEqual(leases(rig, network), [])
  assert.doesNotMatch(sh('iptables-save; ip6tables-save; ip link'), /CNI-DN-|CNI-[0-9a-f]{8}|veth/)
  assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(`${rig.options.netnsDir}/`))
}

inJail(import.meta.filename, () => {
  // The world outside: a host that reaches the jail over a cable.
  sh('ip link add up0 type veth peer name far && ip addr add 192.0.2.2/24 dev up0 && ip link set up0 up && mkdir -p /run/outside && touch /run/outside/net')
  sh('unshare --net=/run/outside/net true && ip link set far netns /run/outside/net')
  sh('nsenter --net=/run/outside/net sh -c "ip addr add 192.0.2.1/24 dev far && ip link set far up && ip link set lo up"')
  sh('ip route add default via 192.0.2.1')

  test('a container of the default network is reachable, reaches out under the name of its host, and leaves nothing', async (t) => {
    const rig = makeRig(t)
    {
      await using container = await start(rig, 'c1')
      const [result] = container.results
      assert.deepEqual(result?.ips, [{ address: '10.89.0.2/24', gateway: '10.89.0.1' }])
      assert.deepEqual([result.network, result.interface], ['scow', 'eth0'])
      assert.match(result.mac ?? '', /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)
      await using _ = await startEcho(container.netns, 80)
      assert.equal(await askTcp('10.89.0.2', 80), '::ffff:10.89.0.1')
      assert.match(sh(`nsenter --net=${container.netns} ip route`), /default via 10.89.0.1 dev eth0/)
      assert.match(sh(`nsenter --net=${container.netns} ip addr show lo`), /127.0.0.1/)
      await using outside = await startEcho('/run/outside/net', 7)
      assert.ok(outside)
      assert.equal(sh(`nsenter --net=${container.netns} bash -c 'cat < /dev/tcp/192.0.2.1/7'`), '::ffff:192.0.2.2')
      await rig.networks.check({ containerId: 'c1', netns: container.netns })
      assert.deepEqual(await rig.networks.attachments('c1'), container.results)
      assert.deepEqual(await rig.networks.status(), { network: 'scow', ready: true })
    }
    await assertNothingLeft(rig)
  })

  test('published ports answer on loopback, on every address of the host and from outside, for tcp, udp and sctp', async (t) => {
    const rig = makeRig(t)
    sh('iptables -P FORWARD DROP')
    {
      const ports = (['tcp', 'udp', 'sctp'] as const).map((protocol) => ({ hostPort: 8080, containerPort: 80, protocol, count: 1 }))
      await using container = await start(rig, 'c1', { ports: [...ports, { hostIp: '127.0.0.1', hostPort: 9000, containerPort: 80, protocol: 'tcp', count: 2 }] })
      await using _ = await startEcho(container.netns, 80)
      const address = container.results[0]!.ips[0]!.address.split('/')[0]!
      for (const host of ['127.0.0.1', '192.0.2.2', '10.89.0.1']) {
        assert.match(await askTcp(host, 8080), /^::ffff:/, `tcp ${host}`)
        assert.match(await askUdp(host, 8080), /^::ffff:/, `udp ${host}`)
      }
      assert.match(await askTcp(address, 80), /^::ffff:/)
      assert.match(await askTcp('127.0.0.1', 9000), /^::ffff:/)
      assert.equal(await askTcp('192.0.2.2', 9000), 'ECONNREFUSED')
      assert.equal(sh(`nsenter --net=/run/outside/net bash -c 'cat < /dev/tcp/192.0.2.2/8080'`), '::ffff:192.0.2.1', 'the source address is kept')
      assert.match(sh(`nsenter --net=${container.netns} bash -c 'cat < /dev/tcp/192.0.2.2/8080'`), /^::ffff:/, 'a container reaches itself over its host')
      assert.match(sh('iptables-save -t nat'), /-p sctp .*--to-destination/)
    }
    sh('iptables -P FORWARD ACCEPT')
    assert.equal(await askTcp('127.0.0.1', 8080), 'ECONNREFUSED')
    await assertNothingLeft(rig)
  })

  test('rules that were flushed, and a bridge that is gone, come back with the next container', async (t) => {
    const rig = makeRig(t)
    await using first = await start(rig, 'c1')
    assert.ok(first)
    sh('iptables -F; iptables -t nat -F; iptables -X; iptables -t nat -X')
    await using second = await start(rig, 'c2')
    assert.ok(second)
    assert.equal(sh('iptables-save').match(/-A POSTROUTING -s 10.89.0.0\/24/g)?.length, 1)
    await (await start(rig, 'c3'))[Symbol.asyncDispose]()
    const rules = sh('iptables-save')
    assert.equal(rules.match(/-A POSTROUTING -s 10.89.0.0\/24/g)?.length, 1)
    assert.equal(rules.match(/-A FORWARD .*scow network scow/g)?.length, 2)
  })

  test('addresses, interface name and MAC are as asked for, on two networks at once', async (t) => {
    const rig = makeRig(t)
    await rig.networks.create({ name: 'blue', subnets: [{ subnet: '10.77.0.0/24', gateway: '10.77.0.254', ipRange: '10.77.0.64/26' }], options: [['mtu', '1400']] })
    {
      await using container = await start(rig, 'c1', { networks: [{ name: 'scow', ip: '10.89.0.99', mac: '02:11:22:33:44:55' }, { name: 'blue', interfaceName: 'blue0' }] })
      assert.deepEqual(container.results.map(({ ips }) => ips), [[{ address: '10.89.0.99/24', gateway: '10.89.0.1' }], [{ address: '10.77.0.65/24', gateway: '10.77.0.254' }]])
      assert.equal(container.results[0]?.mac, '02:11:22:33:44:55')
      const seen = sh(`nsenter --net=${container.netns} sh -c "ip -br addr; ip route; ip link show blue0"`)
      assert.match(seen, /eth0@\S+\s+UP\s+10.89.0.99\/24/)
      assert.match(seen, /blue0@\S+\s+UP\s+10.77.0.65\/24/)
      assert.match(seen, /default via 10.89.0.1 dev eth0/)
      assert.match(seen, /mtu 1400/)
      await assert.rejects(start(rig, 'c2', { networks: [{ name: 'scow', ip: '10.89.0.99' }] }), /10.89.0.99/)
      await rig.networks.removeNetns('c2')
    }
    await assertNothingLeft(rig)
    await rig.networks.remove('blue')
    assert.doesNotMatch(sh('ip link; iptables-save'), /blue|10\.77\.|scow1/)
    assert.ok(!existsSync(join(rig.options.cacheDir, 'networks/blue')))
  })

  test('IPv6 networks answer on both families, published ports too', async (t) => {
    const rig = makeRig(t)
    const view = await rig.networks.create({ name: 'six', ipv6: true, subnets: [{ subnet: '10.66.0.0/24' }, { subnet: 'fd66::/64' }] })
    assert.equal(view.ipv6_enabled, true)
    {
      await using container = await start(rig, 'c1', { networks: [{ name: 'six', ip6: 'fd66::42', ip: '10.66.0.42' }], ports: [{ hostPort: 8081, containerPort: 80, protocol: 'tcp', count: 1 }] })
      assert.deepEqual(container.results[0]?.ips.map(({ address }) => address), ['10.66.0.42/24', 'fd66::42/64'])
      await using _ = await startEcho(container.netns, 80)
      assert.match(await askTcp('fd66::42', 80), /^fd66::/)
      assert.match(await askTcp('127.0.0.1', 8081), /^::ffff:/)
      assert.match(sh(`nsenter --net=${container.netns} ip -6 route`), /default via fd66::1/)
      assert.match(sh('ip6tables-save'), /-A POSTROUTING -s fd66::\/64/)
    }
    await assertNothingLeft(rig, 'six')
    await rig.networks.remove('six')
    assert.doesNotMatch(sh('ip6tables-save; iptables-save'), /fd66|10\.66\./)
  })

  test('an internal network reaches its neighbours and nothing beyond, an isolated one no other isolated one', async (t) => {
    const rig = makeRig(t)
    await rig.networks.create({ name: 'inner', internal: true })
    await rig.networks.create({ name: 'red', options: [['isolate', 'true']] })
    await rig.networks.create({ name: 'green', options: [['isolate', '1']] })
    {
      await using a = await start(rig, 'a', { networks: [{ name: 'inner' }] })
      await using b = await start(rig, 'b', { networks: [{ name: 'inner' }] })
      await using red = await start(rig, 'red1', { networks: [{ name: 'red' }] })
      await using green = await start(rig, 'green1', { networks: [{ name: 'green' }] })
      const plain = await start(rig, 'plain1')
      const addressOf = (container: typeof a) => container.results[0]!.ips[0]!.address.split('/')[0]
      const reaches = (from: typeof a, to: string | undefined, port = 80) =>
        sh(`nsenter --net=${from.netns} timeout 1 bash -c 'cat < /dev/tcp/${to}/${port}' 2>&1 || true`).startsWith('::ffff:')
      await using echoB = await startEcho(b.netns, 80)
      await using echoGreen = await startEcho(green.netns, 80)
      await using echoPlain = await startEcho(plain.netns, 80)
      await using echoOut = await startEcho('/run/outside/net', 80)
      assert.ok(echoB && echoGreen && echoPlain && echoOut)
      assert.equal(reaches(a, addressOf(b)), true)
      assert.doesNotMatch(sh(`nsenter --net=${a.netns} ip route`), /default/)
      sh(`nsenter --net=${a.netns} ip route add default via ${a.results[0]!.ips[0]!.gateway}`)
      assert.equal(reaches(a, '192.0.2.1'), false)
      assert.equal(reaches(red, addressOf(b)), false)
      assert.equal(reaches(red, addressOf(green)), false)
      assert.equal(reaches(red, addressOf(plain)), true)
      assert.equal(reaches(red, '192.0.2.1'), true)
      await plain[Symbol.asyncDispose]()
    }
    for (const name of ['inner', 'red', 'green']) await rig.networks.remove(name)
    assert.doesNotMatch(sh('iptables-save'), /scow network (inner|red|green)/)
  })

  test('sixteen processes attach at once, each with an address of its own, on one network made once', async (t) => {
    const rig = makeRig(t)
    const program = `
      import { openNetworks } from '${join(import.meta.dirname, 'open-networks.ts')}'
      const networks = openNetworks(${JSON.stringify(rig.options)}); const id = process.argv[1]
      const netns = await networks.createNetns(id)
      const [result] = await networks.attach({ containerId: id, netns, networks: [], ports: [{ hostPort: 10000 + Number(id.slice(1)), containerPort: 80, protocol: 'tcp', count: 1 }] })
      await networks.attachments(id); console.log(result.ips[0].address)
      if (Number(id.slice(1)) % 2) { await networks.detach({ containerId: id, netns }); await networks.removeNetns(id) }`
    const outputs = await Promise.all(Array.from({ length: 16 }, async (_, index) => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', program, `p${index}`], { stdio: ['ignore', 'pipe', 'inherit'] })
      let text = ''
      child.stdout.on('data', (chunk) => { text += String(chunk) })
      const [code] = await once(child, 'close') as [number]
      assert.equal(code, 0)
      return text.trim()
    }))
    assert.equal(outputs.length, 16)
    assert.equal(leases(rig).length, 8)
    const rules = sh('iptables-save')
    assert.equal(rules.match(/-A POSTROUTING -s 10.89.0.0\/24/g)?.length, 1)
    assert.equal(rules.match(/-A CNI-HOSTPORT-DNAT /g)?.length, 8)
    for (let index = 0; index < 16; index += 2) {
      await rig.networks.detach({ containerId: `p${index}`, netns: rig.networks.netnsPath(`p${index}`) })
      await rig.networks.removeNetns(`p${index}`)
    }
    await assertNothingLeft(rig)
  })

  test('after a reboot, and after a cache that a power cut took, addresses and rules are freed', async (t) => {
    const rig = makeRig(t)
    await start(rig, 'gone', { ports: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp', count: 1 }] })
    await start(rig, 'cut')
    await start(rig, 'alive')
    unlinkSync(join(rig.options.cacheDir, 'results/scow-cut-eth0'))
    for (const id of ['gone', 'cut']) await rig.networks.removeNetns(id)
    writeFileSync(rig.networks.netnsPath('gone'), '')
    assert.equal(leases(rig).length, 3)
    const { removed } = await rig.networks.collectGarbage(() => new Set(['alive']))
    assert.deepEqual([...removed].sort(), ['cut', 'gone'])
    assert.equal(leases(rig).length, 1)
    assert.doesNotMatch(sh('iptables-save'), /CNI-DN-/)
    await using again = await start(rig, 'gone')
    assert.equal(again.results.length, 1, 'a plain file in place of a namespace is no hindrance')
    await rig.networks.detach({ containerId: 'alive', netns: rig.networks.netnsPath('alive') })
    await rig.networks.removeNetns('alive')
  })

  test('a restarted container whose old attachment was never undone gets a new one', async (t) => {
    const rig = makeRig(t)
    await start(rig, 'c1')
    await rig.networks.removeNetns('c1')
    await using again = await start(rig, 'c1')
    assert.equal(leases(rig).length, 1)
    assert.match(sh(`nsenter --net=${again.netns} ip -br addr show eth0`), /UP/)
  })

  test('an ADD that was killed midway is undone by DEL', async (t) => {
    const rig = makeRig(t)
    const container = await start(rig, 'c1')
    const file = join(rig.options.cacheDir, 'results/scow-c1-eth0')
    const { result: _, ...unfinished } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
    writeFileSync(file, JSON.stringify(unfinished))
    writeFileSync(`${file}.1234.0.tmp`, '{')
    assert.deepEqual(await rig.networks.attachments('c1'), [])
    await container[Symbol.asyncDispose]()
    await rig.networks.collectGarbage(() => new Set())
    await assertNothingLeft(rig)
  })

  test('macvlan and ipvlan containers are neighbours of their host on its cable', async (t) => {
    const rig = makeRig(t)
    await rig.networks.create({ name: 'mac', driver: 'macvlan', subnets: [{ subnet: '198.51.100.0/24' }], options: [['parent', 'up0']] })
    await rig.networks.create({ name: 'ip', driver: 'ipvlan', interfaceName: 'up0', subnets: [{ subnet: '203.0.113.0/24' }] })
    const macvlan = await start(rig, 'm1', { networks: [{ name: 'mac', ip: '198.51.100.9', mac: '02:11:22:33:44:66' }] })
    assert.deepEqual([macvlan.results[0]?.ips[0]?.address, macvlan.results[0]?.mac], ['198.51.100.9/24', '02:11:22:33:44:66'])
    sh('nsenter --net=/run/outside/net ip addr add 198.51.100.1/24 dev far')
    await using _ = await startEcho('/run/outside/net', 7)
    assert.equal(sh(`nsenter --net=${macvlan.netns} bash -c 'cat < /dev/tcp/192.0.2.1/7'`), '::ffff:198.51.100.9')
    await macvlan[Symbol.asyncDispose]()
    try {
      await using ipvlan = await start(rig, 'i1', { networks: [{ name: 'ip' }] })
      assert.equal(ipvlan.results[0]?.ips[0]?.address, '203.0.113.2/24')
    } catch (error) {
      // A kernel without ipvlan says so, with the fix.
      assert.match(isFailure(error) ? error.hint ?? '' : String(error), /modprobe ipvlan/)
      await rig.networks.removeNetns('i1')
    }
  })

  test('installations side by side, routes of the host and reserved files are kept away from', async (t) => {
    sh('ip addr add 10.89.0.77/25 dev up0; ip route add 10.89.1.0/24 via 192.0.2.1')
    t.after(() => sh('ip addr del 10.89.0.77/25 dev up0; ip route del 10.89.1.0/24'))
    const reserved = makeRig(t).dir
    writeFileSync(join(reserved, 'p.json'), JSON.stringify({ subnets: [{ subnet: '10.89.2.0/24' }] }))
    const [one, two] = [makeRig(t, { reservedDirs: [reserved] }), makeRig(t, { reservedDirs: [reserved] })]
    const links = sh('ip -o link')
    for (const { networks } of [one, two]) assert.equal((await networks.list())[0]?.name, (await networks.get('scow')).name)
    assert.equal(sh('ip -o link'), links, 'who looks makes nothing')
    await Promise.all([one, two].map(async (rig) => (await start(rig, 'first'))[Symbol.asyncDispose]()))
    const views = await Promise.all([one, two].map(({ networks }) => networks.get('scow')))
    assert.deepEqual(views.map(({ network_interface }) => network_interface).sort(), ['scow0', 'scow1'])
    await two.networks.create({ name: 'more', options: [['mtu', '1300']] })
    const more = await two.networks.get('more')
    assert.equal(new Set([...views, more].map(({ subnets }) => subnets?.[0]?.subnet)).size, 3)
    await using a = await start(one, 'a')
    await using b = await start(two, 'b', { networks: [{ name: 'more' }] })
    assert.ok(a)
    assert.match(sh(`nsenter --net=${b.netns} ip link show eth0; ip link show ${more.network_interface}`), /mtu 1300[^]*mtu 1300/)
  })

  test('a bridge that was there before its network stays, and nothing but a bridge is ever removed', async (t) => {
    const rig = makeRig(t)
    sh('ip link add br7 type bridge; ip addr add 10.76.0.9/24 dev br7; ip link set br7 up')
    await rig.networks.create({ name: 'theirs', interfaceName: 'br7' })
    {
      await using container = await start(rig, 'c1', { networks: [{ name: 'theirs' }] })
      assert.deepEqual(container.results[0]?.ips[0]?.gateway, '10.76.0.9')
    }
    await rig.networks.remove('theirs')
    assert.match(sh('ip addr show br7'), /10\.76\.0\.9\/24/)
    assert.doesNotMatch(sh('iptables-save'), /br7/)
    await assert.rejects(rig.networks.create({ name: 'x', interfaceName: 'up0' }), /up0 exists on this host and is no bridge/)
    const ours = await rig.networks.create({ name: 'ours', interfaceName: 'br8' })
    sh(`ip link delete ${ours.network_interface}; ip link add br8 type veth peer name br8far`)
    t.after(() => sh('ip link delete br8'))
    await rig.networks.remove('ours')
    assert.match(sh('ip -o link'), / br8@br8far: /)
  })

  test('without iptables the fix is named, and nothing stays', async (t) => {
    const rig = makeRig(t)
    const networks = openNetworks({ ...rig.options, env: { PATH: '/nowhere' }, programDirs: ['/nowhere'] })
    const netns = await networks.createNetns('c1')
    await assert.rejects(networks.attach({ containerId: 'c1', netns, networks: [] }), (error) => isFailure(error, 'unsupported') && error.hint === 'apt install iptables')
    assert.deepEqual(leases(rig), [])
    await networks.removeNetns('c1')
    assert.match((await networks.status()).message ?? '', /iptables is not installed/)
  })
})
