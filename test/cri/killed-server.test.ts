// The server is killed at any moment of a pod's life, many times; each time it starts again, all is finished or undone.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ContainerState, NamespaceMode, PodSandboxState, type ContainerConfig, type DeepPartial, type PodSandboxConfig } from '../../src/cri/wire/generated/runtime-v1.ts'
import { eventually } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'
import { containerConfig, openCri, podConfig, startIn, untilState, type Cri } from './cri.ts'

const suite = openSuite()
const ROUNDS = Number(process.env['SCOW_TEST_KILLS'] ?? 12)
const ALONE = { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } } }
const CODE = 7

function query(box: Cri['box'], sql: string): unknown[] {
  const db = new DatabaseSync(join(box.root, 'state.db'), { readOnly: true, timeout: 5000 })
  try { return db.prepare(sql).all() } finally { db.close() }
}
const intents = ({ box }: Cri): unknown[] => query(box, 'SELECT kind, target FROM intents')
const podRows = ({ box }: Cri) => query(box, 'SELECT phase, status FROM pods') as { phase: string; status: string }[]

interface Wanted { readonly pod: DeepPartial<PodSandboxConfig>; readonly container: DeepPartial<ContainerConfig> }

/** A pod's life as a kubelet has it, from wherever it had come to. */
async function live(cri: Cri, { pod, container }: Wanted): Promise<void> {
  const { items: [found] } = await cri.runtime.listPodSandbox({ filter: { labelSelector: pod.labels as Record<string, string> } })
  if (found?.state === PodSandboxState.SANDBOX_NOTREADY) await cri.runtime.removePodSandbox({ podSandboxId: found.id })
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: pod })
  const [known] = (await cri.runtime.listContainers({ filter: { podSandboxId } })).containers
  const containerId = known?.id ?? (await cri.runtime.createContainer({ podSandboxId, config: container })).containerId
  if ((await cri.runtime.containerStatus({ containerId })).status?.state === ContainerState.CONTAINER_CREATED) await cri.runtime.startContainer({ containerId })
  const ended = await untilState(cri, containerId, ContainerState.CONTAINER_EXITED)
  assert.deepEqual([ended.exitCode, ended.reason], [CODE, 'Error'])
  assert.match(readFileSync(ended.logPath, 'utf8'), /stdout F said\n$/)
  await cri.runtime.stopPodSandbox({ podSandboxId })
  await cri.runtime.removePodSandbox({ podSandboxId })
}

async function livePull(cri: Cri): Promise<void> {
  await cri.images.pullImage({ image: { image: suite.probe } })
  await cri.images.removeImage({ image: { image: suite.probe } })
}

/** Lines are numbers that follow each other. */
function assertNoGap(logPath: string, restarts: string): number {
  const numbers = readFileSync(logPath, 'utf8').trimEnd().split('\n').map((line) => Number(/^\S+ stdout F (\d+)$/.exec(line)?.[1]))
  for (const [index, number] of numbers.entries()) assert.equal(number, index + 1, `line ${index + 1} of the log, ${restarts}`)
  return numbers.length
}

/** Everything that is told of fits together, with nothing under way. */
async function assertWhole(cri: Cri, what: string): Promise<void> {
  assert.deepEqual(intents(cri), [], `work under way, ${what}`)
  const { items } = await cri.runtime.listPodSandbox()
  const phases = podRows(cri)
  assert.ok(phases.every(({ phase, status }) => phase === 'ready' || (phase === 'stopped' && (JSON.parse(status) as { released?: boolean }).released)), `pods half gone, ${what}: ${JSON.stringify(phases)}`)
  for (const { id } of items) assert.equal((await cri.runtime.podSandboxStatus({ podSandboxId: id })).status?.id, id)
  for (const { id, podSandboxId, state } of (await cri.runtime.listContainers()).containers) {
    assert.ok(items.some((pod) => pod.id === podSandboxId), `container ${id} has its pod, ${what}`)
    const { status } = await cri.runtime.containerStatus({ containerId: id })
    if (state === ContainerState.CONTAINER_EXITED) assert.ok([CODE, 137].includes(status!.exitCode), `exit code ${status!.exitCode} (${status!.reason} ${status!.message}), ${what}`)
    if (status?.state === ContainerState.CONTAINER_RUNNING) assert.ok(existsSync(`/proc/${pidOf(await cri.runtime.containerStatus({ containerId: id, verbose: true }))}`), `${id} runs, ${what}`)
  }
}

const pidOf = ({ info }: { info: Record<string, string> }): number => (JSON.parse(info['info']!) as { pid: number }).pid

