// Debian's containerd: own root, state, socket, CNI folder and pause image, all inside the jail.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkout } from './program.ts'
import type { Server } from './runtime.ts'

const PAUSE = 'scow.test/pause'

/** Of pods, whoever runs them. */
export const CNI = {
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

export async function startContainerd(dir: string): Promise<Server> {
  for (const name of ['root', 'state']) mkdirSync(join(dir, name))
  writeFileSync(join(dir, 'config.toml'), config(dir))
  const log = openSync(join(dir, 'log'), 'w')
  const child = spawn('containerd', ['--config', join(dir, 'config.toml')], { stdio: ['ignore', log, log] })
  const socket = join(dir, 'c.sock')
  for (let tries = 0; !existsSync(socket); tries++) {
    assert.ok(child.exitCode === null && tries < 400, `containerd did not start:\n${readFileSync(join(dir, 'log'), 'utf8').slice(-3000)}`)
    await sleep(25)
  }
  execFileSync('ctr', ['--address', socket, '--namespace', 'k8s.io', 'images', 'import', '--base-name', PAUSE, pauseImage(dir)], { stdio: 'pipe' })
  return {
    socket,
    async stop() {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
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
