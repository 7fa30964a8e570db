// The runtime that a test file talks to: Debian's containerd, or the peer that SCOW_TEST_CRI names (peer.ts).
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { peer } from './peer.ts'
import { CNI } from './pod-network.ts'
import { openProgram, type Program } from './program.ts'
import { openRegistry, type Registry } from '../support/registry.ts'

export interface Runtime {
  readonly dir: string
  /** `unix:///...`. */
  readonly endpoint: string
  readonly busybox: string
  readonly registry: Registry
  /** The client under the name crictl, with the endpoint in its environment. */
  readonly crictl: Program
  /** The same as `scow cri`. */
  readonly cri: Program
  /** Runs a pod and a container from files, and starts it: ids. */
  run(config: { readonly name?: string; readonly command: readonly string[]; readonly pod?: object; readonly container?: object }): Promise<{ pod: string; container: string }>
}

/** To be called at the top of a test file: one runtime for all its tests, and what they all need in it. */
export function openRuntime(setUp: (runtime: Runtime) => Promise<void> = async () => {}): Runtime {
  let opened: (Runtime & { stop(): Promise<void> }) | undefined
  before(async () => {
    opened = await start()
    await setUp(opened)
  })
  after(() => opened?.stop())
  return new Proxy({} as Runtime, { get: (_, key) => { assert.ok(opened, 'the runtime is open only while tests run'); return opened[key as keyof Runtime] } })
}

async function start(): Promise<Runtime & { stop(): Promise<void> }> {
  const dir = mkdtempSync('/tmp/cri-')
  for (const name of ['logs', 'cni']) mkdirSync(join(dir, name))
  writeFileSync(join(dir, 'cni/10-test.conflist'), JSON.stringify(CNI))
  const server = await peer.start(dir)
  const registry = await openRegistry()
  const endpoint = `unix://${server.socket}`
  const env = { CONTAINER_RUNTIME_ENDPOINT: endpoint, HOME: dir }
  const crictl = openProgram({ dir, name: 'crictl', env })
  const busybox = `${registry.host}/busybox:1`
  await crictl.ok('pull', busybox)
  let pods = 0
  return {
    dir, endpoint, busybox, registry, crictl, cri: openProgram({ dir, name: 'scow', before: ['cri'], env }),
    async run({ name = `pod${pods}`, command, pod = {}, container = {} }) {
      const [podFile, containerFile] = [join(dir, `pod-${++pods}.json`), join(dir, `container-${pods}.json`)]
      const labels = { 'io.kubernetes.pod.name': name, 'io.kubernetes.pod.namespace': 'default' }
      writeFileSync(podFile, JSON.stringify({ metadata: { name, namespace: 'default', uid: `uid-${pods}`, attempt: 0 }, log_directory: join(dir, 'logs', name), linux: {}, ...pod }))
      writeFileSync(containerFile, JSON.stringify({ metadata: { name: 'main' }, image: { image: busybox }, command, log_path: 'main/0.log', labels, linux: {}, ...container }))
      // as the kubelet does: CRI-O makes no directory of a container's log
      mkdirSync(join(dir, 'logs', name, 'main'), { recursive: true })
      const id = await crictl.ok('runp', podFile)
      const made = await crictl.ok('create', id, containerFile, podFile)
      await crictl.ok('start', made)
      return { pod: id, container: made }
    },
    async stop() {
      await crictl.run(['rmp', '-a', '-f'])
      await server.stop()
      await registry.close()
      for (const point of readFileSync('/proc/self/mounts', 'utf8').split('\n').map((line) => line.split(' ')[1] ?? '').filter((path) => path.startsWith(`${dir}/`)).reverse()) execFileSync('umount', [point])
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
