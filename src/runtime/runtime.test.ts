import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, rmdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { after } from 'node:test'
import { isFailure, type ErrorKind, type Failure } from '../errors.ts'
import { identify } from '../process/identity.ts'
import { runtimeFailure } from './errors.ts'
import { findRuntime, openRuntime, type Runtime } from './runtime.ts'

const dir = mkdtempSync('/tmp/scow-runtime-')
after(() => {
  rmSync(dir, { recursive: true })
  for (const hierarchy of globSync('/sys/fs/cgroup/*/scow-runtime-test')) rmdirSync(hierarchy)
})
const failure = (kind: ErrorKind, text: RegExp | string = '') => (error: unknown) =>
  isFailure(error, kind) && (typeof text === 'string' ? (error as Failure).message.includes(text) : text.test((error as Failure).message))

const rootfs = join(dir, 'rootfs')
for (const name of ['bin', 'proc', 'dev', 'sys', 'tmp', 'etc']) mkdirSync(join(rootfs, name), { recursive: true })
cpSync('/bin/busybox', join(rootfs, 'bin/busybox'))
for (const name of ['sh', 'sleep', 'echo', 'cat', 'true']) symlinkSync('busybox', join(rootfs, 'bin', name))
writeFileSync(join(rootfs, 'etc/plain'), 'text')

const NAMESPACES = ['pid', 'ipc', 'uts', 'mount', 'network']
const processOf = (args: readonly string[], more = {}) => ({
  args, cwd: '/', env: ['PATH=/bin'], user: { uid: 0, gid: 0 }, noNewPrivileges: true, ...more,
})
let count = 0

/** Creates with the runtime itself: no monitor is needed to see what it does. */
const create = (runtime: Runtime, args: readonly string[], { more = {}, namespaces = NAMESPACES, network }: { more?: object; namespaces?: string[]; network?: 'host' | 'none' } = {}): string => {
  const id = `t${process.pid}-${count++}`
  const bundle = join(dir, id)
  mkdirSync(bundle)
  writeFileSync(join(bundle, 'config.json'), JSON.stringify({
    ociVersion: '1.0.2', process: processOf(args), root: { path: rootfs }, hostname: 'x',
    mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }, { destination: '/dev', type: 'tmpfs', source: 'tmpfs' }],
    linux: { cgroupsPath: `/scow-runtime-test/${id}`, namespaces: namespaces.map((type) => ({ type })) }, ...more,
  }))
  execFileSync(runtime.path, [...runtime.globalArgs(network ? { network } : {}), 'create', '--bundle', bundle, '--pid-file', join(bundle, 'pid'), id], { stdio: 'ignore' })
  return id
}
const processFile = (args: readonly string[], more = {}): string => {
  const path = join(dir, `process-${count++}`)
  writeFileSync(path, JSON.stringify(processOf(args, more)))
  return path
}
const runc = openRuntime({ path: findRuntime('runc'), stateDir: join(dir, 'runc'), systemdCgroup: false })

test('a container is created, started, paused, updated, killed and deleted', async () => {
  const id = create(runc, ['sleep', '100'])
  assert.equal((await runc.state(id))?.status, 'created')
  await runc.start(id)
  await assert.rejects(runc.start(id), failure('wrongState', 'running already'))
  assert.equal((await runc.state(id))?.pid, Number(readFileSync(join(dir, id, 'pid'), 'utf8')))
  assert.deepEqual((await runc.list()).map((c) => c.id), [id])
  await runc.pause(id)
  assert.equal((await runc.state(id))?.status, 'paused')
  await runc.resume(id)
  await assert.rejects(runc.resume(id), failure('wrongState', 'not paused'))
  await runc.update(id, { pids: { limit: 50 } })
  await assert.rejects(runc.update(id, { memory: { limit: 1000 } }), failure('invalid', 'memory limit of 1000 bytes is too low'))
  await assert.rejects(runc.delete(id), failure('wrongState'))
  await runc.kill(id, 9, { all: true })
  while ((await runc.state(id))?.status !== 'stopped') { /* the kill takes a moment */ }
  await assert.rejects(runc.kill(id, 9), failure('wrongState'))
  await assert.rejects(runc.start(id), failure('wrongState'))
  await runc.delete(id)
  await runc.delete(id)
  await runc.delete(id, { force: true })
  assert.equal(await runc.state(id), undefined)
  assert.deepEqual(await runc.list(), [])
  await assert.rejects(runc.kill(id, 9), failure('notFound'))
})

