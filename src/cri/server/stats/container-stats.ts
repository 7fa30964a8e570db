import { containerUsage } from '../../../engine/pod-usage.ts'
import {
  ContainerStats, type ContainerStatsFilter, type ContainerStatsRequest, type ContainerStatsResponse, type DeepPartial, type ListContainerStatsRequest,
  type StreamContainerStatsRequest, type StreamContainerStatsResponse,
} from '../../wire/generated/runtime-v1.ts'
import { batches } from '../batches.ts'
import type { ContainerFacts } from '../convert/container-status.ts'
import { statsOf } from '../convert/usage.ts'
import { hasLabels, listContainerFacts, needContainer } from '../find.ts'
import { listedOneByOne, oneByOne } from '../one-by-one.ts'
import type { EncodedRpc, Rpc, StreamRpc } from '../rpc.ts'
import type { Server } from '../server.ts'

export const containerStats: Rpc<ContainerStatsRequest, ContainerStatsResponse> = async (server, { containerId }) =>
  ({ stats: await statsOfContainer(server, await needContainer(server, containerId)) })

export const listContainerStats: EncodedRpc<ListContainerStatsRequest> = async (server, { filter }) =>
  listedOneByOne(await matching(server, filter), (facts) => statsOfContainer(server, facts), ContainerStats)

export const streamContainerStats: StreamRpc<StreamContainerStatsRequest, StreamContainerStatsResponse> = async function* (server, { filter }) {
  for (const facts of batches(await matching(server, filter))) yield { containerStats: await oneByOne(facts, (one) => statsOfContainer(server, one)) }
}

/** Of one that doesn't run, its layer alone is told. */
export async function statsOfContainer({ sampler }: Pick<Server, 'sampler'>, { row, config }: ContainerFacts, usage = containerUsage(row)): Promise<DeepPartial<ContainerStats>> {
  return statsOf({ id: row.id, metadata: config.metadata, labels: config.labels, annotations: config.annotations },
    { usage, nanoCores: usage && sampler.nanoCores(row.id, usage), writable: await sampler.writable(row.id) })
}

async function matching(server: Server, filter: ContainerStatsFilter | undefined): Promise<ContainerFacts[]> {
  return (await listContainerFacts(server)).filter(({ row, config }) =>
    row.id.startsWith(filter?.id ?? '') && row.podId!.startsWith(filter?.podSandboxId ?? '') && hasLabels(config.labels, filter?.labelSelector))
}
