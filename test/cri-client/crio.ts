// CRI-O from the PATH, with `pinns` and the conmon that the PATH has first; all of its own below one directory.
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startDaemon } from './daemon.ts'
import { PAUSE, pauseLayout } from './pause-image.ts'
import type { Server } from './peer.ts'
import { inPath, runcPath } from './runc.ts'

const config = (dir: string): string => `
[crio]
root = "${dir}/root"
runroot = "${dir}/run"
storage_driver = "overlay"
storage_option = []
log_dir = "${dir}/log-dir"
version_file = "${dir}/version"
clean_shutdown_file = "${dir}/clean.shutdown"
[crio.api]
listen = "${dir}/c.sock"
stream_port = "0"
[crio.runtime]
cgroup_manager = "cgroupfs"
conmon_cgroup = "pod"
default_runtime = "runc"
apparmor_profile = "unconfined"
container_exits_dir = "${dir}/exits"
container_attach_socket_dir = "${dir}/attach"
namespaces_dir = "${dir}/namespaces"
pinns_path = "${inPath('pinns')}"
hooks_dir = []
enable_pod_events = true
[crio.runtime.runtimes.runc]
runtime_path = "${runcPath(dir)}"
runtime_root = "${dir}/runc"
monitor_path = "${inPath('conmon')}"
monitor_cgroup = "pod"
[crio.image]
pause_image = "${PAUSE}:1"
pause_command = "/pause"
signature_policy = "${dir}/policy.json"
signature_policy_dir = "${dir}/policies"
[crio.network]
network_dir = "${dir}/cni"
plugin_dirs = ["/usr/lib/cni"]
[crio.metrics]
enable_metrics = false
[crio.stats]
included_pod_metrics = ["all"]
[crio.nri]
enable_nri = false
`

/** The registries of the tests speak plain HTTP. */
const REGISTRIES = `[[registry]]\nprefix = "127.0.0.1"\nlocation = "127.0.0.1"\ninsecure = true\n`

export async function startCrio(dir: string): Promise<Server> {
  const socket = join(dir, 'c.sock')
  writeFileSync(join(dir, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}')
  writeFileSync(join(dir, 'crio.conf'), config(dir))
  for (const name of ['policies', 'conf.d']) mkdirSync(join(dir, name))
  execFileSync('skopeo', ['--insecure-policy', 'copy', `oci:${pauseLayout(dir)}:1`, `containers-storage:[overlay@${dir}/root+${dir}/run]${PAUSE}:1`], { stdio: 'pipe' })
  mkdirSync('/etc/containers/registries.conf.d', { recursive: true })
  writeFileSync('/etc/containers/registries.conf.d/cri-client.conf', REGISTRIES)
  const stop = await startDaemon(['crio', '--config', join(dir, 'crio.conf'), '--config-dir', join(dir, 'conf.d')], { socket, log: join(dir, 'log') })
  return { socket, stop }
}
