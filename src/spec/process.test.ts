import assert from 'node:assert/strict'
import test from 'node:test'
import { buildEnv, type EnvInputs } from './env.ts'
import { host, inputs, oldHost, request } from './fixtures.ts'
import { kernelPaths } from './kernel-paths.ts'
import { apparmorOf, commandOf, isSystemdMode, oomScoreOf, personalityOf, workdirOf } from './process.ts'
import { resolveSysctls } from './sysctls.ts'

const image = { Entrypoint: ['/entry'], Cmd: ['a', 'b'] }

test('entrypoint and command of image and request combine as with docker and podman', () => {
  assert.deepEqual(commandOf({ command: [] }, image), ['/entry', 'a', 'b'])
  assert.deepEqual(commandOf({ command: ['c'] }, image), ['/entry', 'c'])
  assert.deepEqual(commandOf({ entrypoint: ['/e2'], command: [] }, image), ['/e2'])
  assert.deepEqual(commandOf({ entrypoint: [''], command: ['c'] }, image), ['c'])
  assert.deepEqual(commandOf({ entrypoint: [], command: ['c'] }, image), ['c'])
  assert.throws(() => commandOf({ command: [] }, {}), { kind: 'invalid', message: /no command or entrypoint/ })
  assert.throws(() => commandOf({ entrypoint: [''], command: [] }, image), { kind: 'invalid' })
})

test('the working directory is the request\'s, the image\'s or the root, and absolute', () => {
  assert.equal(workdirOf({ workdir: '/w/' }, { WorkingDir: '/i' }), '/w')
  assert.equal(workdirOf({}, { WorkingDir: 'rel/../x' }), '/x')
  assert.equal(workdirOf({}, undefined), '/')
})

test('systemd mode is seen by the program, forced or forbidden', () => {
  assert.ok(isSystemdMode({}, ['/sbin/init']))
  assert.ok(isSystemdMode({}, ['/usr/lib/systemd/systemd']))
  assert.ok(!isSystemdMode({}, ['/bin/init-db']))
  assert.ok(!isSystemdMode({ systemd: 'false' }, ['/sbin/init']))
  assert.ok(isSystemdMode({ systemd: 'always' }, ['sh']))
})

test('an oom score is checked, and raised to what the caller may set', () => {
  assert.deepEqual(oomScoreOf(undefined, host), {})
  assert.deepEqual(oomScoreOf(-500, host), { oomScoreAdj: -500 })
  assert.equal(oomScoreOf(-500, oldHost).oomScoreAdj, 0)
  assert.throws(() => oomScoreOf(1001, host), { kind: 'invalid' })
})

test('a named AppArmor profile must be there, the default one is used where it is', () => {
  const on = { ...host, apparmor: { loadedProfiles: ['mine', 'scow-default'] } }
  const of = (requested: string | undefined, over = {}) => apparmorOf({ requested, privileged: false, fallback: 'scow-default', host: on, ...over })
  assert.equal(of(undefined), 'scow-default')
  assert.equal(of(undefined, { host }), undefined)
  assert.equal(of(undefined, { privileged: true }), undefined)
  assert.equal(of('mine', { privileged: true }), 'mine')
  assert.equal(of('unconfined'), undefined)
  assert.throws(() => of('nope'), { kind: 'notFound' })
  assert.throws(() => of('mine', { host }), { kind: 'unsupported' })
})

test('personalities are two', () => {
  assert.deepEqual(personalityOf('linux32'), { domain: 'LINUX32' })
  assert.throws(() => personalityOf('BSD'), { kind: 'invalid' })
})

const env = (more: Partial<EnvInputs> = {}) => Object.fromEntries(buildEnv({
  request: request(), image: undefined, configEnv: [], proxyEnv: [], hostEnv: [], cdiEnv: [], home: '/root', hostname: 'box', ...more,
}).map((line) => line.split(/=(.*)/s).slice(0, 2)))

