import type { Container, ContainerFilter, DeepPartial, ListContainersRequest, ListContainersResponse, StreamContainersRequest, StreamContainersResponse } from '../../wire/generated/runtime-v1.ts'
import { batches } from '../batches.ts'
import { containerOf, stateOf } from '../convert/container-status.ts'
import { hasLabels, listContainerFacts } from '../find.ts'
import type { Rpc, StreamRpc } from '../rpc.ts'
import type { Server } from '../server.ts'

export const listContainers: Rpc<ListContainersRequest, ListContainersResponse> = async (server, { filter }) => ({ containers: await matching(server, filter) })

export const streamContainers: StreamRpc<StreamContainersRequest, StreamContainersResponse> = async function* (server, { filter }) {
  for (const containers of batches(await matching(server, filter))) yield { containers }
}

async function matching(server: Server, filter: ContainerFilter | undefined): Promise<DeepPartial<Container>[]> {
  return (await listContainerFacts(server))
    .filter(({ row, config }) => row.id.startsWith(filter?.id ?? '') && row.podId!.startsWith(filter?.podSandboxId ?? '')
      && (!filter?.state || stateOf(row) === filter.state.state) && hasLabels(config.labels, filter?.labelSelector))
    .map(containerOf)
}
