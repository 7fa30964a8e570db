import { statfsSync } from 'node:fs'
import type { Pod } from '../state/pods.ts'
import type { Container, ContainerRow } from '../state/containers.ts'
import type { Engine } from './engine.ts'
import { trueRow } from './find-container.ts'
import { podPin } from './pin-pod-namespaces.ts'
import { INFRA_LABEL } from './pod-infra.ts'

export type { Pod, Container, ContainerRow }

type Parts = Pick<Engine, 'paths' | 'self' | 'state'>

const NSFS_MAGIC = 0x6e736673

/** Whether containers can be started in it: it was not stopped, this is the same boot, and what holds its namespaces is there. */
export function isPodReady(engine: Pick<Engine, 'paths' | 'self'>, pod: Pod, infra: ContainerRow | undefined): boolean {
  const { record: { request }, status } = pod
  if (pod.phase !== 'ready' || status.bootId !== engine.self.bootId) return false
  if (status.netns && !isPinned(status.netns)) return false
  if (request.ipc === 'pod' && !isPinned(podPin(engine, pod.id, 'ipc'))) return false
  if (request.user && !isPinned(podPin(engine, pod.id, 'user'))) return false
  return status.infraId === undefined || (infra !== undefined && trueRow(engine, infra).phase === 'running')
}

const isPinned = (path: string): boolean => {
  try {
    return statfsSync(path).type === NSFS_MAGIC
  } catch {
    return false
  }
}

export interface PodView {
  readonly pod: Pod
  readonly ready: boolean
  /** Without the pause process, oldest first, as they truly are now. */
  readonly containers: readonly ContainerRow[]
  readonly infra?: ContainerRow
}

/** Every pod, oldest first, with its containers: two queries. */
export async function listPods(engine: Parts): Promise<PodView[]> {
  const [pods, rows] = [await engine.state.pods.list(), await engine.state.containers.list()]
  const ofPod = Map.groupBy(rows, ({ podId }) => podId)
  return pods.map((pod) => viewOf(engine, pod, ofPod.get(pod.id) ?? []))
}

/** Undefined when there is no such pod. By full id, name, or the beginning of an id. */
export async function viewPod(engine: Parts, id: string): Promise<PodView | undefined> {
  const pod = await engine.state.pods.get(id)
  return pod && viewOf(engine, pod, await engine.state.containers.ofPod(pod.id))
}

function viewOf(engine: Parts, pod: Pod, rows: readonly ContainerRow[]): PodView {
  const infra = rows.find(({ id }) => id === pod.status.infraId)
  return {
    pod, ready: isPodReady(engine, pod, infra), ...(infra ? { infra: trueRow(engine, infra) } : {}),
    containers: rows.filter((row) => !isInfra(row)).map((row) => trueRow(engine, row)),
  }
}

/** Some process that lives in the pod's network namespace; none in a pod of the host's network or without processes. */
export const networkProcess = ({ pod, containers, infra }: PodView): number | undefined =>
  (pod.status.netns === undefined ? undefined : [...containers, ...(infra ? [infra] : [])].find(({ phase, status }) => phase === 'running' && status.process)?.status.process?.pid)

export const isInfra = ({ summary }: Pick<ContainerRow, 'summary'>): boolean => INFRA_LABEL in summary.labels
