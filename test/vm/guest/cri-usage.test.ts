// What pods and containers of the CRI server use, as cgroup v2 tells it: swap and pressure too.
import assert from 'node:assert/strict'
import test, { before } from 'node:test'
import { containerConfig, openCri, podConfig, startIn } from '../../cri/cri.ts'
import { eventually } from '../../support/box.ts'
import { openSuite } from '../../support/suite.ts'
import { ALONE, MIB, cgroupFile, cgroupOf, pidOf } from './in-container.ts'
import { openSwap } from './open-swap.ts'

const suite = openSuite()
before(openSwap)

test('memory, swap, pressure, processes and network of a container and of its pod', async (t) => {
  const cri = await openCri(t, suite)
  const { runtime } = cri
  const { podSandboxId } = await runtime.runPodSandbox({ config: podConfig({ linux: { ...ALONE.linux, cgroupParent: 'kubepods-burstable-podusage.slice' } }) })
  // Fills more than it may have some times over, so that pages come back from the disk, and then holds it.
  const config = containerConfig(suite.busybox, ['sh', '-c', 'echo kept >/file; dd if=/dev/zero bs=48M | { head -c 200000000 >/dev/null; exec sleep 10000; }'], {
    linux: { ...ALONE.linux, resources: { memoryLimitInBytes: BigInt(32 * MIB), memorySwapLimitInBytes: BigInt(128 * MIB) } },
  })
  const containerId = await startIn(cri, podSandboxId, config)
  const own = cgroupOf(await pidOf(cri, containerId))
  await eventually('more memory than fits', () => Number(cgroupFile(own, 'memory.current')) + Number(cgroupFile(own, 'memory.swap.current')) > 48 * MIB)
  // the kernel sums pressure up every two seconds
  await eventually('a page that came back, after waiting for memory and for the disk', async () => {
    const { memory, io } = (await runtime.containerStats({ containerId })).stats!
    return memory!.majorPageFaults!.value > 0n && memory!.psi!.Some!.Total > 0n && io!.psi!.Some!.Total > 0n
  })

  const { stats } = await runtime.containerStats({ containerId })
  const swapped = Number(cgroupFile(own, 'memory.swap.current'))
  assert.ok(swapped > 4 * MIB, `${swapped} bytes are swapped out`)
  const { swapUsageBytes, swapAvailableBytes } = stats!.swap!
  assert.equal(swapUsageBytes!.value + swapAvailableBytes!.value, BigInt(96 * MIB))
  assert.ok(Math.abs(Number(swapUsageBytes!.value) - swapped) < 8 * MIB)
  const { usageBytes, rssBytes } = stats!.memory!
  assert.ok(usageBytes!.value <= 32 * MIB && rssBytes!.value > 8 * MIB, `${usageBytes!.value} bytes in use, ${rssBytes!.value} of them of no file`)
  assert.ok(stats!.cpu!.usageCoreNanoSeconds!.value > 0n && stats!.writableLayer!.usedBytes!.value > 0n)
  for (const { psi } of [stats!.cpu!, stats!.memory!, stats!.io!]) assert.ok(psi!.Some!.Total >= psi!.Full!.Total && psi!.Some!.Avg300 >= 0)

  const { stats: pod } = await runtime.podSandboxStats({ podSandboxId })
  const { cpu, memory, io, process: processes, network, containers } = pod!.linux!
  assert.ok(cpu!.usageCoreNanoSeconds!.value >= stats!.cpu!.usageCoreNanoSeconds!.value && cpu!.psi && memory!.psi)
  assert.ok(io!.psi!.Some!.Total > 0n)
  assert.equal(processes!.processCount!.value, BigInt(cgroupFile(own, 'pids.current')))
  assert.equal(network!.defaultInterface!.name, 'eth0')
  assert.ok(containers[0]!.swap!.swapUsageBytes!.value > 0n)

  const { podMetrics: [metrics] } = await runtime.listPodSandboxMetrics()
  const values = Object.fromEntries(metrics!.containerMetrics[0]!.metrics.map(({ name, value }) => [name, Number(value!.value)]))
  assert.equal(values['container_spec_memory_limit_bytes'], 32 * MIB)
  for (const name of ['container_memory_swap', 'container_memory_working_set_bytes', 'container_processes', 'container_cpu_usage_seconds_total']) assert.ok(values[name]! > 0, name)
  // whole seconds, which since the statistics may have become a few more
  for (const what of ['memory', 'io'] as const) {
    const [seconds, waited] = [values[`container_pressure_${what}_waiting_seconds_total`]!, Math.floor(Number(stats![what]!.psi!.Some!.Total) / 1e6)]
    assert.ok(seconds >= waited && seconds < waited + 30, `${seconds} s of waiting for ${what}, and ${waited} in the statistics before`)
  }
  const described = new Set((await runtime.listMetricDescriptors()).descriptors.map(({ name }) => name))
  for (const name of [...Object.keys(values), ...metrics!.metrics.map(({ name: of }) => of)]) assert.ok(described.has(name), name)
})
