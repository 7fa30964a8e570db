import { BinaryWriter } from '@bufbuild/protobuf/wire'
import { Container, type ContainerConfig, type ContainerFilter, type ContainerState, type ListContainersRequest, type StreamContainersRequest, type StreamContainersResponse } from '../../wire/generated/runtime-v1.ts'
import { batches } from '../batches.ts'
import { containerOf, stateOf, type ContainerFacts } from '../convert/container-status.ts'
import { hasLabels, listContainerFacts } from '../find.ts'
import type { EncodedRpc, StreamRpc } from '../rpc.ts'
import type { Server } from '../server.ts'

/** `containers` of ListContainersResponse, field 1: a message. */
const CONTAINERS_TAG = 10

/** The kubelet asks every second: what has not changed is not put into words again. */
export const listContainers: EncodedRpc<ListContainersRequest> = async (server, { filter }) => {
  const writer = new BinaryWriter()
  for (const facts of await matching(server, filter)) writer.uint32(CONTAINERS_TAG).bytes(messageOf(facts))
  return writer.finish()
}

export const streamContainers: StreamRpc<StreamContainersRequest, StreamContainersResponse> = async function* (server, { filter }) {
  for (const containers of batches(await matching(server, filter))) yield { containers: containers.map(containerOf) }
}

/** By the source, which is one object as long as the container is there; of a container's listing its state alone changes. */
const messages = new WeakMap<ContainerConfig, { readonly state: ContainerState; readonly bytes: Uint8Array }>()

function messageOf(facts: ContainerFacts): Uint8Array {
  const state = stateOf(facts.row)
  const known = messages.get(facts.config)
  if (known?.state === state) return known.bytes
  const bytes = Container.encode(Container.fromPartial(containerOf(facts))).finish()
  messages.set(facts.config, { state, bytes })
  return bytes
}

async function matching(server: Server, filter: ContainerFilter | undefined): Promise<ContainerFacts[]> {
  return (await listContainerFacts(server))
    .filter(({ row, config }) => row.id.startsWith(filter?.id ?? '') && row.podId!.startsWith(filter?.podSandboxId ?? '')
      && (!filter?.state || stateOf(row) === filter.state.state) && hasLabels(config.labels, filter?.labelSelector))
}
