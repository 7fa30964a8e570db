import type { Connection } from '../../cri/client/connection.ts'

/**
 * Stops a pod that nobody waits for. Its containers go first: with the pod alone CRI-O gives them as long to end by
 * themselves as the call may take, where others kill them.
 */
export async function endPod(runtime: Connection, podSandboxId: string): Promise<void> {
  const { RuntimeServiceService: Runtime, ContainerState, ListContainersRequest, StopContainerRequest, StopPodSandboxRequest } = await import('../../cri/wire/generated/runtime-v1.ts')
  const running = ListContainersRequest.fromPartial({ filter: { podSandboxId, state: { state: ContainerState.CONTAINER_RUNNING } } })
  try {
    const { containers } = await runtime.call(Runtime.listContainers, running)
    await Promise.all(containers.map(({ id }) => runtime.call(Runtime.stopContainer, StopContainerRequest.fromPartial({ containerId: id, timeout: 0n }))))
  } catch { /* they end with the pod at the latest, and its own error counts */ }
  await runtime.call(Runtime.stopPodSandbox, StopPodSandboxRequest.fromPartial({ podSandboxId }))
}
