import { updatePodContainer } from '../../../engine/update-pod-container.ts'
import { LinuxContainerResources, type UpdateContainerResourcesRequest, type UpdateContainerResourcesResponse } from '../../wire/generated/runtime-v1.ts'
import { resourcesOf } from '../convert/resources.ts'
import { needContainer } from '../find.ts'
import type { Rpc } from '../rpc.ts'

/** Fields that aren't said stay as they are, and a container without swap has none with another memory limit; ContainerStatus tells what holds then. */
export const updateContainerResources: Rpc<UpdateContainerResourcesRequest, UpdateContainerResourcesResponse> = async (server, { containerId, linux }) => {
  const { row, config } = await needContainer(server, containerId)
  if (!linux) return {}
  const before = row.status.updated === undefined ? config.linux?.resources : LinuxContainerResources.decode(Buffer.from(row.status.updated, 'base64'))
  const given = Object.entries(linux).filter(([, value]) => value !== 0n && value !== '' && !(Array.isArray(value) && value.length === 0) && !(typeof value === 'object' && Object.keys(value).length === 0))
  const follows = linux.memoryLimitInBytes !== 0n && linux.memorySwapLimitInBytes === 0n && before?.memorySwapLimitInBytes === before?.memoryLimitInBytes
  const merged = LinuxContainerResources.fromPartial({ ...before, ...Object.fromEntries(given), ...(follows ? { memorySwapLimitInBytes: linux.memoryLimitInBytes } : {}), unified: { ...before?.unified, ...linux.unified } })
  await updatePodContainer(server.engine, row.id, { resources: resourcesOf(merged), source: Buffer.from(LinuxContainerResources.encode(merged).finish()).toString('base64') })
  return {}
}
