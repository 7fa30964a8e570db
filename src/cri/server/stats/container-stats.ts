import { containerUsage } from '../../../engine/pod-usage.ts'
import type {
  ContainerStats, ContainerStatsFilter, ContainerStatsRequest, ContainerStatsResponse, DeepPartial, ListContainerStatsRequest, ListContainerStatsResponse,
  StreamContainerStatsRequest, StreamContainerStatsResponse,
} from '../../wire/generated/runtime-v1.ts'
import { batches } from '../batches.ts'
import type { ContainerFacts } from '../convert/container-status.ts'
import { statsOf } from '../convert/usage.ts'
import { hasLabels, listContainerFacts, needContainer } from '../find.ts'
import { oneByOne } from '../one-by-one.ts'
import type { Rpc, StreamRpc } from '../rpc.ts'
import type { Server } from '../server.ts'

export const containerStats: Rpc<ContainerStatsRequest, ContainerStatsResponse> = async (server, { containerId }) =>
  ({ stats: await statsOfContainer(server, await needContainer(server, containerId)) })

export const listContainerStats: Rpc<ListContainerStatsRequest, ListContainerStatsResponse> = async (server, { filter }) => ({ stats: await matching(server, filter) })

export const streamContainerStats: StreamRpc<StreamContainerStatsRequest, StreamContainerStatsResponse> = async function* (server, { filter }) {
  for (const containerStats of batches(await matching(server, filter))) yield { containerStats }
}

/** Of one that doesn't run, its layer alone is told. */
export async function statsOfContainer({ sampler }: Pick<Server, 'sampler'>, { row, config }: ContainerFacts, usage = containerUsage(row)): Promise<DeepPartial<ContainerStats>> {
  return statsOf({ id: row.id, metadata: config.metadata, labels: config.labels, annotations: config.annotations },
    { usage, nanoCores: usage && sampler.nanoCores(row.id, usage), writable: await sampler.writable(row.id) })
}

async function matching(server: Server, filter: ContainerStatsFilter | undefined): Promise<DeepPartial<ContainerStats>[]> {
  const facts = (await listContainerFacts(server)).filter(({ row, config }) =>
    row.id.startsWith(filter?.id ?? '') && row.podId!.startsWith(filter?.podSandboxId ?? '') && hasLabels(config.labels, filter?.labelSelector))
  return oneByOne(facts, (one) => statsOfContainer(server, one))
}
