// From ids of requests to what there is, with its source. A container or pod that no kubelet made does not exist here.
import { Failure, isFailure } from '../../errors.ts'
import { listPods, viewPod, type ContainerRow, type PodView } from '../../engine/find-pod.ts'
import { findContainer } from '../../engine/find-container.ts'
import type { ContainerFacts } from './convert/container-status.ts'
import type { PodFacts } from './convert/pod-status.ts'
import type { Server } from './server.ts'

const FULL_ID = /^[0-9a-f]{64}$/

/** By id or an unambiguous beginning of one; undefined when there is none. */
export async function findPodFacts(server: Server, id: string): Promise<PodFacts | undefined> {
  const full = FULL_ID.test(id) ? id : await server.engine.state.pods.find(id).then((pod) => pod.id, notFoundIsNone)
  const view = full === undefined ? undefined : await viewPod(server.engine, full)
  const source = view && server.sources.pod(view.pod)
  return source && { view: view!, source }
}

/** @throws notFound */
export async function needPod(server: Server, id: string): Promise<PodFacts> {
  const found = await findPodFacts(server, id)
  if (!found) throw new Failure('notFound', `pod sandbox "${id}" not found`)
  return found
}

export async function findContainerFacts(server: Server, id: string): Promise<ContainerFacts | undefined> {
  if (id === '') throw new Failure('invalid', 'the request names no container')
  const row = await findContainer(server.engine, id).catch(notFoundIsNone)
  return row && factsOf(server, row)
}

/** @throws notFound */
export async function needContainer(server: Server, id: string): Promise<ContainerFacts> {
  const found = await findContainerFacts(server, id)
  if (!found) throw new Failure('notFound', `container "${id}" not found`)
  return found
}

/** @throws notFound, wrongState */
export async function needRunning(server: Server, id: string): Promise<ContainerFacts> {
  const facts = await needContainer(server, id)
  if (facts.row.phase !== 'running') throw new Failure('wrongState', `container "${id}" is not running: it is ${facts.row.phase}`)
  return facts
}

export async function factsOf(server: Server, row: ContainerRow): Promise<ContainerFacts | undefined> {
  const source = await server.sources.container(row)
  return source && { row, ...source }
}

/** All of the kubelet's pods with their containers, oldest first. */
export async function listPodFacts(server: Server): Promise<(PodFacts & { readonly view: PodView })[]> {
  const views = await listPods(server.engine)
  const ids = new Set(views.flatMap(({ pod, containers }) => [pod.id, ...containers.map(({ id }) => id)]))
  server.sources.keep(ids)
  server.sampler.keep(ids)
  return views.flatMap((view) => {
    const source = server.sources.pod(view.pod)
    return source ? [{ view, source }] : []
  })
}

export async function listContainerFacts(server: Server): Promise<ContainerFacts[]> {
  const rows = (await listPodFacts(server)).flatMap(({ view }) => view.containers)
  const facts: ContainerFacts[] = []
  for (const row of rows) {
    const one = await factsOf(server, row)
    if (one) facts.push(one)
  }
  return facts.sort((a, b) => a.row.createdAtMs - b.row.createdAtMs)
}

/** Every pair of the selector is among the labels. */
export const hasLabels = (labels: Readonly<Record<string, string>>, selector: Readonly<Record<string, string>> | undefined): boolean =>
  Object.entries(selector ?? {}).every(([name, value]) => labels[name] === value)

const notFoundIsNone = (error: unknown): undefined => {
  if (!isFailure(error, 'notFound')) throw error
}
