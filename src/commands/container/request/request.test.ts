import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { parseMount } from './mount.ts'
import { parseAddHost, toDns, toNetwork } from './network.ts'
import { mergeEnv, parseAssignments, parseEnv, parseLabels, readEnvFile, readLabelFile } from './pairs.ts'
import { parseExpose, parsePublish } from './ports.ts'
import { parseUlimits } from './resources.ts'
import { parseDevice, parseGpu } from './security.ts'
import { checkHostname, checkName, parseEntrypoint, parseNamespace, parsePullPolicy, parseRestart, parseUmask, toLog, toPlatform } from './settings.ts'
import { parseTmpfs, parseVolume } from './volume.ts'

const cwd = '/work/dir'
const refuses = (work: () => unknown, message: RegExp): void => assert.throws(work, { name: 'Failure', message })

test('-v binds a path, names a volume, or makes an anonymous one', () => {
  assert.deepEqual(parseVolume('/a:/b', { cwd }), { type: 'bind', source: '/a', target: '/b' })
  assert.deepEqual(parseVolume('./a:/b:ro,z', { cwd }), { type: 'bind', source: '/work/dir/a', target: '/b', readOnly: true, relabel: 'shared' })
  assert.deepEqual(parseVolume('data:/b:nocopy,U', { cwd }), { type: 'volume', target: '/b', name: 'data', noCopy: true, chown: true })
  for (const idle of ['copy', 'nocopy', 'cached']) assert.deepEqual(parseVolume(`/a:/b:${idle}`, { cwd }), { type: 'bind', source: '/a', target: '/b' })
  assert.deepEqual(parseVolume('/b/', { cwd }), { type: 'volume', target: '/b' })
  assert.deepEqual(parseVolume('/a:/b:rslave,noexec,bind,rro', { cwd }), { type: 'bind', source: '/a', target: '/b', propagation: 'rslave', options: ['noexec'], nonRecursive: true, readOnly: true, recursiveReadOnly: true })
  assert.deepEqual(parseVolume('/a:/b:idmap=uids=0-1000-10;gids=0-1000-10', { cwd }), {
    type: 'bind', source: '/a', target: '/b', idmap: { uids: [{ containerId: 0, hostId: 1000, size: 10 }], gids: [{ containerId: 0, hostId: 1000, size: 10 }] },
  })
})
test('-v says what is wrong with a value, and which', () => {
  refuses(() => parseVolume('a:b', { cwd }), /"a:b" for -v: the path inside the container must be absolute, not "b"/)
  refuses(() => parseVolume('/a:/b:ro,rw', { cwd }), /cannot have both ro and rw/)
  for (const empty of ['v:/b:', '/a:/b:', 'v:/b:ro,', 'v:/b:,ro']) refuses(() => parseVolume(empty, { cwd }), /an option is empty/)
  for (const twice of ['copy,nocopy', 'nocopy,nocopy', 'copy,ro,copy']) refuses(() => parseVolume(`v:/b:${twice}`, { cwd }), /copy and nocopy may be given once/)
  refuses(() => parseVolume('/a:/b:what', { cwd }), /unknown option "what"/)
  refuses(() => parseVolume('/a:/', { cwd }), /nothing can be mounted over \//)
  refuses(() => parseVolume(':/b', { cwd }), /the source is empty/)
  refuses(() => parseVolume('/a:/b:ro:x', { cwd }), /expected \[SOURCE:\]TARGET/)
  refuses(() => parseVolume('a+b:/b', { cwd }), /neither a path/)
})
test('--tmpfs takes size, mode and mount flags', () => {
  assert.deepEqual(parseTmpfs('/t:size=64m,mode=1777,noexec'), { type: 'tmpfs', target: '/t', sizeBytes: 67108864, mode: 0o1777, options: ['noexec'] })
  assert.deepEqual(parseTmpfs('/t'), { type: 'tmpfs', target: '/t' })
  refuses(() => parseTmpfs('/t:size=big'), /size "big"/)
  refuses(() => parseTmpfs('t'), /must be absolute/)
})
test('--mount reads every type', () => {
  assert.deepEqual(parseMount('type=bind,src=a,dst=/b,ro,bind-propagation=rshared', { cwd }), { type: 'bind', source: '/work/dir/a', target: '/b', readOnly: true, propagation: 'rshared' })
  assert.deepEqual(parseMount('type=volume,source=v,target=/b,readonly=false', { cwd }), { type: 'volume', name: 'v', target: '/b', readOnly: false })
  assert.deepEqual(parseMount('target=/b', { cwd }), { type: 'volume', target: '/b' })
  assert.deepEqual(parseMount('type=tmpfs,destination=/t,tmpfs-size=1g,tmpfs-mode=700', { cwd }), { type: 'tmpfs', target: '/t', sizeBytes: 1073741824, mode: 0o700 })
  assert.deepEqual(parseMount('type=image,source=busybox,target=/i,rw=true', { cwd }), { type: 'image', image: 'busybox', target: '/i', writable: true })
  assert.deepEqual(parseMount('type=bind,"src=/a,b",dst=/c', { cwd }), { type: 'bind', source: '/a,b', target: '/c' })
  assert.deepEqual(parseMount('type=volume,src=v,dst=/a,target=/b', { cwd }), { type: 'volume', name: 'v', target: '/b' })
  refuses(() => parseMount('type=bind,dst=/b', { cwd }), /src \(or source\) is missing/)
  refuses(() => parseMount('type=bind,src=/a', { cwd }), /target \(or dst\) is missing/)
  refuses(() => parseMount('type=odd,dst=/a', { cwd }), /unknown type "odd"/)
  refuses(() => parseMount('type=bind,src=/a,dst=/b,foo=1', { cwd }), /unknown option "foo=1"/)
})
test('-p reads addresses, ranges, protocols and random ports', () => {
  assert.deepEqual(parsePublish('80'), [{ hostPort: 0, containerPort: 80, protocol: 'tcp', count: 1 }])
  assert.deepEqual(parsePublish('8080:80/udp'), [{ hostPort: 8080, containerPort: 80, protocol: 'udp', count: 1 }])
  assert.deepEqual(parsePublish('127.0.0.1:8000-8002:80-82'), [{ hostIp: '127.0.0.1', hostPort: 8000, containerPort: 80, protocol: 'tcp', count: 3 }])
  assert.deepEqual(parsePublish('[::1]::53/tcp,udp'), [{ hostIp: '::1', hostPort: 0, containerPort: 53, protocol: 'tcp', count: 1 }, { hostIp: '::1', hostPort: 0, containerPort: 53, protocol: 'udp', count: 1 }])
  assert.deepEqual(parsePublish('127.0.0.1::80'), [{ hostIp: '127.0.0.1', hostPort: 0, containerPort: 80, protocol: 'tcp', count: 1 }])
  for (const [text, message] of [
    ['99999:80', /not between 1 and 65535/], ['a:80', /"a" is not a host port/], ['8000-8001:80', /2 host ports for 1 container ports/], ['1.2.3:1:2', /not an IP address/],
    ['80/icmp', /unknown protocol "icmp"/], ['8080:', /the container port is missing/], ['82-80', /ends before it begins/], ['::1:80:80', /stands in brackets/], ['::80', /the host address is empty/], [':8080:80', /the host address is empty/],
  ] as const) refuses(() => parsePublish(text), message)
  assert.deepEqual(parseExpose('80-81/udp'), ['80/udp', '81/udp'])
})
test('environment comes from texts, from here, from prefixes and from files', () => {
  const here = { HOME: '/root', LC_A: '1', LC_B: '2' }
  assert.deepEqual(parseEnv(['A=1=2', 'HOME', 'NOPE', 'LC_*', 'E='], here), [['A', '1=2'], ['HOME', '/root'], ['LC_A', '1'], ['LC_B', '2'], ['E', '']])
  refuses(() => parseEnv(['=x'], here), /the name of a variable is missing/)
  const dir = mkdtempSync(join(tmpdir(), 'scow-cli-'))
  writeFileSync(join(dir, 'env'), '# note\n\nA=b c\r\nHOME\n')
  writeFileSync(join(dir, 'labels'), 'k=v\n#x\nflag\n')
  assert.deepEqual(readEnvFile(join(dir, 'env'), here), [['A', 'b c'], ['HOME', '/root']])
  assert.deepEqual(readLabelFile(join(dir, 'labels')), [['k', 'v'], ['flag', '']])
  writeFileSync(join(dir, 'spaces'), 'a=1 \nc = 4\n')
  refuses(() => readLabelFile(join(dir, 'spaces')), /"c " has white space/)
  rmSync(dir, { recursive: true })
  refuses(() => readEnvFile('/nope', here), /cannot read "\/nope" for --env-file: no such file or directory/)
  assert.deepEqual(mergeEnv(['PATH=${PATH}:/app', 'Y=$NOPE', 'X=$Y', 'PATH', 'PATH=$PATH:2'], [['PATH', '/bin'], ['Y', '1']]), [['PATH', '/bin:/app:2'], ['Y', '']])
  assert.deepEqual(parseLabels(['a=b', 'c']), [['a', 'b'], ['c', '']])
  refuses(() => parseAssignments(['x'], '--sysctl'), /"x" for --sysctl: expected KEY=VALUE/)
})

const none = { network: [], networkAlias: [], ip: undefined, ip6: undefined, macAddress: undefined }
test('--network becomes one request', () => {
  const of = (values: object) => toNetwork({ ...none, ...values }, { defaultMode: '' })
  assert.deepEqual(of({}), { kind: 'bridge', networks: [{ name: '' }] })
  assert.deepEqual(of({ network: ['none'] }), { kind: 'none' })
  assert.deepEqual(of({ network: ['container:web'] }), { kind: 'container', id: 'web' })
  assert.deepEqual(of({ network: ['ns:/run/netns/x'] }), { kind: 'path', path: '/run/netns/x' })
  assert.deepEqual(of({ network: ['a:ip=10.0.0.5,alias=x,interface_name=eth9', 'b'] }), { kind: 'bridge', networks: [{ name: 'a', ip: '10.0.0.5', aliases: ['x'], interfaceName: 'eth9' }, { name: 'b' }] })
  assert.deepEqual(of({ network: ['a'], ip: '10.0.0.5', macAddress: '92-D0-C6-0A-29-33', networkAlias: ['y'] }), { kind: 'bridge', networks: [{ name: 'a', ip: '10.0.0.5', mac: '92:d0:c6:0a:29:33', aliases: ['y'] }] })
  refuses(() => of({ network: ['none', 'a'] }), /none cannot be combined/)
  refuses(() => of({ network: ['host'], ip: '10.0.0.5' }), /--ip: it cannot be set with --network host/)
  refuses(() => of({ network: ['a', 'b'], ip: '10.0.0.5' }), /with several networks/)
  refuses(() => of({ network: ['a:foo=1'] }), /unknown option "foo"/)
  refuses(() => of({ network: ['slirp4netns'] }), /rootless/)
  refuses(() => of({ network: ['ns:x'] }), /absolute path/)
})
test('hosts and name servers are checked', () => {
  assert.deepEqual(parseAddHost('a;b:10.0.0.1'), ['a:10.0.0.1', 'b:10.0.0.1'])
  assert.deepEqual(parseAddHost('h:host-gateway'), ['h:host-gateway'])
  assert.deepEqual(parseAddHost('h:[::1]'), ['h:::1'])
  refuses(() => parseAddHost('h'), /expected NAME:ADDRESS/)
  refuses(() => parseAddHost('h:x'), /not an IP address/)
  assert.equal(toDns({ dns: [], dnsSearch: [], dnsOption: [] }), undefined)
  refuses(() => toDns({ dns: ['x'], dnsSearch: [], dnsOption: [] }), /"x" for --dns/)
})
test('devices, limits and namespaces', () => {
  assert.deepEqual(parseDevice('/dev/a'), { source: '/dev/a' })
  assert.deepEqual(parseDevice('/dev/a:rw'), { source: '/dev/a', permissions: 'rw' })
  assert.deepEqual(parseDevice('/dev/a:/dev/b:r'), { source: '/dev/a', target: '/dev/b', permissions: 'r' })
  assert.deepEqual(parseDevice('nvidia.com/gpu=all'), { source: 'nvidia.com/gpu=all' })
  assert.deepEqual(['all', '0', 'device=GPU-1a'].map(parseGpu), ['all', '0', 'GPU-1a'].map((name) => ({ source: `nvidia.com/gpu=${name}` })))
  refuses(() => parseDevice('dev'), /expected \/dev\/PATH/)
  assert.deepEqual(parseUlimits(['nofile=1024:2048', 'core=-1']), [{ type: 'RLIMIT_NOFILE', soft: 1024, hard: 2048 }, { type: 'RLIMIT_CORE', soft: -1, hard: -1 }])
  refuses(() => parseUlimits(['nofile=9:1']), /above the hard limit/)
  refuses(() => parseUlimits(['foo=1']), /unknown limit "foo"/)
  assert.deepEqual(parseNamespace('--pid', 'container:x'), { kind: 'container', id: 'x' })
  assert.deepEqual(parseNamespace('--ipc', 'shareable'), { kind: 'shareable' })
  refuses(() => parseNamespace('--pid', 'shareable'), /"shareable" for --pid/)
})
test('policies, entrypoints, logs, names', () => {
  assert.deepEqual(parseRestart('on-failure:3'), { name: 'on-failure', maxRetries: 3 })
  refuses(() => parseRestart('sometimes'), /--restart/)
  assert.deepEqual(parseEntrypoint('["a","b c"]'), ['a', 'b c'])
  assert.deepEqual(parseEntrypoint('sh'), ['sh'])
  assert.deepEqual(parseEntrypoint(''), [])
  assert.equal(parseUmask('0027'), 0o027)
  refuses(() => parseUmask('9'), /octal/)
  assert.deepEqual(toLog('json-file', ['max-size=1m', 'max-file=3', 'tag=x'], { driver: 'k8s-file', sizeMaxBytes: -1, tag: '' }), { driver: 'json-file', maxSizeBytes: 1_000_000, maxFiles: 3, tag: 'x' })
  refuses(() => toLog('syslog', [], { driver: 'k8s-file', sizeMaxBytes: -1, tag: '' }), /--log-driver/)
  assert.deepEqual(toPlatform({ platform: 'linux/arm/v7' }), { os: 'linux', arch: 'arm', variant: 'v7' })
  refuses(() => toPlatform({ platform: 'linux/arm', arch: 'x' }), /cannot be combined/)
  assert.equal(parsePullPolicy('IfNotPresent', 'always'), 'missing')
  refuses(() => parsePullPolicy('often', 'always'), /--pull/)
  refuses(() => checkName('a b'), /invalid name/)
  refuses(() => checkHostname('a_b!'), /--hostname/)
})
