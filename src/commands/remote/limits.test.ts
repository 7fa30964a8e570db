import assert from 'node:assert/strict'
import test from 'node:test'
import { limitsOf } from './limits.ts'

test('limits are those of the status, and where it has none those of the specification', async () => {
  const { ContainerStatus } = await import('../../cri/wire/generated/runtime-v1.ts')
  const runtimeSpec = { linux: { resources: { memory: { limit: 1024, swap: 0 }, cpu: { shares: 2, quota: -1, period: 100_000, cpus: '0', mems: '' }, devices: [] } } }
  const status = ContainerStatus.fromPartial({ resources: { linux: { memoryLimitInBytes: 2048n, cpuQuota: 50_000n, cpusetMems: '0' } } })
  assert.deepEqual(limitsOf({ status, told: { runtimeSpec } }), { memoryBytes: 2048, cpuQuotaUs: 50_000, cpusetMems: '0' })
  assert.deepEqual(limitsOf({ status: ContainerStatus.fromPartial({}), told: { runtimeSpec } }), { memoryBytes: 1024, cpuShares: 2, cpuPeriodUs: 100_000, cpusetCpus: '0' })
  assert.deepEqual(limitsOf({ status: ContainerStatus.fromPartial({}), told: {} }), {})
})
