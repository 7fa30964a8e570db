import { mkdirSync } from 'node:fs'
import { Failure } from '../errors.ts'
import type { PodRequest } from '../state/pod-record.ts'
import type { AttachedNetwork } from '../state/container-status.ts'
import type { Engine } from './engine.ts'
import { pinPodNamespaces } from './pin-pod-namespaces.ts'
import { writePodFiles } from './pod-files.ts'
import { startPodInfra } from './pod-infra.ts'
import { randomId } from './random-name.ts'
import { recoverDead } from './recover.ts'
import { releasePod } from './release-pod.ts'
import { withUndo } from './undo.ts'

export type { PodRequest }

/**
 * Makes a pod: namespaces pinned without a process (but for a shared process table, which a pause process holds), network,
 * the files that its containers share. Killed at any point, the next command takes away what it had made.
 * @returns its id @throws exists (name), unavailable (no network), unsupported
 */
export async function runPod(engine: Engine, request: PodRequest): Promise<string> {
  await recoverDead(engine)
  if (request.user) throw new Failure('unsupported', 'pods with a user namespace of their own are not supported by this OCI runtime')
  const id = randomId()
  return withUndo(async (undo) => {
    const intentId = await engine.state.pods.reserve({ id, name: request.name, intent: { kind: 'pod', target: id, owner: engine.self, data: {} } })
    undo('take the pod back', async () => {
      await releasePod(engine, id)
      await engine.state.pods.remove({ id, intentId })
    })
    mkdirSync(engine.paths.pod(id).run, { recursive: true, mode: 0o711 })
    const { netns, networks } = request.network === 'pod' ? await joinNetwork(engine, id, request) : { networks: [] }
    await pinPodNamespaces(engine, { id, request, netns })
    writePodFiles(engine, { id, request, networks })
    const infraId = request.pid === 'pod' ? await startPodInfra(engine, { id, request, netns }) : undefined
    await engine.state.pods.insert({
      intentId, record: { version: 1, id, createdAtMs: Date.now(), request },
      status: { bootId: engine.self.bootId, networks, ...(netns ? { netns } : {}), ...(infraId ? { infraId } : {}) },
    })
    return id
  })
}

async function joinNetwork(engine: Engine, id: string, { name, kube, ports, bandwidth, dns, cgroupParent }: PodRequest): Promise<{ netns: string; networks: AttachedNetwork[] }> {
  const networks = await engine.networks()
  const network = await networks.defaultNetwork({ forKubernetes: kube !== undefined })
  await engine.state.containers.reservePorts({ id, ports: ports.map(({ hostIp = '', ...port }) => ({ ...port, hostIp })) }, { durable: false })
  const netns = await networks.createNetns(id)
  const results = await networks.attach({
    containerId: id, netns, networks: [{ name: network }], containerName: name,
    ...(kube ? { pod: kube } : {}), ...(ports.length ? { ports } : {}), ...(bandwidth ? { bandwidth } : {}), ...(dns ? { dns } : {}), ...(cgroupParent ? { cgroupPath: cgroupParent } : {}),
  })
  return { netns, networks: results.map(({ network: on, interface: interfaceName, ips, mac }) => ({ network: on, interfaceName, ips, ...(mac ? { mac } : {}) })) }
}