test(`a server that is killed ${ROUNDS} times loses nothing and leaves nothing half done`, async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig() })
  const steady = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sh', '-c', 'i=0; while :; do i=$((i+1)); echo $i; usleep 20000; done']))
  const steadyPid = pidOf(await cri.runtime.containerStatus({ containerId: steady, verbose: true }))
  const { logPath } = (await cri.runtime.containerStatus({ containerId: steady })).status!
  const wanted = (round: number): Wanted => ({
    pod: round % 2 ? podConfig(ALONE) : podConfig(),
    container: containerConfig(suite.busybox, ['sh', '-c', `echo said; usleep 100000; exit ${CODE}`], round % 2 ? ALONE : {}),
  })
  const began = Date.now()
  await live(cri, wanted(1))
  const lifeMs = Date.now() - began
  for (let round = 0; round < ROUNDS; round++) {
    const one = wanted(round)
    const delayMs = lifeMs * ((round * 0.618) % 1)
    const what = `round ${round}, killed after ${Math.round(delayMs)} of ${lifeMs} ms`
    // They break off: what they had come to is taken up below.
    const broken = Promise.allSettled([live(cri, one), livePull(cri)])
    await sleep(delayMs)
    await cri.restart('SIGKILL')
    await broken
    await assertWhole(cri, what)
    await live(cri, one).catch((error: unknown) => { throw new Error(`${what}: ${error instanceof Error ? error.message : error}`, { cause: error }) })
    await livePull(cri)
    assert.deepEqual((await cri.runtime.listPodSandbox()).items.map(({ id }) => id), [podSandboxId], what)
  }
  const now = await cri.runtime.containerStatus({ containerId: steady, verbose: true })
  assert.deepEqual([now.status?.state, pidOf(now)], [ContainerState.CONTAINER_RUNNING, steadyPid])
  assert.equal((await cri.runtime.podSandboxStatus({ podSandboxId })).status?.state, PodSandboxState.SANDBOX_READY)
  await cri.runtime.stopContainer({ containerId: steady, timeout: 0n })
  assert.ok(assertNoGap(logPath, `after ${ROUNDS} kills`) > ROUNDS)
})

test('ends that come while no server runs are known with their codes', async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  const ids = await Promise.all([3, 4, 5].map((code) => startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sh', '-c', `sleep 1; exit ${code}`], { ...ALONE, metadata: { name: `c${code}` } }))))
  cri.server.kill('SIGKILL')
  await cri.server.end()
  await sleep(1500)
  await cri.restart('SIGKILL')
  assert.deepEqual(await Promise.all(ids.map(async (id) => (await untilState(cri, id, ContainerState.CONTAINER_EXITED)).exitCode)), [3, 4, 5])
})

test('what a killed server ran in a container for somebody ends at the next start, and nothing else does', async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sh', '-c', 'sleep 1111 & sleep 2222'], ALONE))
  const running = (): string[] => readdirSync('/proc').flatMap((pid) => { try { return /^sleep\0(\d+)/.exec(readFileSync(join('/proc', pid, 'cmdline'), 'utf8'))?.[1] ?? [] } catch { return [] } }).sort()
  const asked = cri.runtime.execSync({ containerId, cmd: ['sleep', '3333'], timeout: 0n }).catch(() => undefined)
  await eventually('all of them', () => running().length === 3)
  await cri.restart('SIGKILL')
  await asked
  await eventually('the end', () => !running().includes('3333'))
  assert.deepEqual(running(), ['1111', '2222'])
  assert.equal((await cri.runtime.execSync({ containerId, cmd: ['echo', 'here'], timeout: 10n })).stdout.toString(), 'here\n')
  assert.deepEqual(readdirSync(join(cri.box.runRoot, 'containers', containerId, 'exec')), [])
})

test('a request that is made again while it is under way, or after it, gives the same', async (t) => {
  const cri = await openCri(t, suite)
  const config = podConfig(ALONE)
  const call = cri.raw.runtime.runPodSandbox({ config: (await import('../../src/cri/wire/generated/runtime-v1.ts')).PodSandboxConfig.fromPartial(config as object), runtimeHandler: '' }, () => {})
  await sleep(20)
  call.cancel()
  const ids = await Promise.all(Array.from({ length: 5 }, () => cri.runtime.runPodSandbox({ config })))
  assert.equal(new Set(ids.map((each) => each.podSandboxId)).size, 1)
  const { podSandboxId } = ids[0]!
  assert.deepEqual((await cri.runtime.listPodSandbox()).items.map(({ id }) => id), [podSandboxId])
  const container = containerConfig(suite.busybox, ['sleep', '1000'], ALONE)
  const made = await Promise.all(Array.from({ length: 5 }, () => cri.runtime.createContainer({ podSandboxId, config: container })))
  assert.equal(new Set(made.map(({ containerId }) => containerId)).size, 1)
  await cri.restart('SIGKILL')
  assert.deepEqual(await cri.runtime.runPodSandbox({ config }), { podSandboxId })
  assert.deepEqual(await cri.runtime.createContainer({ podSandboxId, config: container }), made[0])
})
