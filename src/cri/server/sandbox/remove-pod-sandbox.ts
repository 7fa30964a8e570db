import { removePod } from '../../../engine/stop-pod.ts'
import type { RemovePodSandboxRequest, RemovePodSandboxResponse } from '../../wire/generated/runtime-v1.ts'
import { findPodFacts } from '../find.ts'
import type { Rpc } from '../rpc.ts'

export const removePodSandbox: Rpc<RemovePodSandboxRequest, RemovePodSandboxResponse> = async (server, { podSandboxId }) => {
  const facts = await findPodFacts(server, podSandboxId)
  if (facts) await removePod(server.engine, facts.view.pod.id)
  return {}
}
