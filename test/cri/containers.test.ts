import '../support/jail.ts'
import { status } from '@grpc/grpc-js'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { setImmediate as breathe } from 'node:timers/promises'
import { ContainerEventType, ContainerState, MountPropagation, NamespaceMode, PodSandboxState, type ContainerEventResponse } from '../../src/cri/wire/generated/runtime-v1.ts'
import { eventually } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'
import { codeOf, containerConfig, openCri, podConfig, startIn, untilState, writeNetwork, type Cri } from './cri.ts'

const suite = openSuite()
const ALONE = { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } } }
const UNKNOWN = 'f'.repeat(64)

const inside = async (cri: Cri, containerId: string, command: string): Promise<string> =>
  (await cri.runtime.execSync({ containerId, cmd: ['sh', '-c', command], timeout: 10n })).stdout.toString()

test('what is gone may be stopped and removed again, and is not found otherwise', async (t) => {
  const { runtime, images } = await openCri(t, suite)
  await runtime.stopContainer({ containerId: UNKNOWN })
  await runtime.removeContainer({ containerId: UNKNOWN })
  await runtime.stopPodSandbox({ podSandboxId: UNKNOWN })
  await runtime.removePodSandbox({ podSandboxId: UNKNOWN })
  await images.removeImage({ image: { image: 'localhost/nothing:1' } })
  const found = [runtime.containerStatus({ containerId: UNKNOWN }), runtime.containerStats({ containerId: UNKNOWN }), runtime.podSandboxStatus({ podSandboxId: UNKNOWN }), runtime.execSync({ containerId: UNKNOWN, cmd: ['true'] })]
  assert.deepEqual(await Promise.all(found.map(codeOf)), Array(4).fill(status.NOT_FOUND))
  assert.equal(await codeOf(runtime.checkpointContainer({ containerId: UNKNOWN })), status.UNIMPLEMENTED)
  const { podSandboxId } = await runtime.runPodSandbox({ config: podConfig(ALONE) })
  await runtime.stopPodSandbox({ podSandboxId })
  await runtime.stopPodSandbox({ podSandboxId })
})

test('whatever comes while a container is removed, its stop succeeds and no file of it stays', async (t) => {
  const { runtime, box } = await openCri(t, suite)
  const { podSandboxId } = await runtime.runPodSandbox({ config: podConfig(ALONE) })
  for (let round = 0; round < 40; round++) {
    const { containerId } = await runtime.createContainer({ podSandboxId, config: containerConfig(suite.busybox, ['true'], ALONE) })
    let removed = false
    const removing = runtime.removeContainer({ containerId }).then(() => { removed = true })
    const stops: Promise<unknown>[] = []
    const updates: Promise<number>[] = []
    while (!removed) {
      if (stops.length < 30) stops.push(runtime.stopContainer({ containerId }))
      if (updates.length < 30) updates.push(codeOf(runtime.updateContainerResources({ containerId, linux: { cpuShares: 100n } })))
      await breathe()
    }
    await Promise.all([removing, ...stops, ...updates])
    const ids = [...readdirSync(join(box.root, 'containers')), ...readdirSync(join(box.runRoot, 'locks'))]
    assert.ok(!ids.includes(containerId), `round ${round}: ${ids.join(' ')}`)
  }
})

test('a request that is made twice gives one pod and one container', async (t) => {
  const { runtime } = await openCri(t, suite)
  const config = podConfig(ALONE)
  const ids = await Promise.all([runtime.runPodSandbox({ config }), runtime.runPodSandbox({ config })])
  const { podSandboxId } = await runtime.runPodSandbox({ config })
  assert.deepEqual(ids.map((each) => each.podSandboxId), [podSandboxId, podSandboxId])
  const create = () => runtime.createContainer({ podSandboxId, config: containerConfig(suite.busybox, ['true']) })
  const made = [...await Promise.all([create(), create()]), await create()]
  assert.equal(new Set(made.map(({ containerId }) => containerId)).size, 1)
})

test('a container is started once, however many ask for it at once', async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  mkdirSync('/tmp/counted', { recursive: true })
  for (const name of ['a', 'b', 'c']) {
    const config = containerConfig(suite.busybox, ['sh', '-c', `echo ran >>/counted/${name}`], { ...ALONE, metadata: { name }, mounts: [{ containerPath: '/counted', hostPath: '/tmp/counted' }] })
    const { containerId } = await cri.runtime.createContainer({ podSandboxId, config })
    const codes = await Promise.all(Array.from({ length: 8 }, () => codeOf(cri.runtime.startContainer({ containerId }))))
    await untilState(cri, containerId, ContainerState.CONTAINER_EXITED)
    assert.deepEqual([codes.filter((code) => code !== status.FAILED_PRECONDITION), readFileSync(`/tmp/counted/${name}`, 'utf8')], [[0], 'ran\n'])
  }
})

