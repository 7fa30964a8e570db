import '../support/jail.ts'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { eventually } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()

const ask = (port: number, host = '127.0.0.1') => new Promise<string>((resolve) => {
  let text = ''
  connect(port, host).on('data', (bytes) => { text += bytes }).on('close', () => resolve(text)).on('error', () => resolve(''))
})

test('--network none has a loopback and nothing else, host has what the host has', async (t) => {
  const box = await suite.box(t)
  const links = async (network: string) => (await box.ok('run', '--rm', '--network', network, suite.busybox, 'ls', '/sys/class/net')).split('\n').filter((name) => name !== 'bonding_masters')
  assert.deepEqual(await links('none'), ['lo'])
  assert.match(await box.ok('run', '--rm', '--network', 'none', suite.busybox, 'ip', 'addr', 'show', 'lo'), /<LOOPBACK,UP,LOWER_UP>[^]* inet 127\.0\.0\.1\/8 /)
  assert.equal(await box.ok('run', '--rm', '--network', 'host', suite.busybox, 'readlink', '/proc/self/ns/net'), spawnSync('readlink', ['/proc/self/ns/net'], { encoding: 'utf8' }).stdout.trim())
})

test('the host name is the one of whose UTS namespace or network is shared', async (t) => {
  const box = await suite.box(t)
  const seen = async (...flags: string[]) => (await box.ok('run', '--rm', ...flags, suite.busybox, 'sh', '-c', 'hostname; cat /etc/hostname; echo "$HOSTNAME"')).split('\n')
  const host = Array(3).fill(hostname())
  assert.deepEqual(await seen('--network', 'host'), host)
  assert.deepEqual(await seen('--uts', 'host'), host)
  assert.deepEqual(await seen('--network', 'host', '--hostname', 'own'), Array(3).fill('own'))
  await box.ok('run', '-d', '--name', 'first', '--hostname', 'quay', suite.busybox, 'sleep', '1000')
  assert.deepEqual(await seen('--uts', 'container:first'), Array(3).fill('quay'))
  assert.notEqual((await seen('--network', 'container:first'))[0], 'quay')
  assert.match(await box.ok('run', '--rm', '--network', 'host', suite.busybox, 'cat', '/etc/hosts'), /^127\.0\.0\.1\thost\.containers\.internal/m)
})

test('the default network gives an address, a gateway, a resolver and a line in /etc/hosts', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'n', '--dns', '192.0.2.53', '--dns-search', 'example.org', '--add-host', 'other:192.0.2.9', suite.busybox, 'sleep', '1000')
  const [{ NetworkSettings: net }] = await box.json('inspect', 'n')
  const addresses = await box.ok('exec', 'n', 'ip', '-4', '-o', 'addr', 'show', 'eth0')
  assert.match(addresses, new RegExp(`inet ${net.IPAddress}/${net.IPPrefixLen} `))
  assert.match(await box.ok('exec', 'n', 'ip', 'route'), new RegExp(`^default via ${net.Gateway} dev eth0`, 'm'))
  assert.equal(await box.ok('exec', 'n', 'cat', '/etc/resolv.conf'), 'search example.org\nnameserver 192.0.2.53')
  const hosts = await box.ok('exec', 'n', 'cat', '/etc/hosts')
  const id = await box.ok('inspect', '-f', '{{.Id}}', 'n')
  assert.match(hosts, /^192\.0\.2\.9\s+other$/m)
  assert.match(hosts, new RegExp(`^${net.IPAddress.replaceAll('.', '\\.')}\\s+.*${id.slice(0, 12)}`, 'm'))
  assert.equal(await box.ok('exec', 'n', 'hostname'), id.slice(0, 12))
})

test('one that has ended has no address, which is another\'s by now', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '--name', 'done', suite.busybox, 'true')
  const [{ NetworkSettings: net }] = await box.json('inspect', 'done')
  assert.deepEqual([net.IPAddress, net.MacAddress, net.SandboxKey, net.Networks.scow.IPAddress, net.Networks.scow.Gateway], ['', '', '', '', ''])
})

