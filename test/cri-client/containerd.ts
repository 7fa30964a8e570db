// containerd: own root, state, socket, CNI folder and pause image, all inside the jail.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startDaemon } from './daemon.ts'
import { PAUSE, pauseLayout } from './pause-image.ts'
import type { Server } from './peer.ts'

/** The first that speaks v1alpha2 alone, Debian's, and the second major version. */
export type ContainerdAge = '1.4' | '1.6' | '2'

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

/** From the PATH, with `ctr` and the shim beside it. Without `age` whichever is there. */
export async function startContainerd(dir: string, age?: ContainerdAge): Promise<Server> {
  const version = execFileSync('containerd', ['--version'], { encoding: 'utf8' }).split(' ')[2]!
  assert.ok(version.replace(/^v/, '').startsWith(`${age ?? ''}${age ? '.' : ''}`), `the PATH has containerd ${version}, not ${age}`)
  for (const name of ['root', 'state']) mkdirSync(join(dir, name))
  writeFileSync(join(dir, 'config.toml'), config(dir))
  const socket = join(dir, 'c.sock')
  const stop = await startDaemon(['containerd', '--config', join(dir, 'config.toml')], { socket, log: join(dir, 'log') })
  const archive = join(dir, 'pause.tar')
  execFileSync('tar', ['--create', '--file', archive, '--directory', pauseLayout(dir), '.'])
  execFileSync('ctr', ['--address', socket, '--namespace', 'k8s.io', 'images', 'import', '--base-name', PAUSE, archive], { stdio: 'pipe' })
  return { socket, stop }
}
