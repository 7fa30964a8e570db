import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Failure } from '../errors.ts'
import { makeChosenDir } from '../fs/remove-tree.ts'
import type { BindMount, ContainerRequest, NamespaceMode } from '../spec/request.ts'
import type { ImageRecord } from '../state/images.ts'
import type { Pod } from '../state/pods.ts'
import { checkPodContainer } from './check-pod-container.ts'
import { createContainer } from './create-container.ts'
import type { Engine } from './engine.ts'
import { cgroupVersion } from './gather-host-facts.ts'
import { podPin } from './pin-pod-namespaces.ts'
import { POD_FILES, podHostname } from './pod-files.ts'
import { shownName } from './pod-name.ts'
import { provideSource } from './resolve-mounts.ts'

/** What of a container is its own; namespaces, network, host name and the files of /etc are the pod's. */
export type PodContainerRequest = Omit<ContainerRequest, 'namespaces' | 'network' | 'hostname' | 'cgroupParent' | 'runtime' | 'ports'>

export interface CreatePodContainer {
  readonly pod: Pod
  readonly request: PodContainerRequest
  readonly image: ImageRecord
  /** `target`: of another container of the pod. */
  readonly pid: 'pod' | 'container' | 'host' | { readonly target: string }
  /** The caller's own words of it. */
  readonly source?: string
}

/** As `createContainer`, inside a pod that is ready. */
export async function createPodContainer(engine: Engine, { pod, request, image, pid, source }: CreatePodContainer): Promise<string> {
  const { request: shared, id: podId } = pod.record
  for (const mount of request.mounts) if (mount.type === 'bind') await provideSource(mount)
  return createContainer(engine, {
    check: async (container) => {
      await checkPodContainer(engine, container)
      if (request.log.path) makeChosenDir(dirname(request.log.path))
    },
    image, pod: { id: podId, name: shownName(shared) }, ...(source === undefined ? {} : { source }),
    request: {
      ...request,
      ...(shared.selinux ? { security: { ...request.security, selinux: [...shared.selinux, ...request.security.selinux ?? []] } } : {}),
      mounts: [...sharedMounts(engine, { pod, request }), ...request.mounts],
      ports: [],
      hostname: podHostname(shared),
      network: pod.status.netns ? { kind: 'path', path: pod.status.netns } : { kind: 'host' },
      namespaces: {
        pid: await pidMode(engine, pod, pid),
        ipc: shared.ipc === 'pod' ? { kind: 'path', path: podPin(engine, podId, 'ipc') } : { kind: 'host' },
        uts: shared.network === 'pod' ? { kind: 'path', path: podPin(engine, podId, 'uts') } : { kind: 'host' },
        cgroup: { kind: cgroupVersion() === 2 && !request.security.privileged ? 'private' : 'host' },
        ...(shared.user ? { user: { kind: 'path', path: podPin(engine, podId, 'user') } } : {}),
      },
      ...(shared.user ? { idMappings: shared.user } : {}),
      ...(shared.cgroupParent ? { cgroupParent: shared.cgroupParent } : {}),
      ...(shared.runtime ? { runtime: shared.runtime } : {}),
    },
  })
}

async function pidMode(engine: Engine, { id, status }: Pod, pid: CreatePodContainer['pid']): Promise<NamespaceMode> {
  if (pid === 'host') return { kind: 'host' }
  if (pid === 'container') return { kind: 'private' }
  if (pid === 'pod') return status.infraId ? { kind: 'container', id: status.infraId } : { kind: 'private' }
  const target = await engine.state.containers.get(pid.target)
  if (!target) throw new Failure('notFound', `container ${pid.target.slice(0, 12)}, whose processes are to be shared, does not exist`)
  if (target.podId !== id) throw new Failure('invalid', `container ${pid.target.slice(0, 12)}, whose processes are to be shared, is of another pod`)
  return { kind: 'container', id: target.id }
}

/** Not where the caller mounts something of its own. */
function sharedMounts({ paths }: Engine, { pod, request }: Pick<CreatePodContainer, 'pod' | 'request'>): BindMount[] {
  const { etc, shm } = paths.pod(pod.id)
  const files = POD_FILES.map((file): BindMount => ({ type: 'bind', source: join(etc, file), target: `/etc/${file}`, readOnly: request.readOnlyRootfs ?? false }))
  const memory: BindMount[] = existsSync(shm) ? [{ type: 'bind', source: shm, target: '/dev/shm', options: ['nosuid', 'nodev', 'noexec'] }] : []
  const taken = new Set(request.mounts.map(({ target }) => target.replace(/\/+$/, '')))
  return [...files, ...memory].filter(({ target }) => !taken.has(target))
}
