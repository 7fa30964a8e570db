import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestContext } from 'node:test'

import { isFailure } from '../errors.ts'
import { openNetworks } from './open-networks.ts'

// A plugin that writes down what it is asked, and answers, fails or hangs on order.
const FAKE = `#!/bin/sh
name=\${0##*/}; input=$(cat)
printf '{"plugin":"%s","command":"%s","id":"%s","netns":"%s","ifname":"%s","args":"%s","path":"%s","config":%s}\\n' \\
  "$name" "$CNI_COMMAND" "$CNI_CONTAINERID" "$CNI_NETNS" "$CNI_IFNAME" "$CNI_ARGS" "$CNI_PATH" "$input" >> "$FAKE/log"
order="$FAKE/$name.$CNI_COMMAND"
[ -e "$order.hang" ] && { sleep 60 & wait; }
[ -e "$order.die" ] && { echo "something broke" >&2; exit 3; }
[ -e "$order.fail" ] && { cat "$order.fail"; exit 1; }
[ -e "$order.once" ] && { cat "$order.once"; rm "$order.once"; exit 1; }
[ -e "$order.out" ] && cat "$order.out"
exit 0
`
const RESULT = { cniVersion: '1.0.0', interfaces: [{ name: 'br' }, { name: 'eth0', mac: '02:00:00:00:00:01', sandbox: '/ns' }], ips: [{ address: '10.0.0.2/24', gateway: '10.0.0.1', interface: 1 }] }

interface Call { plugin: string; command: string; id: string; netns: string; ifname: string; args: string; path: string; config: Record<string, unknown> }

const stage = (t: TestContext, lists: Readonly<Record<string, object>>, timeoutMs = 5000) => {
  const root = mkdtempSync(join(tmpdir(), 'scow-cni-'))
  t.after(() => rmSync(root, { recursive: true }))
  const dir = (name: string) => { mkdirSync(join(root, name), { recursive: true }); return join(root, name) }
  const [plugins, fake, configs] = [dir('plugins'), dir('fake'), dir('net.d')]
  for (const type of ['one', 'two', 'three']) {
    writeFileSync(join(plugins, type), FAKE)
    chmodSync(join(plugins, type), 0o755)
    writeFileSync(join(fake, `${type}.ADD.out`), JSON.stringify({ ...RESULT, dns: { search: [type] } }))
  }
  const configure = (name: string, list: object) => writeFileSync(join(configs, `${name}.conflist`), JSON.stringify({ name, cniVersion: '1.0.0', ...list }))
  for (const [name, list] of Object.entries(lists)) configure(name, list)
  const networks = openNetworks({
    networksDir: join(root, 'networks'), configDirs: [configs], pluginDirs: [join(root, 'none'), plugins], cacheDir: join(root, 'cni'),
    netnsDir: join(root, 'netns'), locksDir: join(root, 'locks'), env: { PATH: process.env['PATH'], FAKE: fake }, pluginTimeoutMs: timeoutMs,
  })
  const calls = (): Call[] => {
    const log = join(fake, 'log')
    const lines = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []
    rmSync(log, { force: true })
    return lines.filter(Boolean).map((line) => JSON.parse(line) as Call)
  }
  const order = (what: string, text: string | object = '') => writeFileSync(join(fake, what), typeof text === 'string' ? text : JSON.stringify(text))
  const cached = () => (existsSync(join(root, 'cni/results')) ? readdirSync(join(root, 'cni/results')) : [])
  return { networks, calls, order, cached, configure, configs, plugins, root }
}

const chain = { plugins: [{ type: 'one', capabilities: { ips: true } }, { type: 'two', extra: 7 }, { type: 'three', capabilities: { portMappings: true, bandwidth: true } }] }
const request = { containerId: 'c1', netns: '/proc/self/ns/net', networks: [{ name: 'net', ip: '10.0.0.2' }] }
const names = (calls: readonly Call[]) => calls.map(({ plugin, command }) => `${command} ${plugin}`)

