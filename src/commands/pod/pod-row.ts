// A pod as a listing has it, whoever runs it.
import type { Engine } from '../../engine/engine.ts'
import { listPods } from '../../engine/find-pod.ts'
import { shownName } from '../../engine/pod-name.ts'

export interface PodRow {
  readonly id: string
  readonly name: string
  readonly createdAtMs: number
  readonly isReady: boolean
  readonly labels: Readonly<Record<string, string>>
  /** Of the pause process; empty where there is none, or where it is not told. */
  readonly infraId: string
  readonly networks: readonly string[]
  readonly containers: readonly { readonly id: string; readonly name: string; readonly phase: string }[]
}

export interface PodActs {
  /** Oldest first. */
  pods(): Promise<readonly PodRow[]>
}

export const enginePods = async (engine: Engine): Promise<PodRow[]> => (await listPods(engine)).map(({ pod, ready, containers }) => ({
  id: pod.id, name: shownName(pod.record.request), createdAtMs: pod.createdAtMs, isReady: ready, labels: pod.record.request.labels, infraId: pod.status.infraId ?? '',
  networks: pod.status.networks.map(({ network }) => network), containers,
}))

/** In podman's words: all, some or none of its containers run. */
export function podStatus({ isReady, containers }: PodRow): 'Running' | 'Degraded' | 'Exited' {
  if (!isReady) return 'Exited'
  return containers.every(({ phase }) => phase === 'running' || phase === 'paused') ? 'Running' : 'Degraded'
}
