import { startPodContainer } from '../../../engine/start-pod-container.ts'
import type { StartContainerRequest, StartContainerResponse } from '../../wire/generated/runtime-v1.ts'
import { needContainer } from '../find.ts'
import type { Rpc } from '../rpc.ts'

export const startContainer: Rpc<StartContainerRequest, StartContainerResponse> = async (server, { containerId }) => {
  const { row } = await needContainer(server, containerId)
  await startPodContainer(server.engine, row.id)
  return {}
}
