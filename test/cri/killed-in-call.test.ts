// The server is killed in the midst of one call; when it has started again the call is done or undone, and can be made again.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ContainerEventType, ContainerState, NamespaceMode, PodSandboxState, type ContainerEventResponse } from '../../src/cri/wire/generated/runtime-v1.ts'
import { eventually } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'
import { containerConfig, openCri, podConfig, startIn, untilState, type Cri } from './cri.ts'

const suite = openSuite()
const ROUNDS = Number(process.env['SCOW_TEST_KILLS'] ?? 2)
const PODS = { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.POD } } } }
const ALONE = { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } } }

function query<T>({ box }: Cri, sql: string, ...values: string[]): T[] {
  const db = new DatabaseSync(join(box.root, 'state.db'), { readOnly: true, timeout: 5000 })
  try { return db.prepare(sql).all(...values) as T[] } finally { db.close() }
}

/** Of this root: the containers that have one. */
const monitors = (root: string): string[] => readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
  try {
    const words = readFileSync(join('/proc', pid, 'cmdline'), 'utf8').split('\0')
    return /conmon$/.test(words[0] ?? '') && words.join(' ').includes(root) ? [/[0-9a-f]{64}/.exec(words.join(' '))?.[0] ?? ''] : []
  } catch {
    return []
  }
})

/** What there is on the machine is what the server tells of. */
async function assertWhole(cri: Cri, what: string): Promise<void> {
  assert.deepEqual(query(cri, 'SELECT kind, target FROM intents'), [], what)
  const rows = query<{ id: string; phase: string }>(cri, 'SELECT id, phase FROM containers')
  const known = new Set(rows.map(({ id }) => id))
  assert.deepEqual(readdirSync(join(cri.box.root, 'containers')).filter((id) => /^[0-9a-f]{64}$/.test(id) && !known.has(id)), [], `${what}: folders without a container`)
  const running = new Set(rows.filter(({ phase }) => phase === 'running').map(({ id }) => id))
  assert.deepEqual(monitors(cri.box.root).filter((id) => !running.has(id)), [], `${what}: monitors without a container`)
  for (const { id, state } of (await cri.runtime.listPodSandbox()).items) {
    const { status } = await cri.runtime.podSandboxStatus({ podSandboxId: id })
    assert.deepEqual([status?.state, status?.network?.ip !== ''], [state, state === PodSandboxState.SANDBOX_READY], what)
  }
  for (const { id } of (await cri.runtime.listContainers()).containers) {
    const { status, info } = await cri.runtime.containerStatus({ containerId: id, verbose: true })
    const { pid } = JSON.parse(info['info']!) as { pid: number }
    if (status?.state === ContainerState.CONTAINER_RUNNING) assert.ok(existsSync(join('/proc', String(pid))), `${what}: process ${pid} of ${id}`)
  }
}

interface Round {
  /** The call under test. Made again after the restart it must succeed. */
  call(): Promise<unknown>
  /** Looks at what it came to, and takes away what the round made. */
  after?(): Promise<void>
}

async function kill(cri: Cri, name: string, prepare: (round: number) => Promise<Round>): Promise<void> {
  const first = await prepare(-1)
  const began = performance.now()
  await first.call()
  const tookMs = performance.now() - began
  await first.after?.()
  for (let round = 0; round < ROUNDS; round++) {
    const { call, after } = await prepare(round)
    const delayMs = Math.random() * tookMs
    const what = `${name}, killed after ${delayMs.toFixed(1)} of ${tookMs.toFixed(1)} ms`
    const broken = call().catch(() => undefined)
    await sleep(delayMs)
    await cri.restart('SIGKILL')
    await broken
    await assertWhole(cri, what)
    await call().catch((error: unknown) => { throw new Error(`${what}: made again: ${error instanceof Error ? error.message : error}`, { cause: error }) })
    await assertWhole(cri, `${what}, made again`)
    await after?.()
  }
}

