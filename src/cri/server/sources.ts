// What the kubelet asked for, as it is kept in the records. Records never change, so what was parsed once stays right.
import type { Container, ContainerRow, Pod } from '../../engine/find-pod.ts'
import type { Engine } from '../../engine/engine.ts'
import { processUser } from '../../engine/pod-container-process.ts'
import { CreateContainerRequest, RunPodSandboxRequest, type ContainerConfig, type PodSandboxConfig } from '../wire/generated/runtime-v1.ts'

export interface PodSource { readonly config: PodSandboxConfig; readonly runtimeHandler: string }
export interface ContainerSource {
  readonly config: ContainerConfig
  readonly record: Container['record']
}

type ProcessUser = NonNullable<ReturnType<typeof processUser>>

export interface Sources {
  pod(pod: Pod): PodSource | undefined
  /** Undefined for a container that no kubelet made, or that is gone. */
  container(row: ContainerRow): Promise<ContainerSource | undefined>
  /** Of the first process, as its only start settled it; undefined before that. */
  user(id: string): ProcessUser | undefined
  /** Forgets all but these. */
  keep(ids: ReadonlySet<string>): void
}

export const podSourceText = (request: RunPodSandboxRequest): string => Buffer.from(RunPodSandboxRequest.encode(request).finish()).toString('base64')
export const containerSourceText = (config: ContainerConfig): string =>
  Buffer.from(CreateContainerRequest.encode(CreateContainerRequest.fromPartial({ config })).finish()).toString('base64')

export function openSources(engine: Pick<Engine, 'state' | 'paths'>): Sources {
  const { state } = engine
  const pods = new Map<string, PodSource>()
  const containers = new Map<string, ContainerSource>()
  const users = new Map<string, ProcessUser>()
  return {
    pod: (pod) => {
      const known = pods.get(pod.id)
      if (known || pod.record.request.source === undefined) return known
      const { config, runtimeHandler } = RunPodSandboxRequest.decode(Buffer.from(pod.record.request.source, 'base64'))
      if (!config) return undefined
      pods.set(pod.id, { config, runtimeHandler })
      return pods.get(pod.id)
    },
    container: async (row) => {
      const known = containers.get(row.id)
      if (known || row.podId === undefined) return known
      const record = (await state.containers.get(row.id))?.record
      if (record?.source === undefined) return undefined
      const { config } = CreateContainerRequest.decode(Buffer.from(record.source, 'base64'))
      if (!config) return undefined
      containers.set(row.id, { config, record })
      return containers.get(row.id)
    },
    user: (id) => {
      const user = users.get(id) ?? processUser(engine, id)
      if (user) users.set(id, user)
      return user
    },
    keep: (ids) => {
      for (const cache of [pods, containers, users]) for (const id of cache.keys()) if (!ids.has(id)) cache.delete(id)
    },
  }
}
