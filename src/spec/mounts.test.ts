import assert from 'node:assert/strict'
import test from 'node:test'
import { host, oldHost } from './fixtures.ts'
import { orderMounts, rootPropagation, userMount, type ResolvedMount } from './mounts.ts'

const context = { host, idMappings: undefined }
const options = (mount: ResolvedMount) => userMount(mount, context).options
const bind = (more: Partial<ResolvedMount> = {}): ResolvedMount => ({ type: 'bind', source: '/src', target: '/dst', ...more })

test('a bind is recursive, private and writable unless it says otherwise', () => {
  assert.deepEqual(userMount(bind(), context), { destination: '/dst', type: 'bind', source: '/src', options: ['rbind', 'rprivate', 'rw'] })
  assert.deepEqual(options(bind({ readOnly: true, nonRecursive: true, propagation: 'rshared', options: ['nosuid', 'nosuid'] })), ['bind', 'rshared', 'ro', 'nosuid'])
})

test('recursive read-only needs a kernel and a runtime that can do it', () => {
  assert.deepEqual(options(bind({ recursiveReadOnly: true, readOnly: true })), ['rbind', 'rprivate', 'rro'])
  assert.throws(() => userMount(bind({ recursiveReadOnly: true }), { ...context, host: oldHost }), { kind: 'unsupported', message: /Linux 5\.12/ })
  const noRro = { ...host, runtime: { ...host.runtime, mountOptions: ['ro'] } }
  assert.throws(() => userMount(bind({ recursiveReadOnly: true }), { ...context, host: noRro }), { kind: 'unsupported' })
})

test('an idmapped bind has its own mapping or that of the user namespace, and needs the runtime', () => {
  const able = { ...host, runtime: { ...host.runtime, idmappedMounts: true } }
  const uids = [{ containerId: 0, hostId: 1000, size: 10 }]
  const mapped = [{ containerID: 0, hostID: 1000, size: 10 }]
  const mount = userMount(bind({ idmap: { uids } }), { host: able, idMappings: undefined })
  assert.deepEqual([mount.uidMappings, mount.gidMappings], [mapped, mapped])
  assert.deepEqual(userMount(bind({ idmap: {} }), { host: able, idMappings: { uids, gids: uids } }).uidMappings, mapped)
  assert.throws(() => userMount(bind({ idmap: {} }), { host: able, idMappings: undefined }), { kind: 'invalid' })
  assert.throws(() => userMount(bind({ idmap: { uids } }), context), { kind: 'unsupported' })
})

test('a tmpfs copies the image up and is nosuid and nodev unless its options say otherwise', () => {
  assert.deepEqual(options({ type: 'tmpfs', target: '/t', sizeBytes: 1024, mode: 0o1777 }), ['size=1024', 'mode=1777', 'rw', 'rprivate', 'nosuid', 'nodev', 'tmpcopyup'])
  assert.deepEqual(options({ type: 'tmpfs', target: '/t', copyUp: false, readOnly: true, options: ['suid', 'dev', 'noexec'] }), ['ro', 'suid', 'dev', 'noexec', 'rprivate'])
  assert.ok(!options({ type: 'tmpfs', target: '/t', options: ['notmpcopyup'] })!.includes('tmpcopyup'))
})

test('targets are made canonical; relative ones and the root are refused', () => {
  assert.equal(userMount(bind({ target: '/a/../b//' }), context).destination, '/b')
  assert.throws(() => userMount(bind({ target: 'a' }), context), { kind: 'invalid', message: /absolute/ })
  assert.throws(() => userMount(bind({ target: '/a/..' }), context), { kind: 'invalid' })
})

test('parents come before children, the last of one target wins, and a /dev replaces all in it', () => {
  const at = (destination: string, source = '') => ({ destination, source })
  const own = [at('/proc'), at('/dev'), at('/dev/pts'), at('/dev/shm'), at('/run/.containerenv')]
  assert.deepEqual(orderMounts(own, [at('/a/b'), at('/a'), at('/run'), at('/a', 'last')]).map(({ destination, source }) => destination + source),
    ['/proc', '/dev', '/alast', '/run', '/dev/pts', '/dev/shm', '/run/.containerenv', '/a/b'])
  assert.deepEqual(orderMounts(own, [at('/dev', 'mine')]).map(({ destination }) => destination), ['/proc', '/dev', '/run/.containerenv'])
})

test('the root propagates as far as the widest mount needs', () => {
  assert.equal(rootPropagation([bind()]), undefined)
  assert.equal(rootPropagation([bind({ propagation: 'rslave' })]), 'slave')
  assert.equal(rootPropagation([bind({ propagation: 'slave' }), bind({ propagation: 'rshared' })]), 'shared')
})
