// Messages of the CRI as the rows that listings, filters and templates take.
import { Failure, isFailure } from '../../errors.ts'
import type { Container, ContainerStatus, Image, PodSandbox } from '../../cri/wire/generated/runtime-v1.ts'
import type { Row } from '../container/row.ts'
import type { Remote } from './client.ts'

/** Annotation of a container that `scow run` made: the name it was given. */
export const OWN_NAME = 'io.scow.name'
/** The kubelet's own annotation of a container: its ports, as JSON. */
export const PORTS = 'io.kubernetes.container.ports'

const NS_PER_MS = 1_000_000n
export const toMs = (ns: bigint): number => Number(ns / NS_PER_MS)

/** By ContainerState; what a runtime has lost track of does not run. */
const PHASES: readonly Row['phase'][] = ['created', 'running', 'exited', 'exited']
export const phaseOf = (state: number): Row['phase'] => PHASES[state] ?? 'exited'

export const hex = (id: string): string => id.replace(/^sha256:/, '')

/** Oldest first. */
export async function listRows({ runtime, wire }: Remote): Promise<Row[]> {
  const { RuntimeServiceService: Runtime, ImageServiceService: Images } = wire
  const [{ containers }, { items }, { images }] = await Promise.all([
    runtime.call(Runtime.listContainers, wire.ListContainersRequest.fromPartial({})), runtime.call(Runtime.listPodSandbox, wire.ListPodSandboxRequest.fromPartial({})),
    runtime.call(Images.listImages, wire.ListImagesRequest.fromPartial({})),
  ])
  const pods = new Map(items.map((pod) => [pod.id, pod]))
  const named = new Map(images.flatMap((image) => [image.id, ...image.repoTags, ...image.repoDigests].map((name) => [name, image] as const)))
  const age = (one: Container, other: Container): number => Number(one.createdAt - other.createdAt) || Number(one.id > other.id) - Number(one.id < other.id)
  return [...containers].sort(age).map((one) => toRow(one, pods.get(one.podSandboxId), named))
}

function toRow(one: Container, pod: PodSandbox | undefined, images: ReadonlyMap<string, Image>): Row {
  const asked = one.image?.userSpecifiedImage || one.image?.image || ''
  const image = images.get(one.imageId) ?? images.get(one.imageRef) ?? images.get(one.image?.image ?? '')
  const alias = one.metadata?.name ?? ''
  const name = one.annotations[OWN_NAME] ?? kubeletName(one, pod)
  return {
    id: one.id, name, ...(alias === name ? {} : { alias }), createdAtMs: toMs(one.createdAt), imageId: image ? hex(image.id) : /^sha256:/.test(one.imageRef) ? hex(one.imageRef) : undefined,
    podId: one.podSandboxId, phase: phaseOf(one.state), starts: 0,
    status: { ports: publishedPorts(one.annotations), restarts: one.metadata?.attempt ?? 0 },
    summary: {
      imageName: /^(sha256:)?[\da-f]{64}$/.test(asked) ? image?.repoTags[0] ?? image?.repoDigests[0] ?? asked : asked, command: [], labels: one.labels, mounts: [], networks: [],
      exposed: exposedPorts(one.annotations), volumes: [], autoRemove: false, restart: '', namespaces: {}, ...(pod?.metadata ? { pod: pod.metadata.name } : {}),
    },
  }
}

/** As podman, docker and the engine here call containers of the kubelet. */
export function kubeletName({ metadata, labels }: Pick<Container, 'metadata' | 'labels'>, pod: Pick<PodSandbox, 'metadata'> | undefined): string {
  const label = (key: string): string => labels[`io.kubernetes.pod.${key}`] ?? ''
  const { name, namespace, uid } = pod?.metadata ?? { name: label('name'), namespace: label('namespace'), uid: label('uid') }
  return ['k8s', metadata?.name ?? '', name, namespace, uid, String(metadata?.attempt ?? 0)].join('_')
}

interface Port { readonly hostPort?: number; readonly containerPort?: number; readonly protocol?: string; readonly hostIP?: string }

function portsOf(annotations: Readonly<Record<string, string>>): Port[] {
  try {
    const ports: unknown = JSON.parse(annotations[PORTS] ?? '[]')
    return Array.isArray(ports) ? ports.filter((port): port is Port => typeof port === 'object' && port !== null && Number.isInteger((port as Port).containerPort)) : []
  } catch {
    return []
  }
}

