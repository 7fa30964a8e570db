import assert from 'node:assert/strict'
import test from 'node:test'
import { applyCdi, cdiEdits, cdiNodePaths, isCdiName, parseCdiSpec } from './cdi.ts'
import { buildDevices, parseDeviceRule } from './devices.ts'
import { host } from './fixtures.ts'
import { matchHooks, parseHookFile } from './hooks.ts'

const fuse = { ...host.devices[0]!, target: '/dev/f', permissions: 'rw' }
const build = (more = {}) => buildDevices({ privileged: false, hostDevices: host.devices, devices: [], rules: [], systemd: false, ...more })

test('devices are made at their target and allowed with their permissions, all else is denied', () => {
  assert.deepEqual(build({ devices: [fuse], rules: ['c 10:* rm'] }), {
    devices: [{ type: 'c', path: '/dev/f', major: 10, minor: 229, fileMode: 0o666, uid: 0, gid: 0 }],
    rules: [{ allow: false, access: 'rwm' }, { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' }, { allow: true, type: 'c', access: 'rm', major: 10 }],
  })
  assert.throws(() => build({ devices: [{ ...fuse, permissions: 'rx' }] }), { kind: 'invalid' })
})

test('privileged has all devices of the host but those that a container has of its own', () => {
  const { devices, rules } = build({ privileged: true })
  assert.deepEqual(devices.map(({ path }) => path), ['/dev/fuse', '/dev/sda', '/dev/tty1'])
  assert.deepEqual(rules, [{ allow: true, access: 'rwm' }])
  assert.deepEqual(build({ privileged: true, systemd: true }).devices.map(({ path }) => path), ['/dev/fuse', '/dev/sda'])
})

test('device cgroup rules are letters, numbers and stars', () => {
  assert.deepEqual(parseDeviceRule('a *:* rwm'), { allow: true, type: 'a', access: 'rwm' })
  for (const text of ['c 1:3', 'x 1:3 r', 'c 1 r', 'c -1:3 r', '']) assert.throws(() => parseDeviceRule(text), { kind: 'invalid' })
})

const gpu = parseCdiSpec({
  cdiVersion: '0.6.0', kind: 'acme.com/gpu', containerEdits: { env: ['ACME=1'], hooks: [{ hookName: 'createContainer', path: '/hook', args: ['hook'] }] },
  devices: [
    { name: '0', containerEdits: { deviceNodes: [{ path: '/dev/gpu0', hostPath: '/dev/fuse', permissions: 'r' }, { path: '/dev/x', type: 'c', major: 1, minor: 2 }], additionalGids: [0, 44] } },
    { name: 'all', containerEdits: { mounts: [{ hostPath: '/lib/a', containerPath: '/lib/a', options: ['ro', 'bind'] }] } },
  ],
}, 'gpu.json')

test('CDI names are told from paths', () => {
  assert.ok(isCdiName('acme.com/gpu=0') && isCdiName('acme.com/gpu=gpu0:1'))
  for (const text of ['/dev/fuse', '/dev/a=b', 'acme.com/gpu', 'gpu=0', '/dev/fuse:/dev/x=1']) assert.ok(!isCdiName(text), text)
})

test('edits of devices come first, those of a file once', () => {
  const edits = cdiEdits(['acme.com/gpu=0', 'acme.com/gpu=all', 'acme.com/gpu=0'], [gpu])
  assert.deepEqual(cdiNodePaths(edits), ['/dev/fuse'])
  assert.deepEqual(applyCdi(edits, host.devices), {
    env: ['ACME=1'],
    devices: [{ path: '/dev/gpu0', type: 'c', major: 10, minor: 229, fileMode: 0o666, uid: 0, gid: 0 }, { path: '/dev/x', type: 'c', major: 1, minor: 2 }],
    rules: [{ allow: true, type: 'c', major: 10, minor: 229, access: 'r' }, { allow: true, type: 'c', major: 1, minor: 2, access: 'rwm' }],
    mounts: [{ destination: '/lib/a', source: '/lib/a', type: 'bind', options: ['ro', 'bind'] }],
    hooks: [['createContainer', { path: '/hook', args: ['hook'] }]],
    additionalGids: [44],
  })
})

test('a later CDI file wins, an unknown device names the known ones', () => {
  const other = parseCdiSpec({ cdiVersion: '0.5.0', kind: 'acme.com/gpu', devices: [{ name: '0', containerEdits: { env: ['B=2'] } }] }, 'b.json')
  assert.deepEqual(applyCdi(cdiEdits(['acme.com/gpu=0'], [gpu, other]), []).env, ['B=2'])
  assert.throws(() => cdiEdits(['acme.com/gpu=9'], [gpu]), { kind: 'notFound', hint: 'there are acme.com/gpu=0, acme.com/gpu=all' })
  assert.throws(() => applyCdi(cdiEdits(['acme.com/gpu=0'], [gpu]), []), { kind: 'notFound', message: /\/dev\/fuse/ })
})

test('wrong CDI files are refused with file and place', () => {
  assert.throws(() => parseCdiSpec({ cdiVersion: '0.6.0', kind: 'gpu', devices: [] }, 'x.yaml'), { kind: 'invalid', message: /^CDI specification x\.yaml: kind/ })
  assert.throws(() => parseCdiSpec({ cdiVersion: '9.0.0', kind: 'a.b/c', devices: [] }, 'x.yaml'), { message: /cdiVersion/ })
})

const hook = (when: object, stages = ['prestart']) => parseHookFile({ version: '1.0.0', hook: { path: '/h' }, when, stages }, 'h.json')
const facts = { annotations: { 'org.x': 'yes' }, command: '/usr/bin/nginx', hasBindMounts: false }
const matches = (when: object) => matchHooks([hook(when)], facts).prestart?.length === 1

test('a hook applies when all its conditions hold and it has one', () => {
  assert.ok(matches({ always: true }))
  assert.ok(!matches({}) && !matches({ always: false }))
  assert.ok(matches({ commands: ['nginx$'] }) && !matches({ commands: ['^nginx'] }))
  assert.ok(matches({ annotations: { '^org\\.x$': '^y' } }) && !matches({ annotations: { 'org.x': 'no' } }))
  assert.ok(!matches({ always: true, hasBindMounts: true }) && matches({ hasBindMounts: false }))
})

test('hooks go to each of their stages in the order of the files', () => {
  const files = [hook({ always: true }, ['prestart', 'poststop', 'precreate']), { ...hook({ always: true }), hook: { path: '/second', timeout: 5 } }]
  assert.deepEqual(matchHooks(files, facts), { prestart: [{ path: '/h' }, { path: '/second', timeout: 5 }], poststop: [{ path: '/h' }] })
})

test('wrong hook files are refused', () => {
  assert.throws(() => parseHookFile({ version: '0.1.0' }, 'h.json'), { kind: 'invalid', message: /^hook h\.json: version/ })
  assert.throws(() => hook({ commands: ['('] }), { message: /no regular expression/ })
  assert.throws(() => parseHookFile({ version: '1.0.0', hook: { path: 'rel' }, when: {}, stages: ['prestart'] }, 'h.json'), { message: /absolute/ })
})