test('a process is run in a container with its input, output and code', async () => {
  const id = create(runc, ['sleep', '100'])
  await runc.start(id)
  const pidFile = join(dir, 'exec.pid')
  const exec = (args: readonly string[], options = {}, more = {}) => runc.exec(id, { processFile: processFile(args, more), pidFile, ...options })
  try {
    const { exitCode, stdout, stderr } = await exec(['sh', '-c', 'cat; echo no >&2; exit 255'], { input: 'in' })
    assert.deepEqual([exitCode, stdout.toString(), stderr.toString()], [255, 'in', 'no\n'])
    assert.equal((await exec(['sh', '-c', 'kill -9 $$'])).exitCode, 137)
    await assert.rejects(exec(['nosuch']), failure('commandNotFound', 'nosuch: no such command'))
    await assert.rejects(exec(['/nosuch']), failure('commandNotFound', '/nosuch'))
    await assert.rejects(exec(['/etc/plain']), failure('cannotInvoke', '/etc/plain'))
    await assert.rejects(exec(['/etc']), failure('cannotInvoke', '/etc'))
    await assert.rejects(exec(['true'], {}, { cwd: '/nowhere' }), failure('commandNotFound', 'working directory /nowhere'))
    await assert.rejects(exec(['true'], {}, { cwd: '/etc/plain' }), failure('cannotInvoke', 'working directory /etc/plain'))
    assert.equal((await exec(['sh', '-c', 'yes | head -c 1000'], { maxOutputBytes: 10 })).stdout.length, 10)
  } finally {
    await runc.delete(id, { force: true })
  }
})

test('a process without hooks is let go as the runtime would, and once only', async () => {
  const id = create(runc, ['sh', '-c', 'echo on >/tmp/went; sleep 100'])
  try {
    await runc.start(id, { hooks: false })
    assert.equal((await runc.state(id))?.status, 'running')
    await assert.rejects(runc.start(id, { hooks: false }), failure('wrongState', 'running already'))
    for (let tries = 0; tries < 500 && !existsSync(join(rootfs, 'tmp/went')); tries++) await new Promise((resolve) => setTimeout(resolve, 10))
    assert.equal(readFileSync(join(rootfs, 'tmp/went'), 'utf8'), 'on\n')
  } finally {
    await runc.delete(id, { force: true })
  }
  await assert.rejects(runc.start(id, { hooks: false }), failure('notFound'))
})

test('of a created process that was killed the runtime itself says what is wrong', async () => {
  const id = create(runc, ['sleep', '100'])
  try {
    process.kill((await runc.state(id))!.pid, 'SIGKILL')
    await assert.rejects(runc.start(id, { hooks: false }), failure('wrongState'))
  } finally {
    await runc.delete(id, { force: true })
  }
})

test('a container that has ended is forgotten without the runtime where nothing else is to be done', async () => {
  const called = join(dir, 'called')
  const logged = join(dir, 'runc-logged')
  writeFileSync(logged, `#!/bin/sh\necho "$*" >>${called}\nexec ${runc.path} "$@"\n`, { mode: 0o755 })
  const runtime = openRuntime({ path: logged, stateDir: join(dir, 'logged'), systemdCgroup: false })
  const hook = join(dir, 'hook')
  writeFileSync(hook, `#!/bin/sh\necho hook >>${called}\n`, { mode: 0o755 })
  const child = (id: string): void => { for (const group of globSync(`/sys/fs/cgroup/*/scow-runtime-test/${id}`)) mkdirSync(join(group, 'child')) }
  const cases: readonly { readonly what: string; readonly expected: RegExp; readonly more?: object; readonly namespaces?: string[]; readonly before?: (id: string) => void }[] = [
    { what: 'plain', expected: /^$/ },
    { what: 'groups below its own', expected: /^\S.* delete \S+\n$/, before: child },
    { what: 'a hook', expected: / delete \S+\nhook\n$/, more: { hooks: { poststop: [{ path: hook }] } } },
    { what: 'no pid namespace of its own', expected: / delete \S+\n$/, namespaces: NAMESPACES.filter((name) => name !== 'pid') },
    { what: 'a state that cannot be read', expected: / delete \S+\n$/, before: (id) => truncateSync(join(dir, 'logged', id, 'state.json'), 100) },
  ]
  for (const { what, expected, more, namespaces, before } of cases) {
    const id = create(runtime, ['sleep', '100'], { ...(more ? { more } : {}), ...(namespaces ? { namespaces } : {}) })
    const { pid } = (await runtime.state(id))!
    process.kill(pid, 'SIGKILL')
    while (existsSync(`/proc/${pid}`)) await new Promise((resolve) => setTimeout(resolve, 10)) // reaped: a zombie is still in its groups
    before?.(id)
    writeFileSync(called, '')
    await runtime.delete(id).catch(() => assert.equal(what, 'a state that cannot be read'))
    assert.match(readFileSync(called, 'utf8'), expected, what)
    if (what === 'a state that cannot be read') rmSync(join(dir, 'logged', id), { recursive: true })
    else assert.deepEqual(globSync(`/sys/fs/cgroup/*/scow-runtime-test/${id}`), [], what)
    assert.deepEqual(await runtime.list(), [], what)
    for (const group of globSync(`/sys/fs/cgroup/*/scow-runtime-test/${id}`)) rmdirSync(group)
  }
})

