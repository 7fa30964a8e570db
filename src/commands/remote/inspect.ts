// Containers, images and pods of a CRI runtime as `inspect` prints them: what the CRI and the runtime's verbose
// information tell, in podman's shape; the rest is empty.
import { GoTime, NIL_MAP, mapOrNil, struct } from '../../cli/template/values.ts'
import { Failure } from '../../errors.ts'
import type { ContainerRequest, MountRequest } from '../../spec/request.ts'
import type { PodSandboxStatus } from '../../cri/wire/generated/runtime-v1.ts'
import { builtSpecOf, type BuiltSpec } from '../container/built-spec.ts'
import { inspectedContainer } from '../container/inspect-view.ts'
import type { Container, Row } from '../container/row.ts'
import { inspectedImage } from '../image/inspect-view.ts'
import type { Inspect, Inspectable } from '../system/acts.ts'
import type { Remote } from './client.ts'
import { findRow, remoteContainers } from './containers.ts'
import { podStatus } from '../pod/pod-row.ts'
import { remoteImages } from './images.ts'
import { limitsOf } from './limits.ts'
import { remotePods } from './pods.ts'
import { commandOf, completed, listRows, statusOf, type Status } from './rows.ts'

export const inspectRemote = (remote: Remote): Map<Inspectable, Inspect> => new Map<Inspectable, Inspect>([
  ['container', (name, { size }) => inspectContainer(remote, name, size)],
  ['image', async (name) => inspectedImage(await remoteImages(remote).find(name), { name: '', data: NIL_MAP })],
  ['pod', (name) => inspectPod(remote, name)],
])

/** The name that the network of a pod has here: the CRI tells none. */
const POD_NETWORK = 'pod'
const ON_THE_NODE = 2

async function inspectContainer(remote: Remote, name: string, size: boolean): Promise<unknown> {
  const row = findRow(await listRows(remote), name)
  const [found, pod] = await Promise.all([statusOf(remote, row.id), statusOfPod(remote, row.podId ?? '')])
  const container = toContainer(completed(row, found), found, pod)
  return inspectedContainer({
    container, built: builtOf(found, container), sizes: size ? await remoteContainers(remote).size(row) : undefined, execIds: [], driverData: {}, defaultNetwork: POD_NETWORK,
    files: { etc: '', dir: '', config: '', pidFile: '', monitorPidFile: '' },
    mounts: found.status.mounts.map(({ hostPath, containerPath, readonly }) => struct('define.InspectMount', {
      Type: 'bind', Name: '', Source: hostPath, Destination: containerPath, Driver: '', Mode: '', Options: ['rbind'], RW: !readonly, Propagation: 'rprivate',
    }, { Name: '-' })),
  })
}

const builtOf = ({ told }: Status, { record }: Container): BuiltSpec =>
  (told.runtimeSpec ? builtSpecOf(told.runtimeSpec) : { env: record.request.env.map((pair) => pair.join('=')), effectiveCaps: [], boundingCaps: [], mountLabel: '', processLabel: '', apparmor: '' })

async function statusOfPod({ runtime, wire }: Remote, podSandboxId: string): Promise<PodSandboxStatus | undefined> {
  if (podSandboxId === '') return undefined
  return (await runtime.call(wire.RuntimeServiceService.podSandboxStatus, wire.PodSandboxStatusRequest.fromPartial({ podSandboxId }))).status
}

