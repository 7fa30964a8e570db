import assert from 'node:assert/strict'
import test from 'node:test'
import { CAPABILITIES, DEFAULT_CAPABILITIES } from '../capabilities.ts'
import { capabilitiesOfMask, resolveCapabilities, type CapabilityInputs } from './capabilities.ts'

const resolve = (more: Partial<CapabilityInputs> = {}) =>
  resolveCapabilities({ security: {}, defaults: DEFAULT_CAPABILITIES, held: CAPABILITIES, isRoot: true, ...more })
const named = (...names: string[]) => names.map((name) => `CAP_${name}`).sort()

test('the mask of the kernel names all capabilities up to the last', () => {
  assert.deepEqual(capabilitiesOfMask('000001ffffffffff'), CAPABILITIES)
  assert.equal(CAPABILITIES.length, 41)
  assert.ok(!capabilitiesOfMask('000001fffeffffff').includes('SYS_RESOURCE'))
})

test('root holds the defaults as bounding, effective and permitted, and nothing inheritable', () => {
  const { sets } = resolve()
  assert.deepEqual(sets, { bounding: named(...DEFAULT_CAPABILITIES), effective: named(...DEFAULT_CAPABILITIES), permitted: named(...DEFAULT_CAPABILITIES) })
})

test('another user keeps the bounding set and holds nothing', () => {
  assert.deepEqual(resolve({ isRoot: false }).sets, { bounding: named(...DEFAULT_CAPABILITIES) })
})

test('what is added for another user is ambient, unless the caller says otherwise', () => {
  const { sets } = resolve({ isRoot: false, security: { capAdd: ['net_admin', 'CAP_SYS_TIME'] } })
  for (const set of ['effective', 'permitted', 'inheritable', 'ambient'] as const) assert.deepEqual(sets[set], named('NET_ADMIN', 'SYS_TIME'))
  assert.deepEqual(sets.bounding, named(...DEFAULT_CAPABILITIES, 'NET_ADMIN', 'SYS_TIME'))
  const cri = resolve({ isRoot: false, security: { capAdd: ['NET_ADMIN'], capAddAmbient: false } }).sets
  assert.equal(cri.ambient, undefined)
  assert.deepEqual(cri.effective, cri.bounding)
})

test('ambient capabilities are in every set', () => {
  const { sets } = resolve({ isRoot: false, security: { ambientCaps: ['NET_RAW'], capAddAmbient: false } })
  for (const set of ['bounding', 'effective', 'permitted', 'inheritable', 'ambient'] as const) assert.ok(sets[set]?.includes('CAP_NET_RAW'), set)
})

test('drop ALL with additions leaves the additions, add ALL with drops lacks those', () => {
  assert.deepEqual(resolve({ security: { capDrop: ['all'], capAdd: ['CHOWN'] } }).sets.bounding, named('CHOWN'))
  const all = resolve({ security: { capAdd: ['ALL'], capDrop: ['SYS_ADMIN'] } }).sets.bounding!
  assert.equal(all.length, CAPABILITIES.length - 1)
  assert.ok(!all.includes('CAP_SYS_ADMIN'))
})

test('privileged gets all that the caller holds, a user other than root as bounding set', () => {
  const held = CAPABILITIES.filter((name) => name !== 'SYS_RESOURCE')
  assert.deepEqual(resolve({ held, security: { privileged: true } }).sets.effective, named(...held))
  assert.deepEqual(resolve({ held, isRoot: false, security: { privileged: true } }).sets, { bounding: named(...held) })
})

test('what the caller lacks is left out, with a warning when it was asked for', () => {
  const { sets, warnings } = resolve({ held: ['CHOWN'], security: { capAdd: ['SYS_ADMIN'] } })
  assert.deepEqual(sets.bounding, named('CHOWN'))
  assert.match(warnings.join(), /SYS_ADMIN isn't held/)
})

test('unknown names and contradictions are refused', () => {
  assert.throws(() => resolve({ security: { capAdd: ['FLY'] } }), { kind: 'invalid', message: "unknown capability 'FLY'" })
  assert.throws(() => resolve({ security: { capAdd: ['CHOWN'], capDrop: ['CAP_CHOWN'] } }), { message: /both added and dropped/ })
})