test('the environment has PATH, container, HOME and HOSTNAME, and TERM with a terminal', () => {
  assert.deepEqual(Object.keys(env()).sort(), ['HOME', 'HOSTNAME', 'PATH', 'container'])
  assert.equal(env({ request: request({ terminal: true }) })['TERM'], 'xterm')
})

test('request wins over image, proxies, host and configuration', () => {
  const sources = { configEnv: [['A', 'config'], ['B', 'config']], proxyEnv: [['http_proxy', 'p']], hostEnv: [['C', 'host']], image: { Env: ['A=image', 'E', 'F=x=y'] } } as const
  assert.deepEqual({ ...env({ ...sources, request: request({ env: [['A', 'mine'], ['HOME', '/h']] }) }), PATH: '' },
    { PATH: '', container: 'oci', A: 'mine', B: 'config', http_proxy: 'p', E: '', F: 'x=y', HOME: '/h', HOSTNAME: 'box' })
  const other = env({ ...sources, request: request({ hostEnv: true, httpProxy: false }) })
  assert.deepEqual([other['C'], other['http_proxy'], other['A']], ['host', undefined, 'image'])
})

test('variables are unset one by one or all, those of the request stay', () => {
  assert.equal(env({ image: { Env: ['A=1'] }, request: request({ unsetEnv: ['A', 'PATH'] }) })['A'], undefined)
  assert.deepEqual(env({ image: { Env: ['A=1'] }, request: request({ unsetAllEnv: true, env: [['B', '2']] }) }), { B: '2', HOME: '/root', HOSTNAME: 'box' })
})

const namespaces = inputs().namespaces

test('sysctls of the container\'s own namespaces pass, in either spelling', () => {
  assert.deepEqual(resolveSysctls([['net.core.somaxconn', '5'], ['kernel/shmmax', '6'], ['net/ipv4/conf/eth0.1/forwarding', '1']], [['net.ipv4.ip_forward', '1']], namespaces),
    { 'net.ipv4.ip_forward': '1', 'net.core.somaxconn': '5', 'kernel/shmmax': '6', 'net/ipv4/conf/eth0.1/forwarding': '1' })
})

test('sysctls that would change the host are refused; such defaults are left out', () => {
  const shared = { ...namespaces, network: { kind: 'host' }, ipc: { kind: 'host' }, uts: { kind: 'host' } } as const
  for (const name of ['net.core.somaxconn', 'kernel.msgmax', 'fs.mqueue.msg_max', 'kernel.domainname']) {
    assert.throws(() => resolveSysctls([[name, '1']], [], shared), { kind: 'invalid', message: /shares the host's/ })
  }
  assert.throws(() => resolveSysctls([['kernel.panic', '1']], [], namespaces), { message: /whole machine/ })
  assert.throws(() => resolveSysctls([['kernel.shmmax.x', '1']], [], namespaces), { message: /whole machine/ })
  assert.deepEqual(resolveSysctls([], [['net.ipv4.ip_forward', '1']], shared), {})
})

test('masked paths are lifted by pattern or all, added to, or given exactly', () => {
  const { maskedPaths, readonlyPaths } = kernelPaths({})
  assert.ok(maskedPaths.includes('/proc/kcore') && readonlyPaths.includes('/proc/sys'))
  const some = kernelPaths({ unmaskPaths: ['/proc/a*:/proc/sys'], maskPaths: ['/x'] })
  assert.ok(!some.maskedPaths.includes('/proc/acpi') && some.maskedPaths.includes('/proc/kcore') && some.maskedPaths.includes('/x'))
  assert.ok(!some.readonlyPaths.includes('/proc/sys') && !some.readonlyPaths.includes('/proc/asound') && some.readonlyPaths.includes('/proc/bus'))
  assert.deepEqual(kernelPaths({ unmaskPaths: ['all'] }), { maskedPaths: [], readonlyPaths: [] })
  assert.deepEqual(kernelPaths({ privileged: true }), { maskedPaths: [], readonlyPaths: [] })
  assert.deepEqual(kernelPaths({ privileged: true, exactMaskedPaths: ['/m'], exactReadOnlyPaths: [] }), { maskedPaths: ['/m'], readonlyPaths: [] })
})
