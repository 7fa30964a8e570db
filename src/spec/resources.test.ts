import assert from 'node:assert/strict'
import test from 'node:test'
import { host, oldHost } from './fixtures.ts'
import type { Resources } from './request.ts'
import { buildResources } from './resources.ts'
import { resolveRlimits } from './rlimits.ts'

const blockDevices = new Map([['/dev/sda', { major: 8, minor: 0 }]])

function build(resources: Resources, { on = host, pids = -1 } = {}) {
  const warnings: string[] = []
  const { devices: _, ...rest } = buildResources({ resources, defaultPidsLimit: pids, host: on, blockDevices, deviceRules: [] }, (text) => warnings.push(text))
  return { ...rest, warnings }
}

test('memory without swap limit allows as much swap again; -1 is unlimited', () => {
  assert.deepEqual(build({ memoryBytes: 100 }).memory, { limit: 100, swap: 200 })
  assert.deepEqual(build({ memoryBytes: 100, memorySwapBytes: -1, memoryReservationBytes: 50 }).memory, { limit: 100, swap: -1, reservation: 50 })
})

test('a limit of memory that is that of swap too names the file of cgroup v2, which systemd would lift', () => {
  assert.deepEqual(build({ memoryBytes: 100, memorySwapBytes: 100 }).unified, { 'memory.swap.max': '0' })
  assert.deepEqual(build({ memoryBytes: 100, memorySwapBytes: 100, unified: [['memory.high', '80']] }).unified, { 'memory.swap.max': '0', 'memory.high': '80' })
  assert.equal(build({ memoryBytes: 100, memorySwapBytes: 150 }).unified, undefined)
  assert.equal(build({ memoryBytes: 100, memorySwapBytes: 100 }, { on: oldHost }).unified, undefined)
})

test('without swap accounting the swap limit is left out, with a warning when it was asked for', () => {
  assert.deepEqual(build({ memoryBytes: 100 }, { on: oldHost }), { memory: { limit: 100 }, warnings: [] })
  assert.match(build({ memoryBytes: 100, memorySwapBytes: 150 }, { on: oldHost }).warnings.join(), /swap limit ignored/)
})

test('contradicting memory limits are refused', () => {
  assert.throws(() => build({ memorySwapBytes: 100 }), { kind: 'invalid', message: /needs a memory limit/ })
  assert.throws(() => build({ memoryBytes: 100, memorySwapBytes: 50 }), { message: /below that of memory/ })
  assert.throws(() => build({ memoryBytes: 100, memoryReservationBytes: 150 }), { message: /above the memory limit/ })
  assert.throws(() => build({ memorySwappiness: 101 }), { message: /out of range/ })
})

test('what only cgroup v1 has is left out on v2 with a warning', () => {
  const { memory, cpu, warnings } = build({ memorySwappiness: 10, oomKillDisable: true, cpuRtPeriodUs: 1000 })
  assert.deepEqual([memory, cpu, warnings.length], [undefined, undefined, 3])
  const v1 = build({ memorySwappiness: 0, oomKillDisable: true, cpuRtPeriodUs: 1000, cpuRtRuntimeUs: 900 }, { on: oldHost })
  assert.deepEqual([v1.memory, v1.cpu], [{ swappiness: 0, disableOOMKiller: true }, { realtimeRuntime: 900, realtimePeriod: 1000 }])
})

test('cpus become quota and period, and exclude these', () => {
  assert.deepEqual(build({ cpus: 1.5, cpuShares: 512, cpusetCpus: '0-1' }).cpu, { shares: 512, quota: 150_000, period: 100_000, cpus: '0-1' })
  assert.throws(() => build({ cpus: 1, cpuQuotaUs: 1 }), { kind: 'invalid' })
})

test('controllers that the host lacks are left out with a warning, a default silently', () => {
  const bare = { ...host, cgroup: { ...host.cgroup, controllers: [] } }
  const { warnings, ...resources } = build({ memoryBytes: 1, cpuShares: 2, cpusetCpus: '0', blkioWeight: 100 }, { on: bare, pids: 2048 })
  assert.deepEqual(resources, {})
  assert.equal(warnings.length, 4)
  assert.match(build({ pidsLimit: 5 }, { on: bare }).warnings.join(), /pids limit ignored/)
})

