import { startPodContainer } from '../../../engine/start-pod-container.ts'
import { applyLimits } from '../../../engine/update-pod-container.ts'
import { LinuxContainerResources, type StartContainerRequest, type StartContainerResponse } from '../../wire/generated/runtime-v1.ts'
import { resourcesOf } from '../convert/resources.ts'
import { needContainer } from '../find.ts'
import type { Rpc } from '../rpc.ts'

export const startContainer: Rpc<StartContainerRequest, StartContainerResponse> = async (server, { containerId }) => {
  const { row } = await needContainer(server, containerId)
  await startPodContainer(server.engine, row.id)
  if (row.status.updated !== undefined) await applyLimits(server.engine, row.id, resourcesOf(LinuxContainerResources.decode(Buffer.from(row.status.updated, 'base64'))))
  return {}
}