test(`a server killed ${ROUNDS} times in each kind of call finishes or undoes it`, { timeout: 3_000_000 }, async (t) => {
  const cri = await openCri(t, suite)
  const { runtime, images } = cri
  const sleeper = () => containerConfig(suite.busybox, ['sleep', '1000'], PODS)
  const removeAll = async (): Promise<void> => {
    for (const { id } of (await runtime.listPodSandbox()).items) await runtime.removePodSandbox({ podSandboxId: id })
  }
  const only = async () => (await runtime.listContainers()).containers

  await kill(cri, 'RunPodSandbox', async () => {
    const config = podConfig({ ...PODS, portMappings: [{ hostPort: 17_171, containerPort: 80 }] })
    return { call: () => runtime.runPodSandbox({ config }), after: async () => {
      assert.equal((await runtime.listPodSandbox()).items.length, 1)
      await removeAll()
    } }
  })
  const { podSandboxId } = await runtime.runPodSandbox({ config: podConfig(PODS) })
  await kill(cri, 'CreateContainer', async () => ({
    call: () => runtime.createContainer({ podSandboxId, config: sleeper() }),
    after: async () => {
      const [one, ...more] = await only()
      assert.deepEqual([one?.state, more], [ContainerState.CONTAINER_CREATED, []])
      await runtime.removeContainer({ containerId: one!.id })
    },
  }))
  await kill(cri, 'StartContainer', async () => {
    const { containerId } = await runtime.createContainer({ podSandboxId, config: sleeper() })
    return {
      // As a kubelet: one that runs is not started again.
      call: async () => { if ((await runtime.containerStatus({ containerId })).status?.state !== ContainerState.CONTAINER_RUNNING) await runtime.startContainer({ containerId }) },
      after: async () => {
        assert.equal((await runtime.execSync({ containerId, cmd: ['echo', 'here'], timeout: 20n })).stdout.toString(), 'here\n')
        await runtime.removeContainer({ containerId })
      },
    }
  })
  await kill(cri, 'StopContainer', async () => {
    const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sh', '-c', 'trap "usleep 200000; exit 9" TERM; while :; do usleep 20000; done'], PODS))
    return { call: () => runtime.stopContainer({ containerId, timeout: 20n }), after: async () => {
      const { status } = await runtime.containerStatus({ containerId })
      assert.deepEqual([status?.state, [9, 143].includes(status!.exitCode)], [ContainerState.CONTAINER_EXITED, true], String(status?.exitCode))
      assert.equal(query(cri, 'SELECT seq FROM events WHERE status = ? AND id = ?', 'died', containerId).length, 1)
      await runtime.removeContainer({ containerId })
    } }
  })
  await removeAll()
  await kill(cri, 'RemovePodSandbox', async () => {
    const { podSandboxId: id } = await runtime.runPodSandbox({ config: podConfig(PODS) })
    await startIn(cri, id, sleeper())
    return { call: () => runtime.removePodSandbox({ podSandboxId: id }), after: async () => assert.deepEqual([(await runtime.listPodSandbox()).items, await only()], [[], []]) }
  })
  await kill(cri, 'PullImage', async () => ({
    call: () => images.pullImage({ image: { image: suite.web } }),
    after: async () => {
      const { podSandboxId: id } = await runtime.runPodSandbox({ config: podConfig(PODS) })
      const containerId = await startIn(cri, id, containerConfig(suite.web, ['sh', '-c', 'test -x /usr/sbin/nginx && cat /var/www/html/index.html >/dev/null'], PODS))
      assert.equal((await untilState(cri, containerId, ContainerState.CONTAINER_EXITED)).exitCode, 0)
      await removeAll()
      await images.removeImage({ image: { image: suite.web } })
    },
  }))
})

test('containers killed from outside end once, with a server and without one', async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  const ids = await Promise.all(['up', 'down', 'monitor'].map((name) => startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '1000'], { ...ALONE, metadata: { name }, logPath: `${name}.log` }))))
  const pids = await Promise.all(ids.map(async (containerId) => (JSON.parse((await cri.runtime.containerStatus({ containerId, verbose: true })).info['info']!) as { pid: number }).pid))
  const parentOf = (pid: number) => Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1])
  const seen: ContainerEventResponse[] = []
  const follow = () => cri.raw.runtime.getContainerEvents({}).on('data', (event: ContainerEventResponse) => seen.push(event)).on('error', () => {})
  const stopped = (id: string) => seen.filter((event) => event.containerId === id && event.containerEventType === ContainerEventType.CONTAINER_STOPPED_EVENT).length
  follow()
  await sleep(300)
  process.kill(pids[0]!, 'SIGKILL')
  await eventually('the end', () => stopped(ids[0]!) > 0)
  cri.server.kill('SIGKILL')
  await cri.server.end()
  process.kill(pids[1]!, 'SIGKILL')
  process.kill(parentOf(pids[2]!), 'SIGKILL')
  process.kill(pids[2]!, 'SIGKILL')
  await cri.restart('SIGKILL')
  const stream = follow()
  assert.equal((await untilState(cri, ids[1]!, ContainerState.CONTAINER_EXITED)).exitCode, 137)
  const unknown = await untilState(cri, ids[2]!, ContainerState.CONTAINER_EXITED)
  assert.deepEqual([unknown.exitCode, unknown.reason], [255, 'Unknown'])
  await cri.restart('SIGKILL')
  await sleep(500)
  for (const id of ids) assert.equal(query(cri, 'SELECT seq FROM events WHERE status = ? AND id = ?', 'died', id).length, 1)
  assert.equal(stopped(ids[0]!), 1)
  assert.ok(stopped(ids[1]!) <= 1 && stopped(ids[2]!) <= 1)
  stream.cancel()
})
