import { LinuxContainerResources, type ContainerStatus, type ContainerStatusRequest, type ContainerStatusResponse, type DeepPartial } from '../../wire/generated/runtime-v1.ts'
import { specOf } from '../../../engine/spec-of.ts'
import { containerStatusOf, type ContainerFacts } from '../convert/container-status.ts'
import { needContainer } from '../find.ts'
import type { Rpc } from '../rpc.ts'
import type { Server } from '../server.ts'

export const containerStatus: Rpc<ContainerStatusRequest, ContainerStatusResponse> = async (server, { containerId, verbose }) => {
  const facts = await needContainer(server, containerId)
  return {
    status: statusOfContainer(server, facts),
    // the names of containerd and CRI-O, by which scripts find them
    info: verbose ? { info: JSON.stringify({ sandboxID: facts.row.podId, pid: facts.row.status.process?.pid ?? 0, runtimeSpec: await specOf(server.engine, facts.row.id), record: facts.record }) } : {},
  }
}

export function statusOfContainer({ sources }: Pick<Server, 'sources'>, facts: ContainerFacts): DeepPartial<ContainerStatus> {
  const { updated } = facts.row.status
  return containerStatusOf({
    ...facts, user: sources.user(facts.row.id),
    ...(updated === undefined ? {} : { resources: { linux: LinuxContainerResources.decode(Buffer.from(updated, 'base64')), windows: undefined } }),
  })
}
