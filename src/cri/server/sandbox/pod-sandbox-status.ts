import type { PodSandboxStatusRequest, PodSandboxStatusResponse } from '../../wire/generated/runtime-v1.ts'
import { podStatusOf } from '../convert/pod-status.ts'
import { nanoseconds } from '../convert/times.ts'
import { statusOfContainer } from '../container/container-status.ts'
import { factsOf, needPod } from '../find.ts'
import type { Rpc } from '../rpc.ts'

export const podSandboxStatus: Rpc<PodSandboxStatusRequest, PodSandboxStatusResponse> = async (server, { podSandboxId, verbose }) => {
  const facts = await needPod(server, podSandboxId)
  const containers = await Promise.all(facts.view.containers.map((row) => factsOf(server, row)))
  return {
    status: podStatusOf(facts),
    info: verbose ? { info: JSON.stringify({ record: facts.view.pod.record, status: facts.view.pod.status }) } : {},
    containersStatuses: await Promise.all(containers.flatMap((one) => (one ? [statusOfContainer(server, one)] : []))),
    timestamp: nanoseconds(Date.now()),
  }
}
