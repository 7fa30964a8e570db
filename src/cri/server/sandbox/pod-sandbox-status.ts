import type { PodSandboxStatusRequest, PodSandboxStatusResponse } from '../../wire/generated/runtime-v1.ts'
import { podNamespaces } from '../../../engine/pin-pod-namespaces.ts'
import { podStatusOf, type PodFacts } from '../convert/pod-status.ts'
import { nanoseconds } from '../convert/times.ts'
import { statusOfContainer } from '../container/container-status.ts'
import { factsOf, needPod } from '../find.ts'
import type { Rpc } from '../rpc.ts'
import type { Server } from '../server.ts'

export const podSandboxStatus: Rpc<PodSandboxStatusRequest, PodSandboxStatusResponse> = async (server, { podSandboxId, verbose }) => {
  const facts = await needPod(server, podSandboxId)
  const containers = await Promise.all(facts.view.containers.map((row) => factsOf(server, row)))
  return {
    status: podStatusOf(facts),
    info: verbose ? { info: JSON.stringify(await infoOf(server, facts.view.pod)) } : {},
    containersStatuses: await Promise.all(containers.flatMap((one) => (one ? [statusOfContainer(server, one)] : []))),
    timestamp: nanoseconds(Date.now()),
  }
}

/** Under the names of containerd and CRI-O, by which scripts find them: the pause process, 0 for a pod without one, and where the namespaces are. */
async function infoOf({ engine }: Server, pod: PodFacts['view']['pod']): Promise<object> {
  const { infraId } = pod.status
  const infra = infraId === undefined ? undefined : await engine.state.containers.get(infraId)
  return { pid: infra?.status.process?.pid ?? 0, runtimeSpec: { linux: { namespaces: podNamespaces(engine, pod) } }, record: pod.record, status: pod.status }
}
