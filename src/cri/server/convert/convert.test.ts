import assert from 'node:assert/strict'
import test from 'node:test'
import { isFailure } from '../../../errors.ts'
import { LinuxContainerResources, LinuxContainerSecurityContext, Mount, PodSandboxConfig, Signal, type DeepPartial } from '../../wire/generated/runtime-v1.ts'
import { mountOf } from './mounts.ts'
import { podRequestOf } from './pod-request.ts'
import { resourcesOf } from './resources.ts'
import { securityOf, userOf } from './security.ts'
import { signalOfNumber, signalText } from './signals.ts'
import { networkOf } from './usage.ts'

const invalid = (error: unknown): boolean => isFailure(error, 'invalid')
const security = (partial: DeepPartial<LinuxContainerSecurityContext>) => securityOf(LinuxContainerSecurityContext.fromPartial(partial))
const pod = (partial: DeepPartial<PodSandboxConfig>) => podRequestOf(PodSandboxConfig.fromPartial({ metadata: { name: 'web', namespace: 'default', uid: 'u-1', attempt: 2 }, ...partial }), undefined)

test('an absent seccomp profile is unconfined, an empty one the default, an old string is understood', () => {
  assert.equal(security({}).seccomp, 'unconfined')
  assert.equal(security({ seccomp: {} }).seccomp, undefined)
  assert.equal(security({ seccompProfilePath: 'runtime/default' }).seccomp, undefined)
  assert.deepEqual(security({ seccomp: { profileType: 2, localhostRef: '/p.json' } }).seccomp, { path: '/p.json' })
  assert.equal(security({ seccomp: {}, privileged: true }).seccomp, 'unconfined')
  assert.throws(() => security({ seccomp: { profileType: 2, localhostRef: 'p.json' } }), invalid)
  assert.throws(() => security({ seccompProfilePath: '/p.json' }), invalid)
})

test('a dropped capability is not added', () => {
  assert.deepEqual(security({ capabilities: { addCapabilities: ['NET_ADMIN', 'CAP_CHOWN'], dropCapabilities: ['chown'] } }).capAdd, ['NET_ADMIN'])
})

test('a group needs a user', () => {
  const user = (partial: DeepPartial<LinuxContainerSecurityContext>) => userOf(LinuxContainerSecurityContext.fromPartial(partial))
  assert.equal(user({ runAsUser: { value: 0n }, runAsGroup: { value: 5n } }).user, '0:5')
  assert.equal(user({ runAsUsername: 'ada' }).user, 'ada')
  assert.throws(() => user({ runAsGroup: { value: 5n } }), invalid)
})

test('zero is no limit, and memory without a word on swap means none', () => {
  assert.deepEqual(resourcesOf(LinuxContainerResources.fromPartial({})), { pidsLimit: 0 })
  assert.deepEqual(resourcesOf(LinuxContainerResources.fromPartial({ memoryLimitInBytes: 10n, hugepageLimits: [{ pageSize: '2MB', limit: 0n }] })), { pidsLimit: 0, memoryBytes: 10, memorySwapBytes: 10 })
})

test('a recursive read-only mount is read-only and private', () => {
  const mount = (partial: DeepPartial<Mount>) => mountOf(Mount.fromPartial({ containerPath: '/a', hostPath: '/b', ...partial }))
  assert.equal(mount({ readonly: true, recursiveReadOnly: true }).recursiveReadOnly, true)
  assert.throws(() => mount({ recursiveReadOnly: true }), invalid)
  assert.throws(() => mount({ readonly: true, recursiveReadOnly: true, propagation: 1 }), invalid)
  assert.throws(() => mount({ hostPath: '' }), invalid)
})

test('signals keep their names both ways', () => {
  assert.equal(signalText(Signal.RUNTIME_DEFAULT), undefined)
  assert.equal(signalText(Signal.SIGRTMINPLUS3), 'SIGRTMIN+3')
  assert.equal(signalOfNumber(37), Signal.SIGRTMINPLUS3)
  assert.equal(signalOfNumber(64), Signal.SIGRTMAX)
  assert.equal(signalOfNumber(15), Signal.SIGTERM)
})

test('a sandbox config becomes a pod with its name, ports and bandwidth', () => {
  const request = pod({ portMappings: [{ containerPort: 80, hostPort: 8080 }, { containerPort: 81 }], annotations: { 'kubernetes.io/ingress-bandwidth': '10M' } })
  assert.equal(request.name, 'k8s_POD_web_default_u-1_2')
  assert.deepEqual(request.ports, [{ protocol: 'tcp', containerPort: 80, hostPort: 8080, count: 1 }])
  assert.equal(request.bandwidth?.ingressRate, 10_000_000)
  assert.throws(() => pod({ hostname: 'a b' }), invalid)
  assert.throws(() => pod({ metadata: { name: 'a/b', namespace: 'd', uid: 'u' } }), invalid)
})

test('the default interface is that of the pod\'s network, and without any there is no network', () => {
  const use = (name: string) => ({ name, rxBytes: 1, rxErrors: 0, txBytes: 2, txErrors: 0 })
  assert.equal(networkOf([], 'eth0'), undefined)
  const told = networkOf([use('tunl0'), use('eth0')], 'eth0')
  assert.deepEqual([told?.defaultInterface?.name, told?.interfaces?.map((each) => each?.name)], ['eth0', ['tunl0']])
  assert.equal(networkOf([use('net1')], 'eth0')?.defaultInterface?.name, 'net1')
})
