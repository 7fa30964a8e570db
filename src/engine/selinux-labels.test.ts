import assert from 'node:assert/strict'
import test from 'node:test'
import { isFailure } from '../errors.ts'
import { relabelMount, selinuxLabels, sharedLabel } from './selinux-labels.ts'

test('two containers get different categories, one the same at each start', () => {
  const label = (id: string) => selinuxLabels(id, { security: {} })!.processLabel
  assert.match(label('a'), /^\w+:\w+:\w+:s0:c\d+,c\d+$/)
  assert.equal(label('a'), label('a'))
  assert.notEqual(label('a'), label('b'))
})
test('with the processes or the IPC of the host there is no label, unless one is asked for', () => {
  const [host, own] = [{ kind: 'host' }, { kind: 'private' }] as const
  const namespaces = { pid: host, ipc: own, uts: own, cgroup: own }
  assert.equal(selinuxLabels('a', { security: {}, namespaces }), undefined)
  assert.equal(selinuxLabels('a', { security: {}, namespaces: { ...namespaces, pid: own, ipc: host } }), undefined)
  assert.match(selinuxLabels('a', { security: { selinux: ['level:s0:c1,c2'] }, namespaces })!.processLabel, /:s0:c1,c2$/)
})
test('what containers share has no categories', () => {
  assert.match(sharedLabel(selinuxLabels('a', { security: {} })!), /^\w+:\w+:\w+:s0$/)
  assert.match(sharedLabel(selinuxLabels('a', { security: { selinux: ['level:s0:c1.c5'] } })!), /^\w+:\w+:\w+:s0$/)
})
test('options change parts of the label, and disable leaves none', () => {
  assert.match(selinuxLabels('a', { security: { selinux: ['type:spc_t', 'level:s0:c1,c2'] } })!.processLabel, /:spc_t:s0:c1,c2$/)
  assert.equal(selinuxLabels('a', { security: { selinux: ['disable'] } }), undefined)
  assert.equal(selinuxLabels('a', { security: { privileged: true } }), undefined)
  assert.throws(() => selinuxLabels('a', { security: { selinux: ['colour:red'] } }), (error) => isFailure(error, 'invalid'))
})
test('system folders are never relabelled', async () => {
  await assert.rejects(relabelMount({ type: 'bind', source: '/usr', target: '/x', relabel: 'private' }, '/usr', { processLabel: '', mountLabel: '' }), (error) => isFailure(error, 'invalid'))
})