test('exec is cut off at its timeout, and leaves no process', async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '1000'], ALONE))
  assert.equal(await codeOf(cri.runtime.execSync({ containerId, cmd: ['sleep', '777'], timeout: 1n })), status.DEADLINE_EXCEEDED)
  assert.doesNotMatch(await inside(cri, containerId, 'ps'), /777/)
  const { stdout } = await cri.runtime.execSync({ containerId, cmd: ['sh', '-c', 'yes | head -c 20000000'], timeout: 20n }).catch(() => ({ stdout: Buffer.alloc(0) }))
  assert.ok(stdout.length <= 16 * 2 ** 20)
})

test('a container has the user, the limits, the mounts and the security that were asked for', async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  mkdirSync('/tmp/shown', { recursive: true })
  writeFileSync('/tmp/shown/file', 'from the host\n')
  const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '1000'], {
    envs: [{ key: 'SEA', value: 'rough = yes' }], workingDir: '/home/ada',
    mounts: [{ containerPath: '/shown', hostPath: '/tmp/shown', readonly: true, propagation: MountPropagation.PROPAGATION_PRIVATE }],
    linux: {
      resources: { memoryLimitInBytes: 50_000_000n, cpuShares: 100n, cpuQuota: 20_000n, cpuPeriod: 100_000n },
      securityContext: { ...ALONE.linux.securityContext, runAsUser: { value: 1000n }, runAsGroup: { value: 1000n }, supplementalGroups: [1234n], readonlyRootfs: true, noNewPrivs: true, capabilities: { dropCapabilities: ['ALL'] }, seccomp: {} },
    },
  }))
  assert.equal(await inside(cri, containerId, 'id -u; id -G; pwd; echo "$SEA"; cat /shown/file'), '1000\n1000 1234 2000\n/home/ada\nrough = yes\nfrom the host\n')
  assert.match(await inside(cri, containerId, 'touch /x /shown/x 2>&1; grep -E "^(CapBnd|NoNewPrivs|Seccomp):" /proc/self/status'), /Read-only[^]*Read-only[^]*CapBnd:\t0{16}\nNoNewPrivs:\t1\nSeccomp:\t2/)
  const { status: now } = await cri.runtime.containerStatus({ containerId })
  assert.deepEqual(now?.user?.linux, { uid: 1000n, gid: 1000n, supplementalGroups: [1000n, 2000n, 1234n] })
  assert.equal(now?.resources?.linux?.memoryLimitInBytes, 50_000_000n)

  await cri.runtime.updateContainerResources({ containerId, linux: { memoryLimitInBytes: 60_000_000n } })
  const { status: later } = await cri.runtime.containerStatus({ containerId })
  assert.deepEqual([later?.resources?.linux?.memoryLimitInBytes, later?.resources?.linux?.cpuShares], [60_000_000n, 100n])
  const { stats } = await cri.runtime.containerStats({ containerId })
  assert.ok(stats!.memory!.availableBytes!.value > 50_000_000n && stats!.memory!.availableBytes!.value <= 60_000_000n)
})

test('requests that contradict themselves are refused', async (t) => {
  const { runtime } = await openCri(t, suite)
  const { podSandboxId } = await runtime.runPodSandbox({ config: podConfig(ALONE) })
  const refused = (linux: object, more: object = {}) => codeOf(runtime.createContainer({ podSandboxId, config: containerConfig(suite.busybox, ['true'], { linux, ...more }) }))
  assert.equal(await refused({ securityContext: { runAsGroup: { value: 1n } } }), status.INVALID_ARGUMENT)
  assert.equal(await refused({ securityContext: { privileged: true } }), status.INVALID_ARGUMENT)
  assert.equal(await refused({}, { mounts: [{ containerPath: '/x', hostPath: '/tmp', recursiveReadOnly: true }] }), status.INVALID_ARGUMENT)
  assert.equal(await refused({}, { image: { image: 'localhost/nothing:1' } }), status.NOT_FOUND)
  const userns = (usernsOptions: object) => codeOf(runtime.runPodSandbox({ config: podConfig({ linux: { securityContext: { namespaceOptions: { usernsOptions } } } }) }))
  assert.equal(await userns({ mode: NamespaceMode.CONTAINER }), status.INVALID_ARGUMENT)
  assert.equal(await codeOf(runtime.runPodSandbox({ config: podConfig(), runtimeHandler: 'nothing' })), status.INVALID_ARGUMENT)
})

