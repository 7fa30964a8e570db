// A node: our server and a real kubelet on it.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openCri, type Cri } from '../cri/cri.ts'
import type { Running } from '../support/box.ts'
import type { Suite } from '../support/suite.ts'
import { startKubelet, type Kubelet } from './kubelet.ts'

export interface Ran {
  readonly stdout: string
  readonly stderr: string
  readonly status: { readonly status: string; readonly details?: { readonly causes: readonly { readonly message: string }[] } }
}

export interface Node {
  readonly cri: Cri
  readonly kubelet: Kubelet
  /** A command in a container by the kubelet's own exec. */
  exec(pod: string, container: string, command: readonly string[], input?: string): Promise<Ran>
}

interface OpenNode {
  readonly program: string
  /** Of the server. */
  readonly args?: readonly string[]
  /** Settings of the kubelet. */
  readonly more?: object
}

/** At the end of the test both are stopped, and what the kubelet mounted is taken away. */
export async function openNode(t: TestContext, suite: Suite, { program, args = [], more = {} }: OpenNode): Promise<Node> {
  // The kubelet has its logs there, wherever its root is.
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/var/log'])
  // Hooks run in the order in which they were added: this before the server's.
  let leave = async (): Promise<void> => undefined
  t.after(() => leave())
  const cri = await openCri(t, suite, { args })
  // Who is root of a user namespace alone must come through to containers' roots and volumes.
  chmodSync(cri.box.dir, 0o711)
  const trace = process.env['SCOW_TEST_TRACE'] ? await openTrace(cri) : undefined
  const kubelet = await startKubelet({ program, socket: trace?.socket ?? cri.socket, dir: cri.box.dir, more })
  leave = async () => {
    await kubelet.stop()
    await trace?.close()
    // Pods, and with them the monitors that write below /var/log, first.
    for (const { id } of (await cri.runtime.listPodSandbox()).items) await cri.runtime.removePodSandbox({ podSandboxId: id })
    execFileSync('umount', ['/var/log'])
    for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n').reverse()) {
      const point = line.split(' ')[1] ?? ''
      if (`${point}/`.startsWith(join(cri.box.dir, 'kubelet/'))) execFileSync('umount', [point])
    }
  }
  return {
    cri, kubelet,
    exec: async (pod, container, command, input) => {
      const channels = await kubelet.open(`/exec/default/${pod}-node/${container}`, { command, output: '1', error: '1', ...(input === undefined ? {} : { input: '1' }) })
      if (input !== undefined) await channels.send(0, input)
      await channels.closed
      return { stdout: channels.said(1).toString(), stderr: channels.said(2).toString(), status: JSON.parse(channels.said(3).toString()) as Ran['status'] }
    },
  }
}

/** With SCOW_TEST_TRACE the kubelet asks through `cri trace`, whose record then tells of its pods. */
async function openTrace({ box, socket }: Cri): Promise<{ readonly socket: string; close(): Promise<void> }> {
  const [own, record] = [join(box.dir, 'traced.sock'), join(box.dir, 'record')]
  const running: Running = box.start(['cri', 'trace', `unix://${socket}`, '--listen', `unix://${own}`, '--record', record], { timeoutMs: 900_000 })
  await running.sees(/traced\.sock/)
  return {
    socket: own,
    async close() {
      running.kill('SIGINT')
      await running.end()
      const story = await box.ok('cri', 'trace', 'show', record)
      console.error(story)
      for (const word of ['RunPodSandbox', 'StartContainer']) assert.ok(story.includes(word), story)
    },
  }
}
