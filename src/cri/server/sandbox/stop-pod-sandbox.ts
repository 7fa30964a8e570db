import { stopPod } from '../../../engine/stop-pod.ts'
import type { StopPodSandboxRequest, StopPodSandboxResponse } from '../../wire/generated/runtime-v1.ts'
import { findPodFacts } from '../find.ts'
import type { Rpc } from '../rpc.ts'

export const stopPodSandbox: Rpc<StopPodSandboxRequest, StopPodSandboxResponse> = async (server, { podSandboxId }) => {
  const facts = await findPodFacts(server, podSandboxId)
  if (facts) await stopPod(server.engine, facts.view.pod.id)
  return {}
}
