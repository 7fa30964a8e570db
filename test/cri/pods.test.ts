import '../support/jail.ts'
import { status } from '@grpc/grpc-js'
import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import test from 'node:test'
import { ContainerState, NamespaceMode, PodSandboxState } from '../../src/cri/wire/generated/runtime-v1.ts'
import { eventually } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'
import { codeOf, containerConfig, openCri, podConfig, startIn, untilState, type Cri } from './cri.ts'

const suite = openSuite()

interface Told { readonly pid: number; readonly runtimeSpec: { readonly linux: { readonly namespaces: readonly { readonly type: string; readonly path: string }[] } } }

const infoOf = async ({ runtime }: Cri, podSandboxId: string): Promise<Told> => JSON.parse((await runtime.podSandboxStatus({ podSandboxId, verbose: true })).info['info']!) as Told
/** `net:[4026531840]` */
const inodeIn = (link: string): number => Number(/\d+/.exec(link)![0])

test('a pod runs a container from its start to its removal', async (t) => {
  const cri = await openCri(t, suite)
  const { runtime } = cri
  const version = await runtime.version()
  assert.deepEqual([version.version, version.runtimeName, version.runtimeApiVersion], ['0.1.0', 'scow', 'v1'])
  const state = await runtime.status({ verbose: true })
  assert.deepEqual(state.status?.conditions.map(({ type, status: ok }) => [type, ok]), [['RuntimeReady', true], ['NetworkReady', true]])
  assert.equal((await runtime.runtimeConfig()).linux?.cgroupDriver, 1)

  const config = podConfig({ hostname: 'sailor' })
  const { podSandboxId } = await runtime.runPodSandbox({ config })
  const pod = (await runtime.podSandboxStatus({ podSandboxId })).status!
  assert.equal(pod.state, PodSandboxState.SANDBOX_READY)
  assert.match(pod.network!.ip, /^10\.200\.0\.\d+$/)
  assert.deepEqual(pod.metadata, config.metadata)

  const { containerId } = await runtime.createContainer({ podSandboxId, config: containerConfig(suite.busybox, ['sh', '-c', 'echo out; echo err >&2; sleep 1000']) })
  assert.equal((await runtime.containerStatus({ containerId })).status?.state, ContainerState.CONTAINER_CREATED)
  await runtime.startContainer({ containerId })
  const running = await untilState(cri, containerId, ContainerState.CONTAINER_RUNNING)
  assert.ok(running.startedAt >= running.createdAt && running.finishedAt === 0n)
  const inside = await runtime.execSync({ containerId, cmd: ['sh', '-c', 'hostname; ip -o -4 addr show eth0; exit 3'], timeout: 10n })
  assert.equal(inside.exitCode, 3)
  assert.match(inside.stdout.toString(), new RegExp(`^sailor\n.*${pod.network!.ip}/24`))
  assert.equal((await runtime.execSync({ containerId, cmd: ['sh', '-c', 'echo $HOSTNAME'], timeout: 10n })).stdout.toString(), 'sailor\n')
  await eventually('both lines in its log', () => /^\S+ stdout F out\n\S+ stderr F err\n$|^\S+ stderr F err\n\S+ stdout F out\n$/.test(readFileSync(running.logPath, 'utf8')))

  assert.deepEqual((await runtime.listContainers({ filter: { podSandboxId } })).containers.map(({ id }) => id), [containerId])
  assert.deepEqual((await runtime.listPodSandbox({ filter: { labelSelector: config.labels as Record<string, string> } })).items.map(({ id }) => id), [podSandboxId])
  await runtime.stopContainer({ containerId, timeout: 0n })
  const ended = (await runtime.containerStatus({ containerId })).status!
  assert.deepEqual([ended.state, ended.exitCode, ended.reason], [ContainerState.CONTAINER_EXITED, 137, 'Error'])
  await runtime.removeContainer({ containerId })
  assert.equal(await codeOf(runtime.containerStatus({ containerId })), status.NOT_FOUND)
  await runtime.stopPodSandbox({ podSandboxId })
  assert.equal((await runtime.podSandboxStatus({ podSandboxId })).status?.state, PodSandboxState.SANDBOX_NOTREADY)
  await runtime.removePodSandbox({ podSandboxId })
  assert.equal(await codeOf(runtime.podSandboxStatus({ podSandboxId })), status.NOT_FOUND)
})

test("the command line sees the kubelet's pods where it is asked for them", async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig({ metadata: { name: 'seen', namespace: 'there', uid: 'u', attempt: 0 } }) })
  const id = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '1000']))
  assert.equal(await cri.box.ok('ps', '-q'), '')
  for (const flag of ['--pod', '--external', '--filter=pod=seen']) assert.match(await cri.box.ok('ps', flag, '--format', '{{.ID}} {{.PodName}}'), new RegExp(`${id.slice(0, 12)} seen$`, 'm'))
  assert.match(await cri.box.ok('ps', '-p'), new RegExp(`\\n${id.slice(0, 12)} .* ${podSandboxId.slice(0, 12)}  seen(\\n|$)`))
  assert.match(await cri.box.ok('pod', 'ps'), new RegExp(`\\n${podSandboxId.slice(0, 12)}  seen +Running .* 1$`))
  assert.match(await cri.box.fails(2, 'rmi', '--force', suite.busybox), /is used by container k8s_main_seen_there_u_0, which belongs to the kubelet/)
  const refused = async (...words: string[]): Promise<void> => assert.match((await cri.box.scow(words)).stderr, /^Error: container k8s_main_seen_there_u_0 belongs to the kubelet; [^\n]+\n$/, words.join(' '))
  await refused('rm', '-f', id)
  await refused('restart', '-t', '0', id)
  await refused('rename', id, 'other')
  assert.equal((await cri.runtime.containerStatus({ containerId: id })).status?.state, ContainerState.CONTAINER_RUNNING)
  await cri.box.ok('stop', '-t', '0', id)
  await refused('start', id)
  await refused('start', '-a', id)
  assert.equal((await untilState(cri, id, ContainerState.CONTAINER_EXITED)).exitCode, 137)
})