function toContainer(row: Row, { status, told }: Status, pod: PodSandboxStatus | undefined): Container {
  const { image } = row.imageId === undefined ? {} : { image: { id: row.imageId, name: row.summary.imageName, digest: status.imageRef.split('@')[1] ?? '', chainIds: [] } }
  const ips = [pod?.network?.ip, ...pod?.network?.additionalIps.map(({ ip }) => ip) ?? []].filter((ip): ip is string => ip !== undefined && ip !== '')
  const own = told.record as Container['record'] | undefined
  const process = told.runtimeSpec?.process ?? {}
  const record: Container['record'] = own ?? {
    version: 1, id: row.id, createdAtMs: row.createdAtMs, request: requestOf({ status, told }, pod), ...(image ? { image } : {}), command: commandOf(told), entrypoint: [], workdir: process['cwd'] ?? '',
    user: userOf(process['user']), hostname: (process['env'] as readonly string[] | undefined)?.find((text) => text.startsWith('HOSTNAME='))?.slice('HOSTNAME='.length) ?? '', stopSignal: 15, stopTimeoutSeconds: 0,
    labels: row.summary.labels, volumes: [], exposed: row.summary.exposed, storageDriver: told.snapshotter ?? '', runtime: { name: told.runtimeType ?? pod?.runtimeHandler ?? '', path: '' },
    cgroupManager: 'cgroupfs', logPath: status.logPath, createCommand: [],
  }
  const isUp = row.phase === 'running'
  return {
    ...row, record: { ...record, logPath: status.logPath },
    status: {
      ...row.status, ...(isUp && told.runtimeSpec?.linux?.['cgroupsPath'] ? { cgroupPath: told.runtimeSpec.linux['cgroupsPath'] } : {}),
      ...(isUp && ips.length ? { networks: [{ network: POD_NETWORK, interfaceName: 'eth0', ips: ips.map((address) => ({ address })) }] } : {}),
    },
  }
}

/** Root is what is meant where nothing is said. */
const userOf = (user: { readonly uid?: number; readonly gid?: number } | undefined): string => (user?.uid || user?.gid ? `${user.uid ?? 0}:${user.gid ?? 0}` : '')

function requestOf({ status, told }: Status, pod: PodSandboxStatus | undefined): ContainerRequest {
  const limits = status.resources?.linux ?? undefined
  const spaces = pod?.linux?.namespaces?.options
  const mode = (value: number | undefined): { kind: 'private' | 'host' } => ({ kind: value === ON_THE_NODE ? 'host' : 'private' })
  return {
    command: commandOf(told), env: [], terminal: told.runtimeSpec?.process?.['terminal'] ?? told.config?.tty ?? false, stdin: told.config?.stdin ?? false,
    labels: Object.entries(status.labels), annotations: Object.entries(status.annotations), devices: [], ports: [], sysctls: [], security: { privileged: false, noNewPrivileges: told.runtimeSpec?.process?.['noNewPrivileges'] ?? false },
    mounts: status.mounts.map(({ hostPath, containerPath, readonly }): MountRequest => ({ type: 'bind', source: hostPath, target: containerPath, readOnly: readonly })),
    network: spaces?.network === ON_THE_NODE ? { kind: 'host' } : { kind: 'bridge', networks: [] }, namespaces: { pid: mode(spaces?.pid), ipc: mode(spaces?.ipc), uts: mode(spaces?.network), cgroup: { kind: 'private' } },
    resources: limitsOf({ status, told }),
    ...(limits?.oomScoreAdj ? { oomScoreAdj: Number(limits.oomScoreAdj) } : {}), log: { driver: 'k8s-file', path: status.logPath }, restart: { name: 'no' },
  }
}

async function inspectPod(remote: Remote, text: string): Promise<unknown> {
  const all = await remotePods(remote)
  const found = all.filter(({ id, name }) => id === text || name === text)
  const pods = found.length > 0 ? found : /^[\da-f]+$/.test(text) ? all.filter(({ id }) => id.startsWith(text)) : []
  if (pods.length > 1) throw new Failure('invalid', `more than one pod is called ${text}`, { hint: 'give its id' })
  const [pod] = pods
  if (!pod) throw new Failure('notFound', `no pod with name or ID ${text} found: no such pod`)
  return struct('define.InspectPodData', {
    ID: pod.id, Name: pod.name, Namespace: pod.namespace, Created: GoTime.fromMs(pod.createdAtMs), State: podStatus(pod), Labels: mapOrNil(Object.entries(pod.labels)),
    Annotations: mapOrNil(Object.entries(pod.annotations)), NumContainers: pod.containers.length,
    Containers: pod.containers.map(({ id, name, phase }) => struct('define.InspectPodContainerInfo', { ID: id, Name: name, State: phase }, { ID: 'Id' })),
  }, { ID: 'Id' })
}
