// The pause process, which a pod has only where its containers share a process table.
import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileLabel, setFileLabel } from '../fs/file-label.ts'
import { builtFile } from '../paths.ts'
import type { ContainerRequest } from '../spec/request.ts'
import type { PodRequest } from '../state/pod-record.ts'
import { createContainer } from './create-container.ts'
import type { Engine } from './engine.ts'
import { podPin } from './pin-pod-namespaces.ts'
import { shownName } from './pod-name.ts'
import { layerLabel } from './selinux-labels.ts'
import { startContainer } from './start-container.ts'

/** Marks the container that is no workload: listings of the CRI leave it out. */
export const INFRA_LABEL = 'io.scow.pod.infra'

export async function startPodInfra(engine: Engine, { id, request, netns }: { id: string; request: PodRequest; netns: string | undefined }): Promise<string> {
  await installPause(engine)
  const infraId = await createContainer(engine, { pod: { id, name: shownName(request) }, request: infraRequest(engine, { id, request, netns }) })
  await startContainer(engine, infraId, { exitProgram: false })
  return infraId
}

const infraRequest = (engine: Engine, { id, request, netns }: { id: string; request: PodRequest; netns: string | undefined }): ContainerRequest => ({
  name: `${id.slice(0, 12)}-infra`,
  rootfs: { path: engine.paths.pauseRoot },
  command: ['/pause'], env: [], terminal: false, stdin: false, labels: [[INFRA_LABEL, id]], annotations: [], mounts: [], devices: [], ports: [],
  readOnlyRootfs: true, managePasswd: false, noHosts: true,
  network: netns ? { kind: 'path', path: netns } : { kind: 'host' },
  namespaces: {
    pid: { kind: 'private' },
    ipc: request.ipc === 'pod' ? { kind: 'path', path: podPin(engine, id, 'ipc') } : { kind: 'host' },
    uts: netns ? { kind: 'path', path: podPin(engine, id, 'uts') } : { kind: 'host' },
    cgroup: { kind: 'host' },
    ...(request.user ? { user: { kind: 'path', path: podPin(engine, id, 'user') } } : {}),
  },
  ...(request.user ? { idMappings: request.user } : {}),
  security: { noNewPrivileges: true, capDrop: ['ALL'], ...(request.selinux ? { selinux: request.selinux } : {}) },
  resources: { cpuShares: 2 }, sysctls: [], oomScoreAdj: -998, log: { driver: 'none' }, restart: { name: 'no' },
  ...(request.cgroupParent ? { cgroupParent: request.cgroupParent } : {}), ...(request.runtime ? { runtime: request.runtime } : {}),
})

/** What is mounted upon: root of a user namespace could not make it. */
const MOUNT_POINTS = ['etc/hostname', 'etc/resolv.conf', 'run/.containerenv']

/** A root file system with nothing but the program and the mount points that every container gets. */
async function installPause(engine: Pick<Engine, 'config' | 'paths'>): Promise<void> {
  makePauseRoot(engine)
  const label = layerLabel(engine)
  if (label !== undefined && fileLabel(join(engine.paths.pauseRoot, 'pause')) !== label) await setFileLabel(engine.paths.pauseRoot, label)
}

function makePauseRoot({ paths }: Pick<Engine, 'paths'>): void {
  const target = join(paths.pauseRoot, 'pause')
  if (existsSync(target) && MOUNT_POINTS.every((file) => existsSync(join(paths.pauseRoot, file)))) return
  for (const dir of ['dev', 'proc', 'sys', 'run', 'etc', 'tmp', 'var/tmp']) mkdirSync(join(paths.pauseRoot, dir), { recursive: true })
  for (const file of MOUNT_POINTS) writeFileSync(join(paths.pauseRoot, file), '', { flag: 'a' })
  const temporary = join(paths.pauseRoot, `.pause.${process.pid}`)
  copyFileSync(builtFile('pause'), temporary)
  chmodSync(temporary, 0o755)
  renameSync(temporary, target)
}