test('published ports answer for tcp and udp, on ranges, one address or any free port', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'tcp', '-h', 'tcp', '-p', '7000:70', '-p', '127.0.0.1:7001:70', '-p', '7100-7101:70-71', '-p', '70', suite.probe, 'listen', '70')
  await eventually('an answer', async () => /^tcp sees /.test(await ask(7000)))
  assert.match(await ask(7001), /^tcp sees /)
  assert.match(await ask(7100), /^tcp sees /)
  const ports = await box.ok('port', 'tcp', '70')
  await box.ok('restart', '-t', '0', 'tcp')
  assert.equal(await box.ok('port', 'tcp', '70'), ports, 'a port that was chosen stays')
  await eventually('an answer', async () => /^tcp sees /.test(await ask(7000)))
  const random = ports.split('\n').map((line) => Number(line.split(':').at(-1))).find((port) => ![7000, 7001, 7100].includes(port))!
  assert.match(await ask(random), /^tcp sees /)
  await box.ok('run', '-d', '--name', 'udp', '-h', 'udp', '-p', '7200:70/udp', suite.probe, 'listen', '70', 'udp')
  assert.equal(await box.ok('port', 'udp'), '70/udp -> 0.0.0.0:7200')
  const { stdout } = spawnSync('/usr/bin/python3', ['-c', 'import socket; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5); s.sendto(b"x",("127.0.0.1",7200)); print(s.recv(100).decode())'], { encoding: 'utf8' })
  assert.match(stdout, /^udp sees /)
})

test('a published port is no other program\'s while the container runs, and free when it has ended', async (t) => {
  const box = await suite.box(t)
  const bind = async (...where: [string, number][]): Promise<string[]> => Promise.all(where.map(([host, port]) => new Promise<string>((resolve) => {
    const server = createServer().on('error', (error: NodeJS.ErrnoException) => { resolve(error.code!) })
    server.listen({ host, port, ipv6Only: true }, () => { server.close(() => { resolve('bound') }) })
  })))
  await box.ok('run', '-d', '--name', 'held', '-p', '7300:70', '-p', '127.0.0.2:7301:71', suite.probe, 'listen', '70')
  assert.deepEqual(await bind(['0.0.0.0', 7300], ['::', 7300], ['127.0.0.2', 7301], ['127.0.0.1', 7301]), ['EADDRINUSE', 'EADDRINUSE', 'EADDRINUSE', 'bound'])
  await eventually('an answer', async () => / sees /.test(await ask(7300)))
  const fds = `/proc/${await box.ok('inspect', '-f', '{{.State.Pid}}', 'held')}/fd`
  assert.equal(readdirSync(fds).filter((fd) => readlinkSync(`${fds}/${fd}`).startsWith('socket:')).length, 1, 'the container has its own socket alone')
  await box.ok('restart', '-t', '0', 'held')
  assert.deepEqual(await bind(['0.0.0.0', 7300]), ['EADDRINUSE'])
  await box.ok('stop', '-t', '0', 'held')
  assert.deepEqual(await bind(['0.0.0.0', 7300], ['::', 7300]), ['bound', 'bound'])
  await box.ok('run', '-d', '--name', 'again', '--restart', 'on-failure:2', '-p', '7300:70', suite.busybox, 'sh', '-c', 'exit 3')
  await box.ok('run', '--rm', '-p', '7400-7549:70-219', suite.busybox, 'true') // more than sockets are held for
  await eventually('its restarts', async () => await box.ok('inspect', '-f', '{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}', 'again') === '2 exited 3')
})

test('where too few files may be open, that is said, and no namespace stays', async (t) => {
  const box = await suite.box(t)
  const namespaces = (): string[] => (existsSync(join(box.runRoot, 'netns')) ? readdirSync(join(box.runRoot, 'netns')) : [])
  for (const limit of [30, 40, 50, 64]) {
    const { status, stderr } = spawnSync('sh', ['-c', `ulimit -n ${limit}; exec "$@"`, 'sh', ...box.command, 'run', '--rm', suite.busybox, 'true'], { encoding: 'utf8', env: box.env })
    if (status !== 0) assert.match(stderr, /^Error: .*; raise the limit of open files \(ulimit -n\)$/m, String(limit))
  }
  await box.ok('run', '--rm', suite.busybox, 'true')
  await eventually('what the last one had is given back', async () => namespaces().length === 0 && await box.ok('ps', '-aq') === '')
})