test('a process that runs past its deadline is killed and reaped', async () => {
  const id = create(runc, ['sleep', '100'])
  await runc.start(id)
  const pids = (): number[] => (JSON.parse(execFileSync(runc.path, [...runc.globalArgs(), 'ps', '--format', 'json', id], { encoding: 'utf8' })) as number[])
  try {
    await assert.rejects(runc.exec(id, { processFile: processFile(['sh', '-c', 'sleep 100 & sleep 100']), pidFile: join(dir, 'p1'), timeoutMs: 300 }), failure('timeout'))
    const abort = AbortSignal.timeout(200)
    await assert.rejects(runc.exec(id, { processFile: processFile(['sleep', '100']), pidFile: join(dir, 'p2'), signal: abort }), failure('cancelled'))
    assert.equal(pids().filter((pid) => identify(pid)).length, 1)
  } finally {
    await runc.delete(id, { force: true })
  }
})

const refused = (args: readonly string[], more = {}): Failure => {
  const id = `r${count}`
  try {
    create(runc, args, { more })
  } catch (error) {
    void error
    const bundle = join(dir, `t${process.pid}-${count - 1}`)
    try {
      execFileSync(runc.path, [...runc.globalArgs(), 'create', '--bundle', bundle, id], { stdio: ['ignore', 'ignore', 'pipe'] })
    } catch (again) {
      return runtimeFailure(String((again as { stderr: Buffer }).stderr), { runtime: 'runc', id: 'f'.repeat(64) })
    }
  }
  throw new Error('it was created')
}

test('what runc refuses is said in one line of ours', () => {
  assert.ok(failure('commandNotFound', 'nosuch')(refused(['nosuch'])))
  assert.ok(failure('commandNotFound', '/nosuch')(refused(['/nosuch'])))
  assert.ok(failure('cannotInvoke', '/etc/plain')(refused(['/etc/plain'])))
  assert.ok(failure('cannotInvoke', '/etc: ')(refused(['/etc'])))
  assert.ok(failure('cannotInvoke', 'working directory /etc/plain')(refused(['true'], { process: processOf(['true'], { cwd: '/etc/plain' }) })))
  assert.ok(failure('invalid', 'cannot mount /absent on /x: no such file')(refused(['true'], { mounts: [{ destination: '/x', source: '/absent', type: 'bind', options: ['bind'] }] })))
  assert.ok(failure('invalid', 'sysctl kernel.nonsense')(refused(['true'], { linux: { sysctl: { 'kernel.nonsense': '1' }, namespaces: NAMESPACES.map((type) => ({ type })) } })))
  assert.ok(failure('invalid', 'sysctl net.ipv4.nonsense')(refused(['true'], { linux: { sysctl: { 'net.ipv4.nonsense': '1' }, namespaces: NAMESPACES.map((type) => ({ type })) } })))
  assert.ok(failure('notFound', '/nonet')(refused(['true'], { linux: { namespaces: [{ type: 'network', path: '/nonet' }, { type: 'uts' }, { type: 'mount' }] } })))
  assert.ok(failure('unavailable', 'hook')(refused(['true'], { hooks: { prestart: [{ path: '/nohook' }] } })))
})

