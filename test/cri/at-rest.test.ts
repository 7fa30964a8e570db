// What a server keeps when nobody wants anything of it but the questions that a kubelet asks all the time.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { NamespaceMode } from '../../src/cri/wire/generated/runtime-v1.ts'
import { eventually } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'
import { containerConfig, openCri, podConfig, startIn } from './cri.ts'

const suite = openSuite()
const ALONE = { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } } }

test('threads that did the work end, and code that is not used is given back, while a kubelet asks on', async (t) => {
  const cri = await openCri(t, suite)
  const server = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).find((pid) => {
    try { return readFileSync(join('/proc', pid, 'cmdline'), 'utf8').includes(cri.socket) } catch { return false }
  })!
  const workers = () => readdirSync(`/proc/${server}/task`).filter((task) => {
    try { return readFileSync(`/proc/${server}/task/${task}/comm`, 'utf8') === 'WorkerThread\n' } catch { return false }
  }).length
  const codeKb = () => Number(/^RssFile:\s+(\d+)/m.exec(readFileSync(`/proc/${server}/status`, 'utf8'))![1])
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '1000'], ALONE))
  const ask = () => Promise.all([cri.runtime.listContainers(), cri.runtime.listContainerStats(), cri.runtime.listPodSandboxStats(), cri.images.listImages(), cri.images.imageFsInfo(), cri.runtime.status()])
  await ask()
  assert.ok(workers() > 0)
  const before = codeKb()
  await eventually('the end of the threads', async () => {
    await ask()
    return workers() === 0
  })
  assert.ok(codeKb() < before, `${codeKb()} of ${before} kB`)
})