test('a network of one\'s own is made, listed, used and removed', async (t) => {
  const box = await suite.box(t)
  assert.match(await box.ok('network', 'create', '--subnet', '10.77.0.0/24', '--label', 'k=v', 'mine'), /mine/)
  await box.fails(125, 'network', 'create', 'mine')
  assert.ok((await box.ok('network', 'ls', '-q')).split('\n').includes('mine'))
  await box.ok('run', '-d', '--name', 'fixed', '--network', 'mine', '--ip', '10.77.0.9', '-h', 'fixed', suite.probe, 'listen', '70')
  const [{ NetworkSettings: net }] = await box.json('inspect', 'fixed')
  assert.equal(net.Networks.mine.IPAddress, '10.77.0.9')
  assert.match(await box.ok('run', '--rm', '--network', 'mine', suite.busybox, 'nc', '10.77.0.9', '70'), /^fixed sees 10\.77\.0\.\d+$/)
  await box.fails(2, 'network', 'rm', 'mine')
  await box.ok('rm', '-f', '-t', '0', 'fixed')
  assert.equal(await box.ok('network', 'rm', 'mine'), 'mine')
  await box.fails(1, 'network', 'rm', 'mine')
})

test('what a network cannot have is refused in one line when it is made', async (t) => {
  const box = await suite.box(t)
  const refused = async (expected: RegExp, ...flags: string[]) => assert.match(await box.fails(125, 'network', 'create', ...flags, 'odd'), expected)
  await refused(/^Error: --route 10\.9\.0\.0\/16,10\.77\.0\.7,5: the CNI plugins set no metric; give --route 10\.9\.0\.0\/16,10\.77\.0\.7\n$/, '--subnet', '10.77.0.0/24', '--route', '10.9.0.0/16,10.77.0.7,5')
  for (const route of ['10.9.0.0/16,10.77.0.7,', '10.9.0.0/16,10.77.0.7,1,2', '10.9.0.0/16', ',']) await refused(/metric|expected DESTINATION,GATEWAY/, '--route', route)
  assert.ok(!(await box.ok('network', 'ls', '-q')).includes('odd'))
})

test('a namespace that is named by path is looked at first; the host\'s own is the host\'s', async (t) => {
  const box = await suite.box(t)
  const refused = async (...flags: string[]) => (await box.fails(125, 'run', '--rm', ...flags, suite.busybox, 'true')).trim()
  assert.equal(await refused('--network', 'ns:/proc/self/ns/missing'), 'Error: network namespace /proc/self/ns/missing: no such file')
  for (const [flag, name] of [['network', 'network'], ['pid', 'PID'], ['ipc', 'IPC'], ['uts', 'UTS']]) {
    assert.match(await refused(`--${flag}`, 'ns:/etc/passwd'), new RegExp(`^Error: ${name} namespace /etc/passwd: it is no namespace; [^\\n]*$`))
    assert.equal(await refused(`--${flag}`, 'ns:/proc/self/ns/mnt'), `Error: ${name} namespace /proc/self/ns/mnt: it is a mount namespace`)
  }
  const own = readlinkSync('/proc/self/ns/net')
  const seen = ['readlink', '/proc/self/ns/net']
  assert.equal(await box.ok('run', '--rm', '--network', 'ns:/proc/self/ns/net', suite.busybox, ...seen), own)
  await box.ok('run', '-d', '--name', 'hosted', '--network', 'host', suite.busybox, 'sleep', '1000')
  assert.equal(await box.ok('run', '--rm', '--network', 'container:hosted', suite.busybox, ...seen), own)
})

test('ports on an internal network are not published, and that is why', async (t) => {
  const box = await suite.box(t)
  await box.ok('network', 'create', '--internal', 'inner')
  const { code, stderr } = await box.scow(['run', '--rm', '--network', 'inner', '-p', '7400:70', suite.busybox, 'true'])
  assert.deepEqual([code, stderr], [0, 'warn: ports are not published: network inner is internal\n'])
  await box.ok('network', 'rm', 'inner')
})

