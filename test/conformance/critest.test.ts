// Runs where `critest` is on the PATH. Its images are stand-ins: nothing comes from outside.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test, type TestContext } from 'node:test'
import { openCri } from '../cri/cri.ts'
import { startRegistryServer, type RegistryServer } from '../support/registry-server.ts'
import { openSuite } from '../support/suite.ts'
import { findProgram, knowsWebSocket, runCritest, type Spec } from './critest.ts'
import { pushStandIns } from './stand-ins.ts'

const critest = findProgram('critest')
const why = critest === undefined ? 'no critest on the PATH' : false
const whyNoWebSocket = why || (knowsWebSocket(critest!) ? false : 'this critest has no WebSocket modes')
const suite = openSuite()
let registry: RegistryServer | undefined
let dir: string

/** What no server can pass with our stand-ins. */
const IMPOSSIBLE = [
  /public image with digest should be pulled and removed/, // the digest is of an image of the internet
  /runtime should support MaskedPaths/, // masks /bin/ls, and the shell of Debian's busybox has an ls of its own
]

before(async () => {
  if (why) return
  dir = mkdtempSync('/tmp/conformance-')
  registry = await startRegistryServer(join(dir, 'registry'))
  const host = `127.0.0.1:${registry.port}`
  mkdirSync(join(dir, 'work'))
  await pushStandIns(host, join(dir, 'work'))
  mkdirSync('/etc/containers', { recursive: true })
  writeFileSync('/etc/containers/registries.conf', ['registry.k8s.io', 'k8s.gcr.io', 'gcr.io'].map((prefix) =>
    `[[registry]]\nprefix = "${prefix}"\nlocation = "${host}"\ninsecure = true\n`).join('\n'))
})

after(async () => {
  if (why) return
  await registry?.stop()
  rmSync(dir, { recursive: true })
})

async function specsOf(t: TestContext, ...args: string[]): Promise<Spec[]> {
  const { socket, box } = await openCri(t, suite)
  // Who is root of a user namespace alone must come through to the containers' roots.
  chmodSync(box.dir, 0o711)
  const specs = await runCritest({ critest: critest!, socket, dir: box.dir, args })
  const count = (state: string) => specs.filter((spec) => spec.state === state).length
  t.diagnostic(`${count('passed')} passed, ${count('skipped')} skipped, ${specs.length} chosen`)
  return specs
}

const failed = (specs: readonly Spec[]) => specs.filter(({ state, name }) => state !== 'passed' && state !== 'skipped' && !IMPOSSIBLE.some((pattern) => pattern.test(name)))
  .map(({ state, name, message }) => `${state}: ${name}\n${message}`)

test('critest: no spec fails', { skip: why, timeout: 600_000 }, async (t) => {
  const specs = await specsOf(t)
  assert.deepEqual(failed(specs), [])
  assert.ok(specs.filter(({ state }) => state === 'passed').length > 70, `only ${specs.length} specs ran`)
})

for (const mode of ['exec', 'attach', 'portforward']) {
  test(`critest: ${mode} over WebSocket`, { skip: whyNoWebSocket, timeout: 600_000 }, async (t) => {
    const specs = await specsOf(t, `-websocket-${mode}`, '-ginkgo.focus=Streaming')
    assert.deepEqual(failed(specs), [])
    assert.ok(specs.some(({ state }) => state === 'passed'), 'no spec passed')
  })
}
