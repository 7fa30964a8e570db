import '../support/jail.ts'
import { Metadata } from '@grpc/grpc-js'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import test from 'node:test'
import * as wire from '../../src/cri/wire/generated/runtime-v1.ts'
import { openSuite } from '../support/suite.ts'
import { containerConfig, openCri, podConfig, startIn, type Cri } from './cri.ts'

const suite = openSuite()
/** Generous, since the machine may have other things to do; a server that waits for the lock is later. */
const DEADLINE_MS = 3000
const ALONE = { linux: { securityContext: { namespaceOptions: { pid: wire.NamespaceMode.CONTAINER } } } }

/** Calls with a deadline of their own: an answer that comes later is an error. */
const inTime = <Response>(call: (options: { deadline: number }, reply: (error: Error | null, response: Response) => void) => unknown): Promise<Response> =>
  new Promise((resolve, reject) => call({ deadline: Date.now() + DEADLINE_MS }, (error, response) => (error ? reject(error) : resolve(response))))

const version = ({ raw }: Cri) => inTime<wire.VersionResponse>((options, reply) => raw.runtime.version({ version: '0.1.0' }, new Metadata(), options, reply))

/** Holds the state's write lock in another process. */
async function holdLock(cri: Cri, ms: number): Promise<{ ended: Promise<unknown> }> {
  const script = `
    const { DatabaseSync } = require('node:sqlite')
    const db = new DatabaseSync(${JSON.stringify(join(cri.box.root, 'state.db'))})
    db.exec('BEGIN IMMEDIATE')
    console.log('held')
    setTimeout(() => { db.exec('ROLLBACK'); console.log('free') }, ${ms})`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return { ended: once(child, 'exit') }
}

/** Asks until `act` has ended, and at least once. */
async function askDuring(cri: Cri, act: Promise<unknown>): Promise<number> {
  let over = false
  const ended = act.finally(() => { over = true })
  let answers = 0
  do {
    await version(cri)
    answers++
    await new Promise((resolve) => setTimeout(resolve, 5))
  } while (!over)
  await ended
  return answers
}

test('while another process writes the state, questions are answered and writes wait', async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  const lock = await holdLock(cri, 6000)
  let made = false
  const creating = cri.runtime.createContainer({ podSandboxId, config: containerConfig(suite.busybox, ['true']) }).then((answer) => {
    made = true
    return answer
  })
  const answers = await askDuring(cri, lock.ended.then(() => assert.equal(made, false, 'nothing is written while another process writes')))
  assert.ok(answers > 10)
  const { containerId } = await creating
  const [listed] = (await cri.runtime.listContainers()).containers
  assert.equal(listed?.id, containerId)
})

test('lists are answered while another process writes the state', async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  const lock = await holdLock(cri, 6000)
  const waiting = cri.runtime.createContainer({ podSandboxId, config: containerConfig(suite.busybox, ['true']) })
  const { items } = await inTime<wire.ListPodSandboxResponse>((options, reply) => cri.raw.runtime.listPodSandbox({ filter: undefined }, new Metadata(), options, reply))
  assert.deepEqual(items.map(({ id }) => id), [podSandboxId])
  await Promise.all([lock.ended, waiting])
})

test('a pull, a container full of files and their removal hold up no question', async (t) => {
  const cri = await openCri(t, suite)
  const image = suite.web
  await askDuring(cri, cri.images.pullImage({ image: { image } }))
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sh', '-c', 'for d in a b c d e f; do mkdir /tmp/$d; cd /tmp/$d; seq 3000 | xargs touch; done; sleep 1000'], ALONE))
  await cri.runtime.execSync({ containerId, cmd: ['sh', '-c', 'until [ -e /tmp/f/3000 ]; do sleep 0.1; done'], timeout: 60n })
  await askDuring(cri, cri.runtime.listContainerStats())
  await askDuring(cri, cri.runtime.removeContainer({ containerId }))
  await askDuring(cri, cri.images.removeImage({ image: { image } }))
})