test('an end tells its reason', async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  const end = async (name: string, command: string[], linux: object = {}) => {
    const { containerId } = await cri.runtime.createContainer({ podSandboxId, config: containerConfig(suite.busybox, command, { metadata: { name }, linux: { ...ALONE.linux, ...linux } }) })
    await cri.runtime.startContainer({ containerId }).catch(() => undefined)
    const { exitCode, reason } = await untilState(cri, containerId, ContainerState.CONTAINER_EXITED)
    return [exitCode, reason]
  }
  assert.deepEqual(await end('fine', ['true']), [0, 'Completed'])
  assert.deepEqual(await end('bad', ['sh', '-c', 'exit 7']), [7, 'Error'])
  assert.deepEqual(await end('absent', ['/no/such']), [128, 'StartError'])
  assert.deepEqual(await end('greedy', ['sh', '-c', 'dd if=/dev/zero of=/dev/null bs=20M'], { resources: { memoryLimitInBytes: 15_728_640n, memorySwapLimitInBytes: 15_728_640n } }), [137, 'OOMKilled'])
})

test('a renamed log goes on in a new file', async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sh', '-c', 'while :; do echo tick; sleep 0.1; done'], ALONE))
  const { logPath } = (await cri.runtime.containerStatus({ containerId })).status!
  await eventually('a line', () => readFileSync(logPath, 'utf8').includes('tick'))
  renameSync(logPath, `${logPath}.old`)
  await cri.runtime.reopenContainerLog({ containerId })
  await eventually('a line in the new file', () => readFileSync(logPath, 'utf8').includes('tick'))
  await cri.runtime.stopContainer({ containerId })
  rmSync(logPath)
  assert.equal(await codeOf(cri.runtime.reopenContainerLog({ containerId })), status.FAILED_PRECONDITION)
})

test('events tell each change once, that of a container killed from outside too', async (t) => {
  const cri = await openCri(t, suite)
  const seen: ContainerEventResponse[] = []
  const stream = cri.raw.runtime.getContainerEvents({})
  stream.on('data', (event: ContainerEventResponse) => seen.push(event)).on('error', () => {})
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '1000'], ALONE))
  const { info } = await cri.runtime.containerStatus({ containerId, verbose: true })
  assert.ok((JSON.parse(info['info']!) as { runtimeSpec: { process: { args: string[] } } }).runtimeSpec.process.args.length > 0)
  process.kill((JSON.parse(info['info']!) as { pid: number }).pid, 'SIGKILL')
  await untilState(cri, containerId, ContainerState.CONTAINER_EXITED)
  await cri.runtime.removeContainer({ containerId })
  const types = () => seen.filter((event) => event.containerId === containerId).map(({ containerEventType }) => containerEventType)
  await eventually('the last event', () => types().includes(ContainerEventType.CONTAINER_DELETED_EVENT))
  assert.deepEqual(types(), [ContainerEventType.CONTAINER_CREATED_EVENT, ContainerEventType.CONTAINER_STARTED_EVENT, ContainerEventType.CONTAINER_STOPPED_EVENT, ContainerEventType.CONTAINER_DELETED_EVENT])
  assert.equal(seen.find((event) => event.containerId === containerId)?.podSandboxStatus?.id, podSandboxId)
  for (let turn = 0; turn < 3; turn++) await startIn(cri, podSandboxId, { ...containerConfig(suite.busybox, ['true'], ALONE), metadata: { name: `short${turn}`, attempt: 0 } })
  await eventually('the ends', () => seen.filter(({ containerEventType }) => containerEventType === ContainerEventType.CONTAINER_STOPPED_EVENT).length === 4)
  // the kubelet drops what seems older than what it knows of the pod
  const times = seen.map(({ createdAt }) => createdAt)
  assert.deepEqual(times, [...times].sort((a, b) => Number(a - b)))
  stream.cancel()
})

test('pods and containers tell what they use, in lists and in streams', async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sh', '-c', 'echo x > /file; sleep 1000'], ALONE))
  await inside(cri, containerId, 'until [ -s /file ]; do usleep 10000; done')
  const { stats: [one] } = await cri.runtime.listContainerStats({ filter: { podSandboxId } })
  assert.ok(one!.cpu!.usageCoreNanoSeconds!.value > 0n && one!.memory!.workingSetBytes!.value > 0n && one!.writableLayer!.usedBytes!.value > 0n)
  const { stats } = await cri.runtime.podSandboxStats({ podSandboxId })
  assert.equal(stats?.linux?.network?.defaultInterface?.name, 'eth0')
  assert.deepEqual(stats?.linux?.containers.map(({ attributes }) => attributes?.id), [containerId])
  assert.ok((await cri.runtime.listMetricDescriptors()).descriptors.length > 5)
  const { podMetrics: [metrics] } = await cri.runtime.listPodSandboxMetrics()
  assert.equal(metrics?.containerMetrics[0]?.containerId, containerId)
  const streamed = await new Promise<string[]>((resolve, reject) => {
    const ids: string[] = []
    cri.raw.runtime.streamContainers({ filter: undefined }).on('data', ({ containers }) => ids.push(...containers.map(({ id }: { id: string }) => id))).on('end', () => resolve(ids)).on('error', reject)
  })
  assert.deepEqual(streamed, [containerId])
})

