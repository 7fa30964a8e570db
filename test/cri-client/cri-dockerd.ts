// cri-dockerd over a dockerd of its own, both from the PATH, with docker's containerd.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, mkdirSync, writeFileSync } from 'node:fs'
import { request, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { startDaemon } from './daemon.ts'
import { PAUSE, pauseLayout } from './pause-image.ts'
import type { Server } from './peer.ts'
import { runcPath } from './runc.ts'

export async function startCriDockerd(dir: string): Promise<Server> {
  const [docker, socket] = [join(dir, 'docker.sock'), join(dir, 'c.sock')]
  mkdirSync(join(dir, 'docker'))
  writeFileSync(join(dir, 'docker/daemon.json'), JSON.stringify({
    'data-root': join(dir, 'root'), 'exec-root': join(dir, 'run'), pidfile: join(dir, 'docker.pid'), hosts: [`unix://${docker}`],
    bridge: 'none', iptables: false, 'insecure-registries': ['127.0.0.0/8'], 'storage-driver': 'overlay2', runtimes: { tested: { path: runcPath(dir) } }, 'default-runtime': 'tested',
  }))
  const stopDocker = await startDaemon(['dockerd', '--config-file', join(dir, 'docker/daemon.json')], { socket: docker, log: join(dir, 'docker.log') })
  try {
    await loadPause(dir, docker)
    const stop = await startDaemon(['cri-dockerd', '--container-runtime-endpoint', `unix://${socket}`, '--docker-endpoint', `unix://${docker}`, '--pod-infra-container-image', `${PAUSE}:1`,
      '--network-plugin', 'cni', '--cni-conf-dir', join(dir, 'cni'), '--cni-bin-dir', '/usr/lib/cni', '--cni-cache-dir', join(dir, 'cni-cache'), '--cri-dockerd-root-directory', join(dir, 'cri-dockerd'), '--streaming-bind-addr', '127.0.0.1:10250'], { socket, log: join(dir, 'log') })
    return { socket, stop: async () => { await stop(); await stopDocker() } }
  } catch (error) {
    await stopDocker()
    throw error
  }
}

async function loadPause(dir: string, socketPath: string): Promise<void> {
  const archive = join(dir, 'pause.tar')
  execFileSync('skopeo', ['--insecure-policy', 'copy', `oci:${pauseLayout(dir)}:1`, `docker-archive:${archive}:${PAUSE}:1`], { stdio: 'pipe' })
  const loading = request({ socketPath, path: '/images/load', method: 'POST', headers: { 'content-type': 'application/x-tar' } })
  createReadStream(archive).pipe(loading)
  const [answer] = await once(loading, 'response') as [IncomingMessage]
  const said = await text(answer)
  assert.ok(answer.statusCode === 200 && said.includes('Loaded'), said)
}
