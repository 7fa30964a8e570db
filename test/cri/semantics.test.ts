// What of a request must come out in the container, call by call.
import '../support/jail.ts'
import { status } from '@grpc/grpc-js'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'node:test'
import { ContainerEventType, ContainerState, NamespaceMode, PodSandboxState, Signal, SupplementalGroupsPolicy, type ContainerConfig, type ContainerEventResponse, type DeepPartial } from '../../src/cri/wire/generated/runtime-v1.ts'
import { eventually } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'
import { codeOf, containerConfig, openCri, podConfig, startIn, untilState, type Cri } from './cri.ts'

const suite = openSuite()
const ALONE = { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } } }

const inside = async (cri: Cri, containerId: string, command: string): Promise<string> => {
  const { stdout, stderr } = await cri.runtime.execSync({ containerId, cmd: ['sh', '-c', command], timeout: 10n })
  return `${stdout}${stderr}`
}
const pod = async (cri: Cri): Promise<string> => (await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })).podSandboxId
const sleeper = (more: DeepPartial<ContainerConfig> = {}) => containerConfig(suite.busybox, ['sleep', '1000'], { ...ALONE, ...more })

test('an image volume shows the part that is asked for, and never what its links say of the host', async (t) => {
  const cri = await openCri(t, suite)
  const podSandboxId = await pod(cri)
  const image = { image: suite.busybox }
  const containerId = await startIn(cri, podSandboxId, sleeper({ mounts: [{ containerPath: '/whole', image }, { containerPath: '/part', image, imageSubPath: 'home/ada' }, { containerPath: '/up', image, imageSubPath: '../../../../etc' }] }))
  assert.equal(await inside(cri, containerId, 'ls -d /whole/bin/busybox; stat -c %u /part; touch /part/x /whole/x || true; diff /up/passwd /whole/etc/passwd && echo of the image'),
    '/whole/bin/busybox\n1000\nof the image\ntouch: /part/x: Read-only file system\ntouch: /whole/x: Read-only file system\n')
})

