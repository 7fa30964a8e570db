import { isFailure } from '../errors.ts'
import type { IsPublished } from '../network/ports.ts'
import type { PortRequest } from '../spec/request.ts'
import type { ResolvedNamespace } from '../spec/namespaces.ts'
import type { Container } from '../state/containers.ts'
import type { AttachedNetwork, PublishedPort } from '../state/container-status.ts'
import type { Engine } from './engine.ts'
import { runningProcess } from './find-container.ts'
import { isOwnNamespace, needNamespace } from './need-namespace.ts'

export interface PreparedNetwork {
  readonly namespace: ResolvedNamespace
  /** The pinned namespace that is this container's own. */
  readonly netns?: string
  readonly attached: readonly AttachedNetwork[]
  readonly ports: readonly PublishedPort[]
  /** Name servers and search domains that the networks' plugins gave. */
  readonly dns: { readonly servers: readonly string[]; readonly searches: readonly string[] }
  /** The container whose /etc/hosts and resolv.conf are shared. */
  readonly sharedWith?: string
}

const NOTHING = { attached: [], ports: [], dns: { servers: [], searches: [] } }

/** The container's network namespace, attached and with its ports published. Given back by `releaseRun`. */
export async function prepareNetwork(engine: Engine, container: Container): Promise<PreparedNetwork> {
  const { network } = container.record.request
  switch (network.kind) {
    case 'none': return { ...NOTHING, namespace: { kind: 'private' } }
    case 'host': return { ...NOTHING, namespace: { kind: 'host' } }
    case 'path':
      needNamespace('net', network.path)
      return { ...NOTHING, namespace: joined(network.path) }
    case 'container': return joinContainer(engine, network.id)
    case 'bridge': return attachBridges(engine, container)
  }
}

/** The host's own by whatever path is the host's: no default sysctl may change it. */
const joined = (path: string): ResolvedNamespace => (isOwnNamespace('net', path) ? { kind: 'host' } : { kind: 'path', path })

async function joinContainer(engine: Engine, id: string): Promise<PreparedNetwork> {
  const other = await engine.state.containers.find(id)
  const { pid } = runningProcess(engine, other, '--network: ')
  return { ...NOTHING, namespace: joined(other.status.netns ?? `/proc/${pid}/ns/net`), sharedWith: other.id }
}

async function attachBridges(engine: Engine, { id, name, record, status }: Container): Promise<PreparedNetwork> {
  const { network, dns } = record.request
  if (network.kind !== 'bridge') throw new TypeError('not a bridge')
  const networks = await engine.networks()
  const ports = await choosePorts(engine, { id, wanted: wantedPorts(record), last: status.ports ?? [] })
  const netns = await networks.createNetns(id)
  const results = await networks.attach({
    containerId: id, netns, networks: network.networks, containerName: name,
    ...(ports.length ? { ports } : {}), ...(dns ? { dns } : {}),
  })
  return {
    namespace: { kind: 'path', path: netns }, netns, ports,
    attached: results.map(({ network: on, interface: interfaceName, ips, mac }) => {
      const aliases = network.networks.find((wanted) => wanted.name === on)?.aliases
      return { network: on, interfaceName, ips, ...(mac ? { mac } : {}), ...(aliases ? { aliases } : {}) }
    }),
    dns: { servers: results.flatMap((result) => result.dns.nameservers), searches: results.flatMap((result) => result.dns.search) },
  }
}

/** -p, and with -P every exposed port that -p doesn't name. */
function wantedPorts({ request, exposed }: Container['record']): readonly PortRequest[] {
  if (!request.publishAll) return request.ports
  const named = new Set(request.ports.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`))
  const all = exposed.filter((port) => !named.has(port)).flatMap((port): PortRequest[] => {
    const [, first, last, protocol] = /^(\d+)(?:-(\d+))?\/(tcp|udp|sctp)$/.exec(port) ?? []
    if (!first) return []
    return Array.from({ length: Number(last ?? first) - Number(first) + 1 }, (_, n) => ({ hostPort: 0, containerPort: Number(first) + n, protocol: protocol as 'tcp', count: 1 }))
  })
  return [...request.ports, ...all]
}

/** Those that are anybody's choice, as they were chosen the last time. */
function asBefore(wanted: readonly PortRequest[], last: readonly PublishedPort[]): PortRequest[] {
  const left = last.filter(({ hostPort }) => wanted.every((port) => port.hostPort !== hostPort))
  return wanted.map((port) => {
    if (port.hostPort !== 0) return port
    const at = left.findIndex(({ containerPort, protocol, count, hostIp }) => containerPort === port.containerPort && protocol === port.protocol && count === port.count && hostIp === (port.hostIp ?? ''))
    return at < 0 ? port : { ...port, hostPort: left.splice(at, 1)[0]!.hostPort }
  })
}

/**
 * Random ports chosen, every port probed by a real bind and reserved by a row, so that two starts cannot both have it: that
 * another container has it, the rows tell.
 */
async function choosePorts(engine: Engine, { id, wanted, last }: { id: string; wanted: readonly PortRequest[]; last: readonly PublishedPort[] }): Promise<PublishedPort[]> {
  if (wanted.length === 0) return []
  const { allocatePorts, sameAddress } = await import('../network/ports.ts')
  const settled = (ports: readonly PortRequest[]): PublishedPort[] => ports.map(({ hostIp = '', ...port }) => ({ ...port, hostIp }))
  // Those asked for by number first: the rows name the container that is in the way.
  await engine.state.containers.reservePorts({ id, ports: settled(wanted.filter(({ hostPort }) => hostPort !== 0)) }, { durable: false })
  const others = (await engine.state.containers.publishedPorts()).filter((row) => row.container_id !== id)
  const isPublished: IsPublished = ({ port, protocol, hostIp }) => others.some((row) => row.port === port && row.protocol === protocol && sameAddress(row.ip, hostIp))
  // A port that was chosen at random once stays, unless somebody has it meanwhile.
  const chosen = settled(await allocatePorts(asBefore(wanted, last), isPublished).catch((error: unknown) => {
    if (!isFailure(error, 'inUse') || last.length === 0) throw error
    return allocatePorts(wanted, isPublished)
  }))
  await engine.state.containers.reservePorts({ id, ports: chosen }, { durable: false })
  return chosen
}