test('texts of other runtimes are understood too, and unknown ones passed on', () => {
  const said = (text: string): Failure => runtimeFailure(text, { runtime: 'crun', id: 'f'.repeat(64) })
  assert.ok(failure('commandNotFound', 'nosuch')(said('2026-11-21T05:48:00.000000Z: executable file `nosuch` not found in $PATH: No such file or directory\n')))
  assert.ok(failure('unsupported', 'hybrid')(said('cgroups in hybrid mode not supported, drop all controllers from cgroupv2')))
  assert.ok(failure('denied', 'RLIMIT_NOFILE')(said('setrlimit `RLIMIT_NOFILE`: Operation not permitted')))
  assert.ok(failure('notFound')(said('error opening file `/run/crun/x/status`: No such file or directory')))
  assert.ok(failure('commandNotFound', 'nosuch')(said('starting container: starting root container: starting sandbox: error finding executable "nosuch" in PATH [/bin]: no such file or directory')))
  assert.ok(failure('cannotInvoke', '/etc/plain')(said('starting container: starting root container: starting sandbox: creating process: failed to load /etc/plain: permission denied')))
  assert.ok(failure('unsupported', 'network namespaces')(said('setting up network: creating interfaces from net namespace "/proc/1/ns/net": cannot run with network enabled in root network namespace')))
  for (const words of ['lstat /sys/fs/cgroup/devices/scow/scow-f', 'readdirent /sys/fs/cgroup/devices/scow/scow-f', 'open /sys/fs/cgroup/devices/scow/scow-f', 'open /sys/fs/cgroup/machine.slice/scow-f.scope', 'open /sys/fs/cgroup/scow/scow-f/cgroup.procs']) {
    assert.ok(failure('wrongState', 'has ended')(said(`${words}: no such file or directory`)), words)
  }
  assert.ok(failure('wrongState', 'has ended')(said('read /sys/fs/cgroup/scow/scow-f/cgroup.procs: no such device')))
  assert.ok(failure('unavailable', 'memory.high')(said('open /sys/fs/cgroup/scow/scow-f/memory.high: no such file or directory')))
  assert.ok(failure('unavailable', 'killed before it could begin')(said('read init-p: connection reset by peer')))
  assert.ok(failure('unavailable', 'crun: something new')(said('{"level":"error","msg":"something new"}')))
  assert.ok(failure('unavailable', 'without a word')(said('\n')))
  assert.equal(said('x'.repeat(1e6)).message.length < 3000, true)
})

test('a runtime is found by name, table or path, and a missing one is named with its fix', () => {
  assert.equal(findRuntime('x', { runtimes: { x: ['/nowhere', '/bin/true'] } }), '/bin/true')
  assert.equal(findRuntime('/bin/true'), '/bin/true')
  assert.throws(() => findRuntime('runc', { dirs: ['/nowhere'] }), (error: Failure) => error.kind === 'notFound' && error.hint === 'install runc: apt install runc')
  assert.throws(() => findRuntime('/etc/passwd'), failure('notFound'))
  assert.throws(() => findRuntime('constructor', { dirs: [] }), failure('notFound'))
})

test('features and version are told', async () => {
  const features = await runc.features()
  assert.ok(features.linux.namespaces.includes('network') && features.mountOptions.includes('bind'))
  assert.match(await runc.version(), /^runc version/)
})

test('gVisor runs a container', async () => {
  const runsc = openRuntime({ path: findRuntime('runsc'), stateDir: join(dir, 'runsc'), systemdCgroup: false })
  const id = create(runsc, ['sleep', '100'], { network: 'none' })
  try {
    await runsc.start(id, { network: 'none' })
    const { exitCode, stdout } = await runsc.exec(id, { processFile: processFile(['sh', '-c', 'echo hi; exit 3']), pidFile: join(dir, 'gp') })
    assert.deepEqual([exitCode, stdout.toString()], [3, 'hi\n'])
    await assert.rejects(runsc.exec(id, { processFile: processFile(['nosuch']), pidFile: join(dir, 'gp') }), failure('commandNotFound', 'nosuch'))
    assert.equal((await runsc.list()).find((c) => c.id === id)?.status, 'running')
    await assert.rejects(runsc.update(id, {}), failure('unsupported'))
    assert.deepEqual((await runsc.features()).hooks, [])
  } finally {
    await runsc.delete(id, { force: true })
  }
  assert.equal(await runsc.state(id), undefined)
  const lost = create(runsc, ['nosuch'], { network: 'none' })
  await assert.rejects(runsc.start(lost, { network: 'none' }), failure('commandNotFound', 'nosuch'))
  await runsc.delete(lost, { force: true })
})
