import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { CAPABILITIES, DEFAULT_CAPABILITIES } from '../capabilities.ts'
import type { OciSeccomp } from './oci-spec.ts'
import { parseSeccompProfile, resolveSeccomp, type SeccompFacts, type SeccompProfile } from './seccomp.ts'
import { defaultSeccompProfile } from './seccomp-default.ts'

const DEBIAN = '/usr/share/containers/seccomp.json'

const facts = (capabilities: readonly string[], architecture = 'amd64'): SeccompFacts =>
  ({ capabilities: new Set(capabilities.map((name) => `CAP_${name}`)), architecture, kernel: { major: 6, minor: 1 }, x32: true })

/** What each system call may do, whatever the order and grouping of the rules. */
function meaning({ defaultAction, defaultErrnoRet, architectures, syscalls = [] }: OciSeccomp): unknown {
  const rules = new Map<string, Set<string>>()
  for (const { names, action, errnoRet, args = [] } of syscalls) {
    for (const name of names) rules.set(name, (rules.get(name) ?? new Set()).add(JSON.stringify([action, errnoRet ?? 0, args])))
  }
  return {
    defaultAction, defaultErrnoRet, architectures: architectures?.toSorted(),
    rules: [...rules].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, set]) => [name, [...set].sort()]),
  }
}

const singles = CAPABILITIES.map((name) => [name])
const sets: readonly (readonly string[])[] = [
  [], DEFAULT_CAPABILITIES, CAPABILITIES, ...singles, ...singles.map((set) => [...DEFAULT_CAPABILITIES, ...set]),
  ...CAPABILITIES.map((left) => CAPABILITIES.filter((name) => name !== left)),
]

test("the built-in profile means what Debian's file means, for every set of capabilities and architecture", () => {
  const debian = parseSeccompProfile(JSON.parse(readFileSync(DEBIAN, 'utf8')), DEBIAN)
  for (const architecture of ['amd64', '386', 'arm64', 'arm', 's390x', 's390', 'ppc64le', 'riscv64', 'mips64le']) {
    for (const set of sets) {
      assert.deepEqual(meaning(resolveSeccomp(defaultSeccompProfile(), facts(set, architecture))), meaning(resolveSeccomp(debian, facts(set, architecture))), `${architecture}: ${set.join()}`)
    }
  }
})

test('a kernel without x32 needs no rules for it, unless a profile names it by itself', () => {
  const architectures = (profile: SeccompProfile) => resolveSeccomp(profile, { ...facts([]), x32: false }).architectures
  assert.deepEqual(architectures(defaultSeccompProfile()), ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'])
  const named = { defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X32'] }
  assert.deepEqual(architectures(parseSeccompProfile(named, 'p.json')), named.architectures)
})

const profile = (entry: object, more: object = {}) => parseSeccompProfile({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [entry], ...more }, 'p.json')
const kept = (entry: object, over: Partial<SeccompFacts> = {}) => (resolveSeccomp(profile(entry), { ...facts([]), ...over }).syscalls ?? []).length === 1

test('entries hold by architecture, kernel and capability', () => {
  const entry = (filters: object) => ({ names: ['read'], action: 'SCMP_ACT_LOG', ...filters })
  assert.ok(kept(entry({ includes: { minKernel: '4.8' } })))
  assert.ok(!kept(entry({ includes: { minKernel: '6.10' } })))
  assert.ok(!kept(entry({ excludes: { minKernel: '4.8' } })))
  assert.ok(!kept(entry({ includes: { arches: ['arm64'] } })))
  assert.ok(kept(entry({ includes: { arches: ['x86'] } }), { architecture: '386' }))
  assert.ok(!kept(entry({ excludes: { arches: ['amd64'] } })))
  assert.ok(!kept(entry({ includes: { caps: ['CAP_CHOWN'] } })))
  assert.ok(!kept(entry({ excludes: { caps: ['CAP_CHOWN'] } }), facts(['CHOWN'])))
})

test('the older format with one name, errno by name, null lists and a listener are understood', () => {
  const resolved = resolveSeccomp(profile({ name: 'open', action: 'SCMP_ACT_ERRNO', errno: 'EACCES', errnoRet: 1, args: null }, { listenerPath: '/l', architectures: ['SCMP_ARCH_ARM'] }), facts([]))
  assert.deepEqual(resolved, {
    defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_ARM'], listenerPath: '/l', syscalls: [{ names: ['open'], action: 'SCMP_ACT_ERRNO', errnoRet: 13 }],
  })
})

test('a wrong profile is refused with its file and place', () => {
  assert.throws(() => parseSeccompProfile({ syscalls: [] }, 'p.json'), { kind: 'invalid', message: /^seccomp profile p\.json: defaultAction/ })
  assert.throws(() => profile({ names: ['read'], action: 'ALLOW' }), { message: /syscalls\.0\.action/ })
  assert.throws(() => profile({ names: ['read'], action: 'SCMP_ACT_LOG', args: [{ index: 7, value: 0, op: 'SCMP_CMP_EQ' }] }), { message: /args\.0\.index/ })
  assert.throws(() => profile({ names: [], action: 'SCMP_ACT_LOG' }, { architectures: ['SCMP_ARCH_ARM'], archMap: [{ architecture: 'SCMP_ARCH_ARM' }] }), { message: /both/ })
  assert.throws(() => resolveSeccomp(profile({ names: ['read'], action: 'SCMP_ACT_ERRNO', errno: 'ENOPE' }), facts([])), { message: /unknown errno/ })
})