const protocolOf = ({ protocol }: Port): 'tcp' | 'udp' | 'sctp' => (['udp', 'sctp'] as const).find((known) => known === String(protocol).toLowerCase()) ?? 'tcp'

const publishedPorts = (annotations: Readonly<Record<string, string>>): NonNullable<Row['status']['ports']> => portsOf(annotations).filter(({ hostPort }) => Number.isInteger(hostPort) && hostPort! > 0)
  .map((port) => ({ hostIp: String(port.hostIP ?? ''), hostPort: port.hostPort!, containerPort: port.containerPort!, protocol: protocolOf(port), count: 1 }))

const exposedPorts = (annotations: Readonly<Record<string, string>>): string[] => portsOf(annotations).map((port) => `${port.containerPort}/${protocolOf(port)}`)

/** What runtimes tell beside the status; each tells other parts of it. */
export interface Told {
  readonly pid?: number
  readonly runtimeSpec?: { readonly process?: Readonly<Record<string, any>>; readonly linux?: Readonly<Record<string, any>>; readonly mounts?: readonly Readonly<Record<string, any>>[] } // eslint-disable-line @typescript-eslint/no-explicit-any
  /** The container's configuration as containerd keeps it. */
  readonly config?: { readonly command?: readonly string[]; readonly args?: readonly string[]; readonly tty?: boolean; readonly stdin?: boolean }
  /** Of `scow serve`. */
  readonly record?: { readonly entrypoint: readonly string[]; readonly command: readonly string[]; readonly request: { readonly terminal: boolean; readonly stdin: boolean } }
  readonly snapshotter?: string
  readonly runtimeType?: string
}

export function readInfo(info: Readonly<Record<string, string>>): Told {
  try {
    const told: unknown = JSON.parse(info['info'] ?? '{}')
    return typeof told === 'object' && told !== null ? told : {}
  } catch {
    return {}
  }
}

export interface Status { readonly status: ContainerStatus; readonly told: Told }

/** @throws Failure notFound */
export async function statusOf({ runtime, wire }: Remote, containerId: string): Promise<Status> {
  const { status, info } = await runtime.call(wire.RuntimeServiceService.containerStatus, wire.ContainerStatusRequest.fromPartial({ containerId, verbose: true }))
  if (!status) throw new Failure('unsupported', `the runtime tells nothing of container ${containerId.slice(0, 12)}`)
  return { status, told: readInfo(info) }
}

export const commandOf = ({ runtimeSpec, record, config }: Told): string[] =>
  runtimeSpec?.process?.['args'] ?? (record ? [...record.entrypoint, ...record.command] : [...config?.command ?? [], ...config?.args ?? []])

/** The row with what only the status tells. */
export function completed(row: Row, { status, told }: Status): Row {
  const phase = phaseOf(status.state)
  const targets = status.mounts.map(({ containerPath }) => containerPath)
  return {
    ...row, phase, summary: { ...row.summary, command: commandOf(told), mounts: targets, volumes: targets },
    status: {
      ...row.status, ...(phase === 'created' ? {} : { startedAtMs: toMs(status.startedAt) }),
      ...(phase === 'exited' ? { finishedAtMs: toMs(status.finishedAt), exitCode: status.exitCode, oomKilled: status.reason === 'OOMKilled', ...(status.message ? { error: status.message } : {}) } : {}),
      ...(phase === 'running' && told.pid ? { process: { pid: told.pid, startTime: 0, bootId: '' } } : {}),
    },
  }
}

/** So many are asked for at once. */
const AT_ONCE = 32

/** One that has gone meanwhile is left out. */
export async function completeRows(remote: Remote, rows: readonly Row[]): Promise<Row[]> {
  const result: Row[] = []
  for (let at = 0; at < rows.length; at += AT_ONCE) {
    const asked = rows.slice(at, at + AT_ONCE).map(async (row) => {
      try {
        return [completed(row, await statusOf(remote, row.id))]
      } catch (error) {
        if (isFailure(error, 'notFound')) return []
        throw error
      }
    })
    result.push(...(await Promise.all(asked)).flat())
  }
  return result
}
