// Network plugins that fail, and first commands of a boot that clear up while pods are made already.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { NamespaceMode, PodSandboxState } from '../../src/cri/wire/generated/runtime-v1.ts'
import { faultyPlugin, type Faulty } from '../support/faulty.ts'
import { openSuite } from '../support/suite.ts'
import { openCri, podConfig, type Cri } from './cri.ts'

const suite = openSuite()
const ALONE = { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } } }
const LATER = '{"cniVersion":"1.0.0","code":11,"msg":"try again later"}'

function bridgePlugin(t: TestContext): Faulty {
  const dir = mkdtempSync('/tmp/plugins-')
  mkdirSync('/etc/containers', { recursive: true })
  writeFileSync('/etc/containers/containers.conf', `[network]\ncni_plugin_dirs = ["${dir}", "/usr/lib/cni"]\n`)
  t.after(() => rmSync('/etc/containers/containers.conf'))
  return faultyPlugin(dir, 'bridge')
}

const LEASES = '/var/lib/cni/networks/pods'
/** Pods that have an address. */
const addressed = (): string[] => readdirSync(LEASES).filter((name) => /^\d/.test(name)).map((name) => readFileSync(join(LEASES, name), 'utf8').split(/\s/)[0]!)
const newPod = async ({ runtime }: Cri): Promise<string> => (await runtime.runPodSandbox({ config: podConfig(ALONE) })).podSandboxId

test('a pod whose network cannot be left is neither stopped nor removed until it can', async (t) => {
  const plugin = bridgePlugin(t)
  const cri = await openCri(t, suite)
  const { runtime } = cri
  const podSandboxId = await newPod(cri)
  plugin.fail({ words: 'DEL', stdout: LATER })
  await assert.rejects(runtime.stopPodSandbox({ podSandboxId }), /try again later/)
  await assert.rejects(runtime.removePodSandbox({ podSandboxId }), /try again later/)
  await cri.restart('SIGKILL')
  assert.equal((await runtime.podSandboxStatus({ podSandboxId })).status?.state, PodSandboxState.SANDBOX_NOTREADY)
  plugin.heal()
  await runtime.stopPodSandbox({ podSandboxId })
  assert.deepEqual(addressed(), [])
  await runtime.stopPodSandbox({ podSandboxId })
  await runtime.removePodSandbox({ podSandboxId })
})

test('the first command of a boot leaves the network of a pod that has been made meanwhile', async (t) => {
  const cri = await openCri(t, suite)
  const id = await newPod(cri)
  // as the first command has it that began before the pod
  rmSync(join(cri.box.runRoot, 'recovered'))
  await cri.box.ok('create', suite.busybox, 'true')
  assert.ok(addressed().includes(id))
})
