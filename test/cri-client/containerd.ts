// Debian's containerd for one test file: own root, state, socket, CNI folder and pause image, all inside the jail.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkout, openProgram, type Program } from './program.ts'
import { openRegistry, type Registry } from '../support/registry.ts'

const PAUSE = 'scow.test/pause'

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

const CNI = {
  cniVersion: '0.4.0', name: 'cri-client', plugins: [
    { type: 'bridge', bridge: 'cri0', isGateway: true, ipam: { type: 'host-local', dataDir: '/run/cri-client-ipam', ranges: [[{ subnet: '10.77.0.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] } },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
}

const config = (dir: string): string => `
version = 2
root = "${dir}/root"
state = "${dir}/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]
[grpc]
  address = "${dir}/c.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE}:1"
  disable_apparmor = true
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
  default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "${dir}/cni"
`

/** To be called at the top of a test file: one runtime for all its tests, and what they all need in it. */
export function openContainerd(setUp: (runtime: Runtime) => Promise<void> = async () => {}): Runtime {
  let opened: (Runtime & { stop(): Promise<void> }) | undefined
  before(async () => {
    opened = await start()
    await setUp(opened)
  })
  after(() => opened?.stop())
  return new Proxy({} as Runtime, { get: (_, key) => { assert.ok(opened, 'the runtime is open only while tests run'); return opened[key as keyof Runtime] } })
}

async function start(): Promise<Runtime & { stop(): Promise<void> }> {
  const dir = mkdtempSync('/tmp/containerd-')
  for (const name of ['root', 'state', 'cni', 'logs']) mkdirSync(join(dir, name))
  writeFileSync(join(dir, 'cni/10-test.conflist'), JSON.stringify(CNI))
  writeFileSync(join(dir, 'config.toml'), config(dir))
  const log = openSync(join(dir, 'log'), 'w')
  const child = spawn('containerd', ['--config', join(dir, 'config.toml')], { stdio: ['ignore', log, log] })
  const socket = join(dir, 'c.sock')
  for (let tries = 0; !existsSync(socket); tries++) {
    assert.ok(child.exitCode === null && tries < 400, `containerd did not start:\n${readFileSync(join(dir, 'log'), 'utf8').slice(-3000)}`)
    await sleep(25)
  }
  execFileSync('ctr', ['--address', socket, '--namespace', 'k8s.io', 'images', 'import', '--base-name', PAUSE, pauseImage(dir)], { stdio: 'pipe' })
  const registry = await openRegistry()
  const endpoint = `unix://${socket}`
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
      const id = await crictl.ok('runp', podFile)
      const made = await crictl.ok('create', id, containerFile, podFile)
      await crictl.ok('start', made)
      return { pod: id, container: made }
    },
    async stop() {
      await crictl.run(['rmp', '-a', '-f'])
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
      await registry.close()
      for (const point of readFileSync('/proc/self/mounts', 'utf8').split('\n').map((line) => line.split(' ')[1] ?? '').filter((path) => path.startsWith(`${dir}/`)).reverse()) execFileSync('umount', [point])
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** An archive of an image that only sleeps, from our own pause. */
function pauseImage(dir: string): string {
  const work = join(dir, 'pause')
  mkdirSync(join(work, 'tree'), { recursive: true })
  copyFileSync(join(checkout, 'dist/pause'), join(work, 'tree/pause'))
  const run = (file: string, ...args: string[]) => execFileSync(file, args, { stdio: 'pipe' })
  run('tar', '--create', '--file', join(work, 'layer.tar'), '--directory', join(work, 'tree'), '.')
  const image = `${work}/layout:1`
  run('umoci', 'init', '--layout', join(work, 'layout'))
  run('umoci', 'new', '--image', image)
  run('umoci', 'raw', 'add-layer', '--image', image, join(work, 'layer.tar'))
  run('umoci', 'config', '--image', image, '--config.entrypoint', '/pause')
  run('tar', '--create', '--file', join(work, 'pause.tar'), '--directory', join(work, 'layout'), '.')
  return join(work, 'pause.tar')
}