test('a file that is no network is warned of once', async (t) => {
  const box = await suite.box(t)
  mkdirSync('/etc/cni/net.d', { recursive: true })
  writeFileSync('/etc/cni/net.d/60-broken.conflist', '{')
  t.after(() => rmSync('/etc/cni/net.d/60-broken.conflist'))
  for (const args of [['ls'], ['ls', '-q'], ['create', 'w'], ['rm', '-f', 'w'], ['prune', '-f']]) {
    const { code, stderr } = await box.scow(['network', ...args])
    assert.equal(code, 0)
    assert.match(stderr, /^warn: network configuration \/etc\/cni\/net\.d\/60-broken\.conflist is ignored: [^\n]*\n$/, args.join(' '))
  }
})

test('events tell of networks that are made and removed', async (t) => {
  const box = await suite.box(t)
  for (const name of ['kept', 'pruned']) await box.ok('network', 'create', name)
  await box.ok('network', 'create', '--ignore', 'kept')
  const id = await box.ok('network', 'inspect', '-f', '{{.ID}}', 'kept')
  await box.ok('network', 'rm', 'kept')
  await box.ok('network', 'prune', '-f')
  const told = async (...flags: string[]) => (await box.ok('events', '--stream=false', '--since', '10m', ...flags)).split('\n')
  assert.deepEqual(await told('--filter', 'type=network', '--format', '{{.Status}} {{.Name}}'), ['create kept', 'create pruned', 'remove kept', 'remove pruned'])
  const lines = await told('--filter', 'network=kept')
  assert.deepEqual(lines.map((line) => line.replace(/^.* network /, '')), ['create', 'remove'].map((status) => `${status} ${id} (name=kept, type=bridge)`))
})

test('the default network and those of others stay, with their containers', async (t) => {
  const box = await suite.box(t)
  mkdirSync('/etc/cni/net.d', { recursive: true })
  writeFileSync('/etc/cni/net.d/50-foreign.conflist', JSON.stringify({ cniVersion: '1.0.0', name: 'foreign', plugins: [{ type: 'loopback' }] }))
  t.after(() => rmSync('/etc/cni/net.d/50-foreign.conflist'))
  await box.ok('create', '--name', 'one', suite.busybox, 'true')
  assert.equal(await box.fails(125, 'network', 'rm', '-f', 'scow'), 'Error: default network scow cannot be removed\n')
  assert.match(await box.fails(125, 'network', 'rm', 'foreign'), /^Error: network foreign is not ours to remove: it is configured by \/etc\/cni\/net\.d\/50-foreign\.conflist\n$/)
  assert.equal(await box.ok('ps', '-a', '--format', '{{.Names}}'), 'one')
})

test('a container can join the network of another', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'first', suite.busybox, 'sleep', '1000')
  const namespace = await box.ok('exec', 'first', 'readlink', '/proc/self/ns/net')
  assert.equal(await box.ok('run', '--rm', '--network', 'container:first', suite.busybox, 'readlink', '/proc/self/ns/net'), namespace)
  await box.ok('stop', '-t', '0', 'first')
  const joined = await box.ok('run', '--rm', '--network', 'container:first', suite.busybox, 'readlink', '/proc/self/ns/net')
  assert.equal(await box.ok('exec', 'first', 'readlink', '/proc/self/ns/net'), joined, 'it was started first')
})

test('addresses of removed containers are given out again', async (t) => {
  const box = await suite.box(t)
  await box.ok('network', 'create', '--subnet', '10.78.0.0/30', 'tiny')
  for (let i = 0; i < 4; i++) await box.ok('run', '--rm', '--network', 'tiny', suite.busybox, 'true')
  await box.ok('network', 'rm', 'tiny')
})

test('the host\'s firewall is as before when the last container is gone', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'p', '-p', '7300:70', suite.probe, 'listen', '70')
  assert.match(spawnSync('iptables-save', { encoding: 'utf8' }).stdout, /7300/)
  await box.ok('rm', '-f', 'p')
  assert.doesNotMatch(spawnSync('iptables-save', { encoding: 'utf8' }).stdout, /7300/)
  assert.doesNotMatch(readFileSync('/proc/net/dev', 'utf8'), /veth/)
})