for (const how of ['SIGTERM', 'SIGKILL'] as const) {
  test(`containers run on over a ${how} of the server, and what happened meanwhile is known after it`, async (t) => {
    const cri = await openCri(t, suite)
    const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig() })
    const lasting = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '1000']))
    const short = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sh', '-c', 'sleep 1; exit 5'], { metadata: { name: 'short' } }))
    cri.server.kill(how)
    await cri.server.end()
    await new Promise((resolve) => setTimeout(resolve, 1500))
    await cri.restart(how)
    assert.equal((await cri.runtime.podSandboxStatus({ podSandboxId })).status?.state, PodSandboxState.SANDBOX_READY)
    assert.equal(await inside(cri, lasting, 'echo here'), 'here\n')
    assert.equal((await untilState(cri, short, ContainerState.CONTAINER_EXITED)).exitCode, 5)
  })
}

test('the network is ready when its configuration is there, without a restart', async (t) => {
  rmSync('/etc/cni/net.d/10-pods.conflist', { force: true })
  const { runtime } = await openCri(t, suite, { network: false })
  const ready = async () => (await runtime.status()).status?.conditions.find(({ type }) => type === 'NetworkReady')
  assert.deepEqual([(await ready())?.status, (await ready())?.reason], [false, 'NetworkPluginNotReady'])
  assert.notEqual(await codeOf(runtime.runPodSandbox({ config: podConfig(ALONE) })), 0)
  writeFileSync('/etc/cni/net.d/10-pods.conflist', '{"name": "pods", ')
  assert.match((await ready())!.message, /^no CNI network is configured in \/etc\/cni\/net\.d; network configuration \/etc\/cni\/net\.d\/10-pods\.conflist is ignored: not JSON/)
  await runtime.runPodSandbox({ config: podConfig({ linux: { securityContext: { namespaceOptions: { network: NamespaceMode.NODE, pid: NamespaceMode.CONTAINER } } } }) })
  writeNetwork()
  assert.equal((await ready())?.status, true)
})

test('pods are connected to the network that is named, and wait for it', async (t) => {
  const { runtime } = await openCri(t, suite, { args: ['--cni-default-network', 'second'] })
  t.after(() => rmSync('/etc/cni/net.d/10-second.conflist', { force: true }))
  const ready = async () => (await runtime.status()).status?.conditions.find(({ type }) => type === 'NetworkReady')
  assert.match(`${(await ready())?.status} ${(await ready())?.message}`, /^false no CNI network is named second in \/etc\/cni\/net\.d \(/)
  assert.equal(await codeOf(runtime.runPodSandbox({ config: podConfig(ALONE) })), status.UNAVAILABLE)
  writeNetwork('second', { bridge: 'pods1', subnet: '10.201.0.0/24' })
  assert.equal((await ready())?.status, true)
  const { podSandboxId } = await runtime.runPodSandbox({ config: podConfig(ALONE) })
  assert.match((await runtime.podSandboxStatus({ podSandboxId })).status!.network!.ip, /^10\.201\.0\./)
})

test('a host port leads to the pod, and sysctls hold in it', async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig({
    portMappings: [{ containerPort: 80, hostPort: 12080 }], linux: { ...ALONE.linux, sysctls: { 'kernel.shm_rmid_forced': '1', 'net.ipv4.ip_local_port_range': '2000 3000' } },
    dnsConfig: { servers: ['10.0.0.53'], searches: ['harbour.local'], options: ['ndots:5'] },
  }) })
  const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sh', '-c', 'echo sails > /tmp/index.html; exec httpd -f -p 80 -h /tmp'], ALONE))
  assert.equal(await inside(cri, containerId, 'cat /proc/sys/kernel/shm_rmid_forced /etc/resolv.conf; tr "\\t" " " < /proc/sys/net/ipv4/ip_local_port_range'), '1\nsearch harbour.local\nnameserver 10.0.0.53\noptions ndots:5\n2000 3000\n')
  const { status: pod } = await cri.runtime.podSandboxStatus({ podSandboxId })
  assert.equal(await eventually('the page', () => { try { return execFileSync('busybox', ['wget', '-qO-', `http://${pod!.network!.ip}/`], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }) } catch { return '' } }), 'sails\n')
})
