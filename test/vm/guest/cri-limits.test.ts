// Limits of pods and containers of the CRI server on cgroup v2, as the kernel has them, under both cgroup managers.
import { status } from '@grpc/grpc-js'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import test, { before } from 'node:test'
import { CgroupDriver, ContainerState } from '../../../src/cri/wire/generated/runtime-v1.ts'
import { codeOf, containerConfig, openCri, podConfig, startIn, untilState } from '../../cri/cri.ts'
import { eventually } from '../../support/box.ts'
import { openSuite } from '../../support/suite.ts'
import { openSwap } from './open-swap.ts'
import { ALONE, MIB, cgroupFile, cgroupOf, inside, pidOf } from './in-container.ts'

const suite = openSuite()
const call = (file: string, ...args: string[]): string => execFileSync(file, args, { encoding: 'utf8' }).trim()

before(() => {
  openSwap()
  writeFileSync('/proc/sys/vm/nr_hugepages', '8')
})

const MANAGERS = [
  { manager: 'systemd', driver: CgroupDriver.SYSTEMD, cgroupParent: 'kubepods-burstable-podlimits.slice', parent: '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podlimits.slice', group: (id: string) => `scow-${id}.scope` },
  { manager: 'cgroupfs', driver: CgroupDriver.CGROUPFS, cgroupParent: '/kubepods/burstable/podlimits', parent: '/kubepods/burstable/podlimits', group: (id: string) => `scow-${id}` },
]
for (const { manager, driver, cgroupParent, parent, group } of MANAGERS) {
  test(`every limit is in the kernel's files, at the start and after an update (${manager})`, async (t) => {
    const cri = await openCri(t, suite, { flags: ['--cgroup-manager', manager] })
    const { runtime } = cri
    assert.equal((await runtime.runtimeConfig()).linux?.cgroupDriver, driver)
    const config = podConfig({ linux: { ...ALONE.linux, cgroupParent, overhead: { memoryLimitInBytes: BigInt(10 * MIB) }, resources: { memoryLimitInBytes: BigInt(64 * MIB) } } })
    const { podSandboxId } = await runtime.runPodSandbox({ config })
    const resources = {
      memoryLimitInBytes: BigInt(64 * MIB), memorySwapLimitInBytes: BigInt(96 * MIB), cpuShares: 512n, cpuQuota: 20_000n, cpuPeriod: 100_000n, cpusetCpus: '0', cpusetMems: '0',
      hugepageLimits: [{ pageSize: '2MB', limit: BigInt(4 * MIB) }, { pageSize: '1GB', limit: 0n }],
      unified: { 'memory.high': String(48 * MIB), 'memory.oom.group': '1', 'pids.max': '77', 'io.weight': '50' },
    }
    const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '1000'], { linux: { ...ALONE.linux, resources } }))
    const own = cgroupOf(await pidOf(cri, containerId))
    assert.equal(own, `${parent}/${group(containerId)}`)
    const files = ['memory.max', 'memory.swap.max', 'memory.high', 'memory.oom.group', 'pids.max', 'io.weight', 'cpu.weight', 'cpu.max', 'cpuset.cpus', 'cpuset.mems', 'hugetlb.2MB.max', 'hugetlb.1GB.max']
    const held = () => Object.fromEntries(files.map((file) => [file, cgroupFile(own, file)]))
    const first = {
      'memory.max': String(64 * MIB), 'memory.swap.max': String(32 * MIB), 'memory.high': String(48 * MIB), 'memory.oom.group': '1', 'pids.max': '77', 'io.weight': 'default 50',
      'cpu.weight': '20', 'cpu.max': '20000 100000', 'cpuset.cpus': '0', 'cpuset.mems': '0', 'hugetlb.2MB.max': String(4 * MIB), 'hugetlb.1GB.max': 'max',
    }
    assert.deepEqual(held(), first)
    assert.equal(await inside(cri, containerId, 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/hugetlb.2MB.max /proc/self/cgroup'), `${64 * MIB}\n${4 * MIB}\n0::/\n`)
    const told = async () => (await runtime.containerStatus({ containerId })).status?.resources?.linux
    assert.deepEqual([(await told())?.memorySwapLimitInBytes, (await told())?.unified], [BigInt(96 * MIB), resources.unified])

    await runtime.updateContainerResources({ containerId, linux: {
      memoryLimitInBytes: BigInt(80 * MIB), memorySwapLimitInBytes: BigInt(100 * MIB), cpuShares: 1024n, cpuQuota: 30_000n, cpuPeriod: 50_000n, cpusetCpus: '0-1',
      hugepageLimits: [{ pageSize: '2MB', limit: BigInt(6 * MIB) }], unified: { 'memory.high': String(60 * MIB), 'pids.max': '88' },
    } })
    const second = { ...first, 'memory.max': String(80 * MIB), 'memory.swap.max': String(20 * MIB), 'memory.high': String(60 * MIB), 'pids.max': '88', 'cpu.weight': '39', 'cpu.max': '30000 50000', 'cpuset.cpus': '0-1', 'hugetlb.2MB.max': String(6 * MIB) }
    assert.deepEqual(held(), second)
    const after = await told()
    assert.deepEqual([after?.memoryLimitInBytes, after?.memorySwapLimitInBytes, after?.cpuShares, after?.cpuQuota, after?.cpuPeriod, after?.cpusetCpus, after?.cpusetMems], [BigInt(80 * MIB), BigInt(100 * MIB), 1024n, 30_000n, 50_000n, '0-1', '0'])
    assert.deepEqual(after?.unified, { ...resources.unified, 'memory.high': String(60 * MIB), 'pids.max': '88' })

    // What is not said stays.
    await runtime.updateContainerResources({ containerId, linux: { cpuQuota: 40_000n } })
    assert.deepEqual(held(), { ...second, 'cpu.max': '40000 50000' })
    // What the kernel refuses changes nothing, even where it comes late.
    assert.equal(await codeOf(runtime.updateContainerResources({ containerId, linux: { cpuQuota: 45_000n, cpusetCpus: '0-99' } })), status.INVALID_ARGUMENT)
    assert.deepEqual(held(), { ...second, 'cpu.max': '40000 50000' })
    assert.deepEqual([(await told())?.cpuQuota, (await told())?.cpusetCpus], [40_000n, '0-1'])
    if (manager === 'systemd') {
      call('systemctl', 'daemon-reload')
      // Of the keys of `unified` runc tells systemd those that it knows a property for, and these are not among them.
      assert.deepEqual({ ...held(), 'io.weight': 'default 50', 'memory.oom.group': '1' }, { ...second, 'cpu.max': '40000 50000' }, 'systemd knows them too')
    }
    await runtime.removePodSandbox({ podSandboxId })
    assert.equal(existsSync(`/sys/fs/cgroup${own}`), false)
  })
}

