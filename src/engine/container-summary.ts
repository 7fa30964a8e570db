import type { ContainerRecord, ContainerSummary } from '../state/container-record.ts'
import type { NamespaceMode, NetworkRequest, PortRequest } from '../spec/request.ts'
import type { PublishedPort } from '../state/container-status.ts'

/** What listings show of a container, derived from its record. */
export const summarize = ({ request, image, command, labels, volumes, exposed }: ContainerRecord): ContainerSummary => ({
  imageName: image?.name ?? request.rootfs?.path ?? '',
  command,
  labels,
  mounts: request.mounts.map(({ target }) => target),
  networks: networkNames(request.network),
  exposed,
  ...(request.network.kind === 'bridge' && request.ports.length > 0 ? { ports: knownPorts(request.ports) } : {}),
  volumes: volumes.map(({ name }) => name),
  autoRemove: request.autoRemove ?? false,
  restart: request.restart.name,
  namespaces: Object.fromEntries(Object.entries(request.namespaces).map(([name, mode]) => [name, modeText(mode as NamespaceMode)])),
})

const knownPorts = (ports: readonly PortRequest[]): PublishedPort[] =>
  ports.filter(({ hostPort }) => hostPort !== 0).map(({ hostIp = '', ...port }) => ({ hostIp, ...port }))

const networkNames = (network: NetworkRequest): string[] =>
  network.kind === 'bridge' ? network.networks.map(({ name }) => name) : network.kind === 'container' || network.kind === 'path' ? [] : [network.kind]

const modeText = (mode: NamespaceMode): string =>
  mode.kind === 'container' ? `container:${mode.id}` : mode.kind === 'path' ? `ns:${mode.path}` : mode.kind
