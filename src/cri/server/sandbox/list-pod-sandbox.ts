import type { DeepPartial, ListPodSandboxRequest, ListPodSandboxResponse, PodSandbox, PodSandboxFilter, StreamPodSandboxesRequest, StreamPodSandboxesResponse } from '../../wire/generated/runtime-v1.ts'
import { podSandboxOf, podStateOf } from '../convert/pod-status.ts'
import { batches } from '../batches.ts'
import { hasLabels, listPodFacts } from '../find.ts'
import type { Rpc, StreamRpc } from '../rpc.ts'
import type { Server } from '../server.ts'

export const listPodSandbox: Rpc<ListPodSandboxRequest, ListPodSandboxResponse> = async (server, { filter }) => ({ items: await matching(server, filter) })

export const streamPodSandboxes: StreamRpc<StreamPodSandboxesRequest, StreamPodSandboxesResponse> = async function* (server, { filter }) {
  for (const podSandboxes of batches(await matching(server, filter))) yield { podSandboxes }
}

async function matching(server: Server, filter: PodSandboxFilter | undefined): Promise<DeepPartial<PodSandbox>[]> {
  return (await listPodFacts(server))
    .filter(({ view, source }) => view.pod.id.startsWith(filter?.id ?? '') && (!filter?.state || podStateOf(view) === filter.state.state) && hasLabels(source.config.labels, filter?.labelSelector))
    .map(podSandboxOf)
}