test('a recursive read-only mount is read-only below, too, and links of the host are followed', async (t) => {
  const cri = await openCri(t, suite)
  const podSandboxId = await pod(cri)
  mkdirSync('/tmp/outer/inner', { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', 'inner', '/tmp/outer/inner'])
  t.after(() => execFileSync('umount', ['/tmp/outer/inner']))
  rmSync('/tmp/link', { force: true })
  symlinkSync('/tmp/outer', '/tmp/link')
  const containerId = await startIn(cri, podSandboxId, sleeper({ mounts: [
    { containerPath: '/plain', hostPath: '/tmp/outer', readonly: true }, { containerPath: '/deep', hostPath: '/tmp/link', readonly: true, recursiveReadOnly: true },
  ] }))
  assert.equal(await inside(cri, containerId, 'touch /plain/inner/a && echo below; touch /deep/inner/b; touch /plain/c'), 'below\ntouch: /deep/inner/b: Read-only file system\ntouch: /plain/c: Read-only file system\n')
})

test('a directory is made of a mount\'s source that is not there, where one can be', async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  const config = (name: string, hostPath: string) => sleeper({ metadata: { name }, mounts: [{ containerPath: '/x', hostPath }] })
  const { containerId } = await cri.runtime.createContainer({ podSandboxId, config: config('absent', '/tmp/no/such') })
  assert.equal(statSync('/tmp/no/such').isDirectory(), true)
  rmSync('/tmp/no', { recursive: true }) // as a reboot does before the start
  await cri.runtime.startContainer({ containerId })
  assert.equal(await inside(cri, containerId, 'echo seen >/x/file; cat /x/file'), readFileSync('/tmp/no/such/file', 'utf8'))
  symlinkSync('/tmp/nowhere/at/all', '/tmp/dangling')
  for (const source of ['/tmp/dangling', '/tmp/no/such/file/below', '/proc/nothing/here']) {
    assert.equal(await codeOf(cri.runtime.createContainer({ podSandboxId, config: config('wrong', source) })), status.NOT_FOUND, source)
  }
})

test('CDI devices bring what their specification says', async (t) => {
  const cri = await openCri(t, suite)
  mkdirSync('/etc/cdi', { recursive: true })
  writeFileSync('/etc/cdi/vendor.json', JSON.stringify({ cdiVersion: '0.5.0', kind: 'vendor.example/thing', devices: [{ name: 'one', containerEdits: { env: ['THING=one'], deviceNodes: [{ path: '/dev/thing', hostPath: '/dev/null' }], mounts: [{ hostPath: '/etc/cdi', containerPath: '/cdi', options: ['ro', 'rbind'] }] } }] }))
  const podSandboxId = await pod(cri)
  const containerId = await startIn(cri, podSandboxId, sleeper({ CDIDevices: [{ name: 'vendor.example/thing=one' }] }))
  assert.equal(await inside(cri, containerId, 'echo $THING; test -c /dev/thing && echo x > /dev/thing && echo device; ls /cdi'), 'one\ndevice\nvendor.json\n')
  assert.equal(await codeOf(cri.runtime.createContainer({ podSandboxId, config: sleeper({ metadata: { name: 'absent' }, CDIDevices: [{ name: 'vendor.example/thing=two' }] }) })), status.NOT_FOUND)
})

test('supplementary groups are the request\'s alone, or those of the image too', async (t) => {
  const cri = await openCri(t, suite)
  const podSandboxId = await pod(cri)
  const groups = async (name: string, supplementalGroupsPolicy: SupplementalGroupsPolicy) => {
    const containerId = await startIn(cri, podSandboxId, sleeper({ metadata: { name }, linux: { securityContext: { ...ALONE.linux.securityContext, runAsUser: { value: 1000n }, supplementalGroups: [1234n], supplementalGroupsPolicy } } }))
    const { user } = (await cri.runtime.containerStatus({ containerId })).status!
    return [await inside(cri, containerId, 'id -G'), user?.linux?.uid, [...user!.linux!.supplementalGroups].sort().map(Number)]
  }
  assert.deepEqual(await groups('merge', SupplementalGroupsPolicy.Merge), ['1000 1234 2000\n', 1000n, [1000, 1234, 2000]])
  assert.deepEqual(await groups('strict', SupplementalGroupsPolicy.Strict), ['1000 1234\n', 1000n, [1000, 1234]])
})

test('a container is stopped by its stop signal, and killed when that does not help', async (t) => {
  const cri = await openCri(t, suite)
  const podSandboxId = await pod(cri)
  const trap = (signals: string) => ['sh', '-c', `trap "echo caught; exit 9" ${signals}; echo ready; while :; do usleep 20000; done`]
  const start = async (name: string, more: DeepPartial<ContainerConfig>) => {
    const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, trap('USR1'), { ...ALONE, metadata: { name }, logPath: `${name}.log`, ...more }))
    const { logPath, stopSignal } = (await cri.runtime.containerStatus({ containerId })).status!
    await eventually('the trap is set', () => readFileSync(logPath, 'utf8').includes('ready'))
    return { containerId, stopSignal }
  }
  const heeding = await start('heeding', { stopSignal: Signal.SIGUSR1 })
  assert.equal(heeding.stopSignal, Signal.SIGUSR1)
  await cri.runtime.stopContainer({ containerId: heeding.containerId, timeout: 20n })
  assert.equal((await cri.runtime.containerStatus({ containerId: heeding.containerId })).status?.exitCode, 9)
  const deaf = await start('deaf', {})
  assert.equal(deaf.stopSignal, Signal.SIGTERM)
  await cri.runtime.stopContainer({ containerId: deaf.containerId, timeout: 1n })
  assert.equal((await cri.runtime.containerStatus({ containerId: deaf.containerId })).status?.exitCode, 137)
  assert.equal(await codeOf(cri.runtime.startContainer({ containerId: deaf.containerId })), status.FAILED_PRECONDITION)
})

