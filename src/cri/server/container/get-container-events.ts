import { events } from '../../../engine/follow-events.ts'
import { ContainerEventType, type ContainerEventResponse, type DeepPartial, type GetEventsRequest } from '../../wire/generated/runtime-v1.ts'
import { nanoseconds } from '../convert/times.ts'
import { podStatusOf } from '../convert/pod-status.ts'
import { factsOf, findPodFacts, listContainerFacts, findContainerFacts, listPodFacts } from '../find.ts'
import type { StreamRpc } from '../rpc.ts'
import type { Server } from '../server.ts'
import { statusOfContainer } from './container-status.ts'

/** What the engine calls it, of containers and of pods. */
const TYPES: Readonly<Record<string, ContainerEventType>> = {
  create: ContainerEventType.CONTAINER_CREATED_EVENT, start: ContainerEventType.CONTAINER_STARTED_EVENT, died: ContainerEventType.CONTAINER_STOPPED_EVENT,
  stop: ContainerEventType.CONTAINER_STOPPED_EVENT, remove: ContainerEventType.CONTAINER_DELETED_EVENT,
}

/**
 * From now on, each change once, with the state of the whole pod. `createdAt` is when the event is made, and so never goes
 * back: an end is found after the container's start was recorded, however early it was, and a kubelet drops what seems older
 * than what it knows of the pod.
 */
export const getContainerEvents: StreamRpc<GetEventsRequest, ContainerEventResponse> = async function* (server, _request, { signal }) {
  // Whose they are must be known when they are gone.
  const podOf = new Map<string, string>()
  for (const { view } of await listPodFacts(server)) podOf.set(view.pod.id, view.pod.id)
  for (const { row } of await listContainerFacts(server)) podOf.set(row.id, row.podId!)
  for await (const event of events(server.engine, { follow: true, signal })) {
    const type = TYPES[event.status]
    if (type === undefined || (event.type !== 'container' && event.type !== 'pod') || (event.status === 'stop') !== (event.type === 'pod' && event.status === 'stop')) continue
    if (!podOf.has(event.id)) await learn(server, podOf, event)
    const podId = podOf.get(event.id)
    if (podId === undefined) continue
    if (event.status === 'remove') podOf.delete(event.id)
    const createdAt = nanoseconds(Date.now())
    yield { containerId: event.id, containerEventType: type, createdAt, ...await podNow(server, podId) }
  }
}

async function learn(server: Server, podOf: Map<string, string>, { id, type }: { id: string; type: string }): Promise<void> {
  const podId = type === 'pod' ? (await findPodFacts(server, id))?.view.pod.id : (await findContainerFacts(server, id))?.row.podId
  if (podId !== undefined) podOf.set(id, podId)
}

async function podNow(server: Server, podId: string): Promise<DeepPartial<ContainerEventResponse>> {
  const facts = await findPodFacts(server, podId)
  if (!facts) return {}
  const containers = await Promise.all(facts.view.containers.map((row) => factsOf(server, row)))
  return { podSandboxStatus: podStatusOf(facts), containersStatuses: containers.flatMap((one) => (one ? [statusOfContainer(server, one)] : [])) }
}