test('weights of block I/O that no scheduler knows are left out with a warning', () => {
  const blind = { ...oldHost, cgroup: { ...oldHost.cgroup, blockWeights: false } }
  const { blockIO, warnings } = build({ blkioWeight: 100, readBps: [{ path: '/dev/sda', rate: 9 }] }, { on: blind })
  assert.deepEqual(blockIO, { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 9 }] })
  assert.deepEqual(warnings, ['block I/O weight ignored: no I/O scheduler of this host knows weights, as BFQ does'])
  assert.deepEqual(build({ readBps: [{ path: '/dev/sda', rate: 9 }] }, { on: blind }).warnings, [])
})

test('the pids limit is the default unless the request has one; 0 and -1 are unlimited', () => {
  assert.deepEqual(build({}, { pids: 2048 }).pids, { limit: 2048 })
  assert.deepEqual(build({ pidsLimit: 7 }, { pids: 2048 }).pids, { limit: 7 })
  assert.equal(build({ pidsLimit: -1 }, { pids: 2048 }).pids, undefined)
  assert.equal(build({ pidsLimit: 0 }, { pids: 2048 }).pids, undefined)
})

test('block devices are named by their numbers', () => {
  assert.deepEqual(build({ blkioWeight: 200, readBps: [{ path: '/dev/sda', rate: 9 }], writeIops: [{ path: '/dev/sda', rate: 3 }], blkioWeightDevice: [{ path: '/dev/sda', weight: 20 }] }).blockIO, {
    weight: 200, weightDevice: [{ major: 8, minor: 0, weight: 20 }],
    throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 9 }], throttleWriteIOPSDevice: [{ major: 8, minor: 0, rate: 3 }],
  })
  assert.throws(() => build({ readBps: [{ path: '/dev/nope', rate: 1 }] }), { kind: 'notFound' })
  assert.throws(() => build({ blkioWeight: 5 }), { kind: 'invalid' })
})

test('hugepages of sizes that the host lacks are left out', () => {
  const { hugepageLimits, warnings } = build({ hugepageLimits: [{ pageSize: '2Mi', limitBytes: 4 }, { pageSize: '1GB', limitBytes: 0 }, { pageSize: '64KB', limitBytes: 1 }] })
  assert.deepEqual(hugepageLimits, [{ pageSize: '2MB', limit: 4 }])
  assert.match(warnings.join(), /64KB/)
})

test('cgroup v2 keys pass on v2 alone', () => {
  assert.deepEqual(build({ unified: [['memory.high', '1G']] }).unified, { 'memory.high': '1G' })
  assert.match(build({ unified: [['memory.high', '1G']] }, { on: oldHost }).warnings.join(), /memory\.high/)
})

test('rlimits are lowered to what the caller may give, with a warning for the request alone', () => {
  const defaults = [{ type: 'RLIMIT_NOFILE', soft: 1_048_576, hard: 1_048_576 }]
  assert.deepEqual(resolveRlimits([], defaults, oldHost), { rlimits: [{ type: 'RLIMIT_NOFILE', soft: 524_288, hard: 524_288 }], warnings: [] })
  assert.deepEqual(resolveRlimits([], defaults, host).rlimits, defaults)
  const asked = resolveRlimits([{ type: 'nproc', soft: 100, hard: -1 }], defaults, oldHost)
  assert.deepEqual(asked.rlimits[1], { type: 'RLIMIT_NPROC', soft: 100, hard: 2000 })
  assert.match(asked.warnings.join(), /RLIMIT_NPROC lowered to 2000/)
})

test('an unlimited rlimit stays so where the caller may', () => {
  assert.deepEqual(resolveRlimits([{ type: 'core', soft: 0, hard: -1 }], [], oldHost).rlimits, [{ type: 'RLIMIT_CORE', soft: 0, hard: Infinity }])
  assert.throws(() => resolveRlimits([{ type: 'core', soft: -1, hard: 5 }], [], host), { message: /above the hard limit/ })
  assert.throws(() => resolveRlimits([{ type: 'nope', soft: 1, hard: 5 }], [], host), { message: /unknown ulimit/ })
})