test('ADD goes through the chain with each result handed on, DEL comes back with the last one', async (t) => {
  const { networks, calls, cached } = stage(t, { net: chain })
  const [result] = await networks.attach({ ...request, containerName: 'web', ports: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp', count: 2 }] })
  assert.deepEqual(result, {
    network: 'net', interface: 'eth0', ips: [{ address: '10.0.0.2/24', gateway: '10.0.0.1' }], mac: '02:00:00:00:00:01', routes: [],
    dns: { nameservers: [], search: ['three'], options: [] },
  })
  const added = calls()
  assert.deepEqual(names(added), ['ADD one', 'ADD two', 'ADD three'])
  const [one, two, three] = added
  assert.deepEqual(one?.config, { type: 'one', name: 'net', cniVersion: '1.0.0', runtimeConfig: { ips: ['10.0.0.2'] } })
  assert.deepEqual(two?.config, { type: 'two', extra: 7, name: 'net', cniVersion: '1.0.0', prevResult: { ...RESULT, dns: { search: ['one'] } } })
  assert.deepEqual(three?.config['runtimeConfig'], { portMappings: [80, 81].map((port) => ({ hostPort: port + 8000, containerPort: port, protocol: 'tcp' })) })
  assert.deepEqual([one?.id, one?.ifname, one?.netns], ['c1', 'eth0', '/proc/self/ns/net'])
  assert.equal(one?.args, 'IgnoreUnknown=1;K8S_POD_NAMESPACE=web;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=c1')
  assert.deepEqual(cached(), ['net-c1-eth0'])

  await networks.detach({ containerId: 'c1' })
  const deleted = calls()
  assert.deepEqual(names(deleted), ['DEL three', 'DEL two', 'DEL one'])
  for (const call of deleted) assert.deepEqual(call.config['prevResult'], { ...RESULT, dns: { search: ['three'] } })
  assert.deepEqual(deleted[0]?.config['runtimeConfig'], three?.config['runtimeConfig'])
  assert.deepEqual(cached(), [])
  await networks.detach({ containerId: 'c1' })
  assert.deepEqual(calls(), [])
})

test('when a plugin fails everything is taken back and its own words are shown', async (t) => {
  const { networks, calls, order, cached } = stage(t, { net: chain, other: chain })
  order('two.ADD.fail', { cniVersion: '1.0.0', code: 103, msg: 'no room', details: 'really' })
  await assert.rejects(networks.attach(request), (error: Error) => isFailure(error, 'wrongState') && /plugin two failed on ADD \(code 103\): no room: really/.test(error.message))
  assert.deepEqual(names(calls()), ['ADD one', 'ADD two', 'DEL three', 'DEL two', 'DEL one'])
  assert.deepEqual(cached(), [])
})

test('that all addresses are taken is told apart: one that has ended may give its own back', async (t) => {
  for (const msg of ['failed to allocate for range 0: no IP addresses available in range set: 10.78.0.1-10.78.0.2', 'failed to allocate for range 0: requested IP address 10.78.0.2 is not available in range set 10.78.0.1-10.78.0.2']) {
    const { networks, order } = stage(t, { net: chain })
    order('one.ADD.fail', { cniVersion: '1.0.0', code: 999, msg })
    await assert.rejects(networks.attach({ ...request, networks: [{ name: 'net' }] }), (error: Error) => isFailure(error, 'inUse') && error.message.endsWith(msg))
  }
})

test('a failure on the second network takes back the first', async (t) => {
  const { networks, calls, order, cached } = stage(t, { net: { plugins: [{ type: 'one' }] }, other: { plugins: [{ type: 'two' }] } })
  order('two.ADD.die')
  await assert.rejects(networks.attach({ ...request, networks: [{ name: 'net' }, { name: 'other' }] }), /plugin two failed on ADD \(code 0\): exit code 3: something broke/)
  const all = calls()
  assert.deepEqual(names(all), ['ADD one', 'ADD two', 'DEL two', 'DEL one'])
  assert.deepEqual(all.map(({ ifname }) => ifname), ['eth0', 'eth1', 'eth1', 'eth0'])
  assert.deepEqual(cached(), [])
})

test('DEL works from the cache when configuration and namespace are gone, and goes on after an error', async (t) => {
  const { networks, calls, order, cached, configs } = stage(t, { net: chain })
  await networks.attach({ ...request, netns: '/proc/self/ns/net' })
  calls()
  rmSync(join(configs, 'net.conflist'))
  order('three.DEL.fail', { code: 5, msg: 'disk' })
  await assert.rejects(networks.detach({ containerId: 'c1', netns: '/run/no/such/netns' }), /three failed on DEL/)
  const deleted = calls()
  assert.deepEqual(names(deleted), ['DEL three', 'DEL two', 'DEL one'])
  assert.deepEqual(deleted.map(({ netns }) => netns), ['', '', ''])
  assert.deepEqual(cached(), ['net-c1-eth0'], 'kept, so that it can be tried again')
  order('three.DEL.out')
  rmSync(join(configs, '../fake/three.DEL.fail'))
  assert.deepEqual(await networks.collectGarbage(() => new Set()), { removed: ['c1'] })
  assert.deepEqual(cached(), [])
})

test('code 11 is tried again, other codes are not', async (t) => {
  const { networks, calls, order } = stage(t, { net: { plugins: [{ type: 'one' }] } })
  order('one.ADD.once', { code: 11, msg: 'busy' })
  await networks.attach({ ...request, networks: [{ name: 'net' }] })
  assert.deepEqual(names(calls()), ['ADD one', 'ADD one'])
})

test('a plugin that lost a race for a chain of iptables runs once more', async (t) => {
  const { networks, calls, order } = stage(t, { net: { plugins: [{ type: 'one' }, { type: 'two' }] } })
  order('two.ADD.once', { code: 999, msg: 'unable to create chain X: iptables v1.8.9 (nf_tables): CHAIN_USER_ADD failed (File exists): chain X' })
  await networks.attach({ ...request, networks: [{ name: 'net' }] })
  assert.deepEqual(names(calls()), ['ADD one', 'ADD two', 'ADD two'])
})

test('a plugin that hangs is ended with everything it started', async (t) => {
  const { networks, order } = stage(t, { net: { plugins: [{ type: 'one' }] } }, 300)
  order('one.ADD.hang')
  await assert.rejects(networks.attach({ ...request, networks: [{ name: 'net' }] }), (error) => isFailure(error, 'timeout'))
})

test('a cancelled attach is taken back', async (t) => {
  const { networks, calls, order, cached, root } = stage(t, { net: { plugins: [{ type: 'one' }, { type: 'two' }] } })
  order('two.ADD.hang')
  const controller = new AbortController()
  const attached = assert.rejects(networks.attach({ ...request, networks: [{ name: 'net' }], signal: controller.signal }), (error) => isFailure(error, 'cancelled'))
  const log = join(root, 'fake/log')
  while (!(existsSync(log) && readFileSync(log, 'utf8').includes('"plugin":"two"'))) await sleep(5)
  controller.abort()
  await attached
  assert.deepEqual(names(calls()), ['ADD one', 'ADD two', 'DEL two', 'DEL one'])
  assert.deepEqual(cached(), [])
})

test('a missing plugin is named with the directories and the fix', async (t) => {
  const { networks, root } = stage(t, { net: { plugins: [{ type: 'absent' }] } })
  await assert.rejects(networks.attach({ ...request, networks: [{ name: 'net' }] }), (error) =>
    isFailure(error, 'unsupported') && error.message.includes(join(root, 'none')) && /containernetworking-plugins/.test(error.hint ?? ''))
  assert.equal((await networks.status({ network: 'net' })).ready, false)
})

test('a bridge that the kernel cannot make is told with what is missing', async (t) => {
  const { networks, order } = stage(t, { vlans: { plugins: [{ type: 'one', vlan: 5 }] }, plain: { plugins: [{ type: 'one' }] } })
  order('one.ADD.fail', { code: 999, msg: 'failed to create bridge "br": could not add "br": operation not supported' })
  const hintOf = async (name: string) => networks.attach({ ...request, networks: [{ name }] }).then(() => '', (error: unknown) => (isFailure(error) ? error.hint : String(error)))
  assert.match(await hintOf('vlans') ?? '', /^this kernel has bridges without VLAN filtering/)
  assert.match(await hintOf('plain') ?? '', /modprobe one/)
})

test('answers of old versions are understood', async (t) => {
  const { networks, calls, order } = stage(t, { old: { cniVersion: '0.2.0', plugins: [{ type: 'one' }] }, mid: { cniVersion: '0.3.1', plugins: [{ type: 'two' }, { type: 'three' }] } })
  order('one.ADD.out', { cniVersion: '0.2.0', ip4: { ip: '10.0.0.5/24', gateway: '10.0.0.1', routes: [{ dst: '0.0.0.0/0' }] }, ip6: { ip: 'fd00::5/64' }, dns: { nameservers: ['10.0.0.53'] } })
  order('three.ADD.out', { cniVersion: '0.3.1', ips: [{ version: '4', address: '10.1.0.5/24', interface: 0 }], interfaces: [{ name: 'eth1', sandbox: '/x' }] })
  const [old, mid] = await networks.attach({ ...request, networks: [{ name: 'old' }, { name: 'mid' }] })
  assert.deepEqual(old?.ips, [{ address: '10.0.0.5/24', gateway: '10.0.0.1' }, { address: 'fd00::5/64' }])
  assert.deepEqual([old?.routes, old?.dns.nameservers], [[{ dst: '0.0.0.0/0' }], ['10.0.0.53']])
  assert.deepEqual(mid?.ips, [{ address: '10.1.0.5/24' }])
  calls()
  await networks.detach({ containerId: 'c1' })
  assert.ok(calls().every(({ config }) => !('prevResult' in config)), 'DEL has a result only since 0.4.0')
})

test('CHECK, STATUS and GC are asked of plugins from the version on that has them', async (t) => {
  const { networks, calls, order } = stage(t, { net: { cniVersion: '1.1.0', plugins: [{ type: 'one' }, { type: 'two' }] }, old: { cniVersion: '0.4.0', plugins: [{ type: 'three' }] } })
  await networks.attach({ ...request, networks: [{ name: 'net' }] })
  await networks.attach({ ...request, containerId: 'dead', networks: [{ name: 'net' }] })
  calls()
  await networks.check(request)
  const checks = calls()
  assert.deepEqual(names(checks), ['CHECK one', 'CHECK two'])
  assert.ok(checks.every(({ config }) => 'prevResult' in config))
  assert.deepEqual(await networks.status({ forKubernetes: true }), { network: 'net', ready: true })
  order('two.STATUS.fail', { code: 50, msg: 'not yet' })
  assert.match((await networks.status({ network: 'net' })).message ?? '', /two failed on STATUS \(code 50\): not yet/)
  assert.equal((await networks.status({ network: 'old' })).ready, true)
  calls()
  assert.deepEqual(await networks.collectGarbage(() => new Set(['c1'])), { removed: ['dead'] })
  const collected = calls()
  assert.deepEqual(names(collected), ['DEL two', 'DEL one', 'GC one', 'GC two'])
  assert.deepEqual(collected.at(-1)?.config['cni.dev/valid-attachments'], [{ containerID: 'c1', ifname: 'eth0' }])
  await networks.detach({ containerId: 'c1' })
})

test('arguments of the kubelet, static addresses for lists without the capability, and addresses nobody gave', async (t) => {
  const { networks, calls } = stage(t, { net: { plugins: [{ type: 'one' }] } })
  const pod = { namespace: 'ns', name: 'pod', uid: 'u-1' }
  await assert.rejects(networks.attach({ ...request, pod, networks: [{ name: 'net', ip: '10.0.0.9', mac: '02:00:00:00:00:01' }] }), /did not give the address 10.0.0.9/)
  assert.equal(calls()[0]?.args, 'IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=pod;K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_UID=u-1;IP=10.0.0.9;MAC=02:00:00:00:00:01')
  await assert.rejects(networks.attach({ ...request, networks: [{ name: 'net', args: [['K', 'a;B=c']] }] }), /cannot be passed on/)
})

test('interfaces are numbered past the names that are given, and a second attach goes beside the first', async (t) => {
  const { networks, calls, order } = stage(t, { a: { plugins: [{ type: 'one' }] }, b: { plugins: [{ type: 'one' }] }, c: { plugins: [{ type: 'one' }] } })
  order('one.ADD.out', { cniVersion: '1.0.0' })
  const results = await networks.attach({ ...request, networks: [{ name: 'a' }, { name: 'b', interfaceName: 'eth0' }] })
  assert.deepEqual(results.map((result) => result.interface), ['eth1', 'eth0'])
  assert.deepEqual((await networks.attach({ ...request, networks: [{ name: 'c' }] })).map((result) => result.interface), ['eth2'])
  assert.deepEqual((await networks.attachments('c1')).map(({ network }) => network), ['b', 'a', 'c'])
  calls()
  await networks.detach({ containerId: 'c1', networks: ['c'] })
  assert.deepEqual(calls().map(({ ifname }) => ifname), ['eth2'])
  await assert.rejects(networks.attach({ ...request, networks: [{ name: 'a' }, { name: 'a' }] }), /named twice/)
  await assert.rejects(networks.attach({ ...request, networks: [{ name: 'a', interfaceName: 'muchtoolongforlinux' }] }), /at most 15/)
})
