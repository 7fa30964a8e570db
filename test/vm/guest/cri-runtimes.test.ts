// Runtime handlers side by side: runc, crun and gVisor on cgroup v2, and one whose runtime is not installed.
import { status } from '@grpc/grpc-js'
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import test, { before } from 'node:test'
import { ContainerState } from '../../../src/cri/wire/generated/runtime-v1.ts'
import { containerConfig, openCri, podConfig, startIn, untilState } from '../../cri/cri.ts'
import { openSuite } from '../../support/suite.ts'
import { ALONE, MIB, cgroupFile, cgroupOf, inside, pidOf } from './in-container.ts'

const suite = openSuite()
before(() => {
  mkdirSync('/etc/scow', { recursive: true })
  writeFileSync('/etc/scow/scow.toml', '[serve.handlers]\nkata = "kata-runtime"\ngvisor = "runsc"\n')
})

test('each pod has the runtime of its handler', async (t) => {
  const cri = await openCri(t, suite)
  const { runtime } = cri
  const run = async (runtimeHandler: string, config = podConfig(ALONE)) => (await runtime.runPodSandbox({ runtimeHandler, config })).podSandboxId
  const refusal = (act: Promise<unknown>) => act.then(() => 'accepted', ({ code, details }: { code: number; details: string }) => `${code} ${details}`)
  const features = Object.fromEntries((await runtime.status()).runtimeHandlers.map(({ name, features: of }) => [name, [of?.recursiveReadOnlyMounts, of?.userNamespaces]]))
  assert.deepEqual(features, { '': [true, true], runc: [true, true], crun: [false, true], runsc: [false, false], gvisor: [false, false], kata: [false, false] })

  await t.test('a handler whose runtime is missing is refused in one line, and leaves nothing', async () => {
    assert.equal(await refusal(run('kata')), `${status.NOT_FOUND} the OCI runtime "kata-runtime" is not installed (install Kata Containers: https://katacontainers.io)`)
    assert.deepEqual((await runtime.listPodSandbox()).items, [])
  })

  for (const handler of ['runc', 'crun']) await t.test(handler, async () => {
    const pod = await run(handler)
    const resources = { memoryLimitInBytes: BigInt(64 * MIB), memorySwapLimitInBytes: BigInt(64 * MIB) }
    const containerId = await startIn(cri, pod, containerConfig(suite.busybox, ['sleep', '1000'], { linux: { ...ALONE.linux, resources } }))
    const own = cgroupOf(await pidOf(cri, containerId))
    assert.deepEqual([cgroupFile(own, 'memory.max'), cgroupFile(own, 'memory.swap.max')], [String(64 * MIB), '0'])
    await runtime.updateContainerResources({ containerId, linux: { memoryLimitInBytes: BigInt(96 * MIB), memorySwapLimitInBytes: BigInt(128 * MIB), cpuQuota: 20_000n, cpuPeriod: 100_000n, unified: { 'pids.max': '55' } } })
    assert.deepEqual(['memory.max', 'memory.swap.max', 'cpu.max', 'pids.max'].map((file) => cgroupFile(own, file)), [String(96 * MIB), String(32 * MIB), '20000 100000', '55'])
    assert.equal(await inside(cri, containerId, 'exit_code=3; echo here'), 'here\n')
    const greedy = await startIn(cri, pod, containerConfig(suite.busybox, ['tail', '/dev/zero'], { metadata: { name: 'greedy' }, linux: { ...ALONE.linux, resources: { memoryLimitInBytes: BigInt(32 * MIB), memorySwapLimitInBytes: BigInt(32 * MIB) } } }))
    const { exitCode, reason } = await untilState(cri, greedy, ContainerState.CONTAINER_EXITED)
    assert.deepEqual([exitCode, reason], [137, 'OOMKilled'])
  })

  await t.test('gVisor: two containers of a pod have its network, and so has one that comes later', async () => {
    const pod = await run('gvisor')
    const ip = (await runtime.podSandboxStatus({ podSandboxId: pod })).status!.network!.ip
    const address = 'ip -4 addr show eth0 | sed -n "s|.*inet \\([^/]*\\)/.*|\\1|p"'
    const first = await startIn(cri, pod, containerConfig(suite.busybox, ['sleep', '1000'], { ...ALONE, metadata: { name: 'first' } }))
    assert.match(await inside(cri, first, `dmesg | head -n 1; ${address}`), new RegExp(`gVisor[^]*\\n${ip}\\n$`))
    const second = await startIn(cri, pod, containerConfig(suite.busybox, ['sh', '-c', 'exit 7'], { ...ALONE, metadata: { name: 'second' } }))
    const { exitCode, reason } = await untilState(cri, second, ContainerState.CONTAINER_EXITED)
    assert.deepEqual([exitCode, reason], [7, 'Error'])
    await runtime.removeContainer({ containerId: first })
    const later = await startIn(cri, pod, containerConfig(suite.busybox, ['sleep', '1000'], { ...ALONE, metadata: { name: 'first', attempt: 1 } }))
    assert.equal(await inside(cri, later, address), `${ip}\n`)
    assert.ok((await runtime.containerStats({ containerId: later })).stats!.memory!.workingSetBytes!.value > 0n)
    assert.equal(await refusal(runtime.updateContainerResources({ containerId: later, linux: { cpuQuota: 20_000n, cpuPeriod: 100_000n } })), `${status.UNIMPLEMENTED} runsc cannot change the limits of a running container`)
  })
})