test('a pod that has ended keeps its name until it is removed', async (t) => {
  const { runtime } = await openCri(t, suite)
  const config = podConfig({ linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } } })
  const { podSandboxId } = await runtime.runPodSandbox({ config })
  await runtime.stopPodSandbox({ podSandboxId })
  await assert.rejects(runtime.runPodSandbox({ config }), { code: status.ALREADY_EXISTS, details: new RegExp(`is already in use by pod .*remove it first \\(scow cri rmp ${podSandboxId.slice(0, 12)}\\)`) })
  await runtime.removePodSandbox({ podSandboxId })
  await runtime.runPodSandbox({ config })
})

test('no container is made or started in a pod that was stopped, not in one that has nothing of its own either', async (t) => {
  const { runtime } = await openCri(t, suite)
  const { CONTAINER, NODE } = NamespaceMode
  for (const namespaceOptions of [{ pid: CONTAINER }, { pid: CONTAINER, network: NODE, ipc: NODE }]) {
    const linux = { securityContext: { namespaceOptions } }
    const { podSandboxId } = await runtime.runPodSandbox({ config: podConfig({ linux }) })
    const { containerId } = await runtime.createContainer({ podSandboxId, config: containerConfig(suite.busybox, ['true'], { linux }) })
    await runtime.stopPodSandbox({ podSandboxId })
    const refusal = { code: status.FAILED_PRECONDITION, details: /pod .*is not ready$/ }
    await assert.rejects(runtime.startContainer({ containerId }), refusal)
    await assert.rejects(runtime.createContainer({ podSandboxId, config: containerConfig(suite.busybox, ['true'], { metadata: { name: 'late' }, linux }) }), refusal)
    assert.equal((await runtime.containerStatus({ containerId })).status!.state, ContainerState.CONTAINER_CREATED)
  }
})

test('a pod that is stopped while its containers start has none that runs', async (t) => {
  const { runtime } = await openCri(t, suite)
  const { CONTAINER, NODE } = NamespaceMode
  for (const namespaceOptions of [{ pid: CONTAINER }, { pid: CONTAINER, network: NODE, ipc: NODE }, {}]) for (let round = 0; round < 4; round++) {
    const linux = { securityContext: { namespaceOptions } }
    const { podSandboxId } = await runtime.runPodSandbox({ config: podConfig({ linux }) })
    const create = async (name: string) => (await runtime.createContainer({ podSandboxId, config: containerConfig(suite.busybox, ['sleep', '1000'], { metadata: { name }, linux }) })).containerId
    const ids = await Promise.all(['a', 'b'].map(create))
    await Promise.all([...ids.map((containerId) => codeOf(runtime.startContainer({ containerId }))), runtime.stopPodSandbox({ podSandboxId })])
    const states = (await runtime.listContainers({ filter: { podSandboxId } })).containers.map(({ state }) => state)
    assert.ok(states.length === 2 && !states.includes(ContainerState.CONTAINER_RUNNING), `round ${round}: ${states.join(' ')}`)
  }
})

test('containers of a pod share what the pod says', async (t) => {
  const cri = await openCri(t, suite)
  const alone = { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } } }
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(alone) })
  const first = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '1000'], alone))
  const second = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '1000'], { ...alone, metadata: { name: 'second' } }))
  const run = async (containerId: string, command: string): Promise<string> => (await cri.runtime.execSync({ containerId, cmd: ['sh', '-c', command], timeout: 10n })).stdout.toString()
  const namespaces = 'for n in net ipc uts pid; do readlink /proc/self/ns/$n; done'
  const [a, b] = [(await run(first, namespaces)).split('\n'), (await run(second, namespaces)).split('\n')]
  assert.deepEqual(a.slice(0, 3), b.slice(0, 3))
  assert.notEqual(a[3], b[3])
  const told = await infoOf(cri, podSandboxId)
  assert.equal(told.pid, 0)
  assert.deepEqual(Object.fromEntries(told.runtimeSpec.linux.namespaces.map(({ type, path }) => [type, statSync(path).ino])),
    { network: inodeIn(a[0]!), ipc: inodeIn(a[1]!), uts: inodeIn(a[2]!) })
  await run(first, 'echo shared > /dev/shm/note')
  assert.equal(await run(second, 'cat /dev/shm/note'), 'shared\n')
  await cri.runtime.stopPodSandbox({ podSandboxId })
  assert.deepEqual((await infoOf(cri, podSandboxId)).runtimeSpec.linux.namespaces, [])
})

test('a shared process table shows the processes of all', async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig() })
  const first = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '1234']))
  const second = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '1000'], { metadata: { name: 'second' } }))
  const { stdout } = await cri.runtime.execSync({ containerId: second, cmd: ['ps'], timeout: 10n })
  assert.match(stdout.toString(), /1 .*\/pause[^]*sleep 1234/)
  assert.equal(readFileSync(`/proc/${(await infoOf(cri, podSandboxId)).pid}/cmdline`, 'utf8'), '/pause\0')
  assert.deepEqual((await cri.runtime.listContainers()).containers.map(({ id }) => id), [first, second])
})