test('a limit below what is in use is refused, and a container without swap stays so when systemd reloads', async (t) => {
  const cri = await openCri(t, suite)
  const { runtime } = cri
  const { podSandboxId } = await runtime.runPodSandbox({ config: podConfig(ALONE) })
  const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sh', '-c', 'dd if=/dev/zero bs=20M count=1 | sleep 10000'], {
    linux: { ...ALONE.linux, resources: { memoryLimitInBytes: BigInt(96 * MIB), memorySwapLimitInBytes: BigInt(96 * MIB) } },
  }))
  const own = cgroupOf(await pidOf(cri, containerId))
  await eventually('that it has taken its memory', () => Number(cgroupFile(own, 'memory.current')) > 20 * MIB)
  const update = (linux: object) => runtime.updateContainerResources({ containerId, linux }).then(() => '', (error: { details: string }) => error.details)
  const limits = () => [cgroupFile(own, 'memory.max'), cgroupFile(own, 'memory.swap.max')]
  assert.match(await update({ memoryLimitInBytes: BigInt(8 * MIB) }), /^the memory limit of 8388608 bytes is too low: \d+ are in use$/)
  assert.equal(await update({ memoryLimitInBytes: BigInt(128 * MIB) }), '', 'the limit of both goes with it')
  call('systemctl', 'daemon-reload')
  assert.deepEqual(limits(), [String(128 * MIB), '0'])
  assert.equal((await runtime.containerStatus({ containerId })).status?.resources?.linux?.memorySwapLimitInBytes, BigInt(128 * MIB))
  assert.equal(await update({ unified: { 'memory.absent': '3' } }), 'this kernel has no setting memory.absent for cgroups')
  assert.match(await update({ unified: { 'memory.high': 'much' } }), /^memory\.high of the cgroup cannot be set: /)
  assert.deepEqual(limits(), [String(128 * MIB), '0'])
})

test('with memory.oom.group every process ends with the first that is killed, and the reason is told', async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  const resources = { memoryLimitInBytes: BigInt(32 * MIB), memorySwapLimitInBytes: BigInt(32 * MIB) }
  const greedy = (name: string, more: object) => startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sh', '-c', 'sh -c "tail /dev/zero"; echo survived; exit 3'],
    { metadata: { name }, linux: { ...ALONE.linux, resources: { ...resources, ...more } } }))
  const together = await untilState(cri, await greedy('together', { unified: { 'memory.oom.group': '1' } }), ContainerState.CONTAINER_EXITED)
  assert.deepEqual([together.exitCode, together.reason], [137, 'OOMKilled'])
  const alone = await untilState(cri, await greedy('alone', {}), ContainerState.CONTAINER_EXITED)
  assert.deepEqual([alone.exitCode, readFileSync(alone.logPath, 'utf8').includes('survived')], [3, true])
})
