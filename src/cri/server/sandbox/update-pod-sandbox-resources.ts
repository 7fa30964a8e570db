import { UpdatePodSandboxResourcesRequest, type UpdatePodSandboxResourcesResponse } from '../../wire/generated/runtime-v1.ts'
import { needPod } from '../find.ts'
import type { Rpc } from '../rpc.ts'

/** The kubelet sets the pod's cgroup itself, and tells what it has set: it is kept. */
export const updatePodSandboxResources: Rpc<UpdatePodSandboxResourcesRequest, UpdatePodSandboxResourcesResponse> = async (server, request) => {
  const { view } = await needPod(server, request.podSandboxId)
  await server.engine.state.pods.change({ id: view.pod.id, status: { resources: Buffer.from(UpdatePodSandboxResourcesRequest.encode(request).finish()).toString('base64') } })
  return {}
}
