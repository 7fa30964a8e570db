import { mkdirSync } from 'node:fs'
import type { PodRequest } from '../state/pod-record.ts'
import type { AttachedNetwork } from '../state/container-status.ts'
import type { Engine } from './engine.ts'
import { ownKinds, pinPodNamespaces } from './pin-pod-namespaces.ts'
import { writePodFiles } from './pod-files.ts'
import { startPodInfra } from './pod-infra.ts'
import { randomId } from './random-name.ts'
import { recoverDead } from './recover.ts'
import { releasePod } from './release-pod.ts'
import { withUndo } from './undo.ts'
import { needUserNamespaces } from './user-namespaces.ts'

export type { PodRequest }

/**
 * Makes a pod: namespaces pinned without a process (but for a shared process table, which a pause process holds), network,
 * the files that its containers share. Killed at any point, the next command takes away what it had made.
 * @returns its id @throws exists (name), unavailable (no network), unsupported
 */
export async function runPod(engine: Engine, request: PodRequest): Promise<string> {
  await recoverDead(engine)
  if (request.user) await needUserNamespaces(engine, request.runtime)
  const id = randomId()
  return withUndo(async (undo) => {
    const intentId = await engine.state.pods.reserve({ id, name: request.name, intent: { kind: 'pod', target: id, owner: engine.self, data: {} } })
    undo('take the pod back', async () => {
      await releasePod(engine, id)
      await engine.state.pods.remove({ id, intentId })
    })
    mkdirSync(engine.paths.pod(id).run, { recursive: true, mode: 0o711 })
    const { netns, networks } = await makeNamespaces(engine, id, request)
    await writePodFiles(engine, { id, request, networks })
    const infraId = request.pid === 'pod' ? await startPodInfra(engine, { id, request, netns }) : undefined
    await engine.state.pods.insert({
      intentId, record: { version: 1, id, createdAtMs: Date.now(), request },
      status: { bootId: engine.self.bootId, networks, ...(netns ? { netns } : {}), ...(infraId ? { infraId } : {}) },
    })
    return id
  })
}

interface Joined { readonly netns?: string; readonly networks: AttachedNetwork[] }

async function makeNamespaces(engine: Engine, id: string, request: PodRequest): Promise<Joined> {
  const held = request.user && await (await import('../process/hold-namespaces.ts')).holdNamespaces(request.user, [...(request.network === 'pod' ? ['net' as const] : []), ...ownKinds(request)])
  try {
    const joined: Joined = request.network === 'pod' ? await joinNetwork(engine, { id, request, source: held?.path('net') }) : { networks: [] }
    await pinPodNamespaces(engine, { id, request, netns: joined.netns, held })
    return joined
  } finally {
    await held?.release()
  }
}

async function joinNetwork(engine: Engine, { id, request, source }: { id: string; request: PodRequest; source: string | undefined }): Promise<Joined> {
  const { name, kube, networkName = true, ports, bandwidth, dns, cgroupParent } = request
  const networks = await engine.networks()
  const network = await networks.defaultNetwork({ forKubernetes: kube !== undefined && networkName })
  await engine.state.containers.reservePorts({ id, ports: ports.map(({ hostIp = '', ...port }) => ({ ...port, hostIp })) }, { durable: false })
  const netns = await networks.createNetns(id, source)
  const results = await networks.attach({
    containerId: id, netns, networks: [{ name: network }], containerName: name,
    ...(kube ? { pod: kube } : {}), ...(ports.length ? { ports } : {}), ...(bandwidth ? { bandwidth } : {}), ...(dns ? { dns } : {}), ...(cgroupParent ? { cgroupPath: cgroupParent } : {}),
  })
  return { netns, networks: results.map(({ network: on, interface: interfaceName, ips, mac }) => ({ network: on, interfaceName, ips, ...(mac ? { mac } : {}) })) }
}