test('limits that the kernel refuses change nothing', async (t) => {
  const cri = await openCri(t, suite)
  const podSandboxId = await pod(cri)
  const containerId = await startIn(cri, podSandboxId, sleeper({ linux: { ...ALONE.linux, resources: { memoryLimitInBytes: 60_000_000n, cpuShares: 200n, cpuPeriod: 100_000n, cpuQuota: 50_000n } } }))
  const told = async () => {
    const { memoryLimitInBytes, cpuShares, cpuQuota } = (await cri.runtime.containerStatus({ containerId })).status!.resources!.linux!
    return [memoryLimitInBytes, cpuShares, cpuQuota]
  }
  const [before, group] = [await told(), await inside(cri, containerId, 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.shares 2>/dev/null || cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.weight')]
  assert.notEqual(await codeOf(cri.runtime.updateContainerResources({ containerId, linux: { memoryLimitInBytes: 1n, cpuShares: 300n } })), 0)
  assert.deepEqual(await told(), before)
  assert.equal(await inside(cri, containerId, 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.shares 2>/dev/null || cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.weight'), group)
  await cri.runtime.updateContainerResources({ containerId, linux: { cpuShares: 300n } })
  assert.deepEqual(await told(), [before[0], 300n, before[2]])
  const { containerId: waiting } = await cri.runtime.createContainer({ podSandboxId, config: sleeper({ metadata: { name: 'waiting' } }) })
  await cri.runtime.updateContainerResources({ containerId: waiting, linux: { memoryLimitInBytes: 70_000_000n } })
  await cri.runtime.startContainer({ containerId: waiting })
  const { stats } = await cri.runtime.containerStats({ containerId: waiting })
  assert.ok(stats!.memory!.availableBytes!.value > 40_000_000n && stats!.memory!.availableBytes!.value <= 70_000_000n)
})

test('lists are filtered by state, labels, pod and the beginning of an id', async (t) => {
  const cri = await openCri(t, suite)
  const { runtime } = cri
  const [first, second] = [await pod(cri), await pod(cri)]
  const one = await startIn(cri, first, sleeper({ labels: { tier: 'back', kind: 'db' } }))
  const { containerId: two } = await runtime.createContainer({ podSandboxId: second, config: sleeper({ labels: { tier: 'back' } }) })
  const ids = async (filter: object) => (await runtime.listContainers({ filter })).containers.map(({ id }) => id)
  assert.deepEqual(await ids({ labelSelector: { tier: 'back' } }), [one, two])
  assert.deepEqual(await ids({ labelSelector: { tier: 'back', kind: 'db' } }), [one])
  assert.deepEqual(await ids({ state: { state: ContainerState.CONTAINER_CREATED } }), [two])
  assert.deepEqual(await ids({ id: one.slice(0, 12) }), [one])
  assert.deepEqual(await ids({ podSandboxId: second, id: one }), [])
  assert.deepEqual((await runtime.listContainerStats({ filter: { labelSelector: { kind: 'db' } } })).stats.map(({ attributes }) => attributes?.id), [one])
  assert.deepEqual((await runtime.listPodSandboxStats({ filter: { id: second.slice(0, 10) } })).stats.map(({ attributes }) => attributes?.id), [second])
  await runtime.stopPodSandbox({ podSandboxId: first })
  assert.deepEqual((await runtime.listPodSandbox({ filter: { state: { state: PodSandboxState.SANDBOX_READY } } })).items.map(({ id }) => id), [second])
  assert.deepEqual((await runtime.listPodSandbox({ filter: { id: first } })).items.map(({ state }) => state), [PodSandboxState.SANDBOX_NOTREADY])
})

test('a log that is reopened after the end is not made, and one without a directory lies with the container', async (t) => {
  const cri = await openCri(t, suite)
  const podSandboxId = await pod(cri)
  const ended = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['echo', 'said'], ALONE))
  const { logPath } = await untilState(cri, ended, ContainerState.CONTAINER_EXITED)
  renameSync(logPath, `${logPath}.old`)
  assert.equal(await codeOf(cri.runtime.reopenContainerLog({ containerId: ended })), status.FAILED_PRECONDITION)
  assert.equal(existsSync(logPath), false)
  const homeless = await cri.runtime.runPodSandbox({ config: podConfig({ ...ALONE, logDirectory: '' }) })
  const containerId = await startIn(cri, homeless.podSandboxId, containerConfig(suite.busybox, ['echo', 'said'], ALONE))
  const told = await untilState(cri, containerId, ContainerState.CONTAINER_EXITED)
  assert.ok(told.logPath.startsWith(cri.box.root))
  assert.match(readFileSync(told.logPath, 'utf8'), /^\S+ stdout F said\n$/)
})

test('a log whose folder was taken away goes on once it is reopened', async (t) => {
  const cri = await openCri(t, suite)
  const podSandboxId = await pod(cri)
  const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sh', '-c', 'while :; do echo said; usleep 50000; done'], ALONE))
  const { logPath } = (await cri.runtime.containerStatus({ containerId })).status!
  rmSync(dirname(logPath), { recursive: true })
  await cri.runtime.reopenContainerLog({ containerId })
  await eventually('the next line', () => /stdout F said\n/.test(readFileSync(logPath, 'utf8')))
})

test('events of many containers that are killed at once come once each', async (t) => {
  const cri = await openCri(t, suite)
  const seen: ContainerEventResponse[] = []
  const stream = cri.raw.runtime.getContainerEvents({})
  stream.on('data', (event: ContainerEventResponse) => seen.push(event)).on('error', () => {})
  const podSandboxId = await pod(cri)
  const ids = await Promise.all(Array.from({ length: 8 }, (_, n) => startIn(cri, podSandboxId, sleeper({ metadata: { name: `c${n}` }, logPath: `c${n}.log` }))))
  const pids = await Promise.all(ids.map(async (containerId) => (JSON.parse((await cri.runtime.containerStatus({ containerId, verbose: true })).info['info']!) as { pid: number }).pid))
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  const stopped = () => seen.filter(({ containerEventType }) => containerEventType === ContainerEventType.CONTAINER_STOPPED_EVENT).map(({ containerId }) => containerId)
  await eventually('every end', () => stopped().length >= ids.length)
  await cri.runtime.stopPodSandbox({ podSandboxId })
  await eventually('the end of the pod', () => stopped().includes(podSandboxId))
  assert.deepEqual(stopped().sort(), [...ids, podSandboxId].sort())
  const last = seen.findLast((event) => event.containerId === ids[0])!
  assert.equal(last.containersStatuses.find(({ id }) => id === ids[0])?.exitCode, 137)
  stream.cancel()
})

test('metrics have a value for each of their labels, and every one is described', async (t) => {
  const cri = await openCri(t, suite)
  const podSandboxId = await pod(cri)
  const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sh', '-c', 'for i in 1 2 3; do echo $i > /file$i; done; sleep 1000'], { ...ALONE, linux: { ...ALONE.linux, resources: { memoryLimitInBytes: 80_000_000n } } }))
  await eventually('the files', () => inside(cri, containerId, 'ls /file3 2>/dev/null'))
  const { descriptors } = await cri.runtime.listMetricDescriptors()
  const { podMetrics: [metrics] } = await cri.runtime.listPodSandboxMetrics()
  const all = [...metrics!.metrics, ...metrics!.containerMetrics.flatMap((of) => of.metrics)]
  for (const { name, labelValues } of all) assert.equal(descriptors.find((one) => one.name === name)?.labelKeys.length, labelValues.length, name)
  const value = (name: string) => all.find((one) => one.name === name)?.value?.value
  assert.equal(value('container_spec_memory_limit_bytes'), BigInt(Math.floor(80_000_000 / 4096) * 4096))
  assert.ok(value('container_fs_inodes_total')! >= 4n && value('container_fs_usage_bytes')! >= 6n)
  assert.ok(value('container_network_receive_bytes_total') !== undefined)
  const { stats } = await cri.runtime.containerStats({ containerId })
  assert.ok(stats!.writableLayer!.inodesUsed!.value >= 4n && existsSync(join(stats!.writableLayer!.fsId!.mountpoint, 'containers')))
  assert.ok(stats!.swap!.timestamp > 0n)
})
