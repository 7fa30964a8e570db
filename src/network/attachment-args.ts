// What plugins are told of a container: CNI_ARGS, and the capability arguments of the CNI conventions.
import { Failure } from '../errors.ts'
import type { NetworkAttachment, PortRequest } from '../spec/request.ts'
import type { NetworkList } from './cni-types.ts'
import type { AttachRequest } from './networks.ts'

interface Wanted { readonly list: NetworkList; readonly network: NetworkAttachment; readonly publish: boolean }

export const hasCapability = ({ plugins }: NetworkList, name: string): boolean => plugins.some(({ capabilities }) => capabilities?.[name] === true)

/** As the kubelet's runtimes give them; a plain container stands for its own pod, which dnsname takes its name from. */
export const argsOf = (request: AttachRequest, { list, network }: Wanted): [string, string][] => {
  const { pod, containerName, containerId } = request
  const name = pod?.name ?? containerName
  const args: [string, string][] = [
    ['IgnoreUnknown', '1'],
    ...(name ? [['K8S_POD_NAMESPACE', pod?.namespace ?? name], ['K8S_POD_NAME', name], ['K8S_POD_INFRA_CONTAINER_ID', containerId]] as [string, string][] : []),
    ...(pod ? [['K8S_POD_UID', pod.uid]] as [string, string][] : []),
    ...(network.ip && !hasCapability(list, 'ips') ? [['IP', network.ip]] as [string, string][] : []),
    ...(network.mac && !hasCapability(list, 'mac') ? [['MAC', network.mac]] as [string, string][] : []),
    ...(network.args ?? []).map(([key, value]): [string, string] => [key, value]),
  ]
  const bad = args.find(([key, value]) => /[;=\0]/.test(key) || /[;\0]/.test(value))
  if (bad) throw new Failure('invalid', `CNI argument ${bad[0]} has a character that cannot be passed on`)
  return args
}

export const capabilityArgsOf = (request: AttachRequest, { list, network, publish }: Wanted): Record<string, unknown> => {
  const { ports = [], bandwidth, dns, cgroupPath } = request
  const ips = [network.ip, network.ip6].filter((ip) => ip !== undefined)
  const aliases = network.aliases ?? []
  const dnsname = list.plugins.some(({ type }) => type === 'dnsname')
  return {
    ...(publish && ports.length > 0 ? { portMappings: ports.flatMap(mappings) } : {}),
    ...(bandwidth ? { bandwidth } : {}),
    ...(dns ? { dns } : {}),
    ...(ips.length > 0 ? { ips } : {}),
    ...(network.mac ? { mac: network.mac } : {}),
    // dnsname wants them by network, the conventions as a plain list.
    ...(aliases.length > 0 ? { aliases: dnsname ? { [list.name]: aliases } : aliases } : {}),
    ...(cgroupPath ? { cgroupPath } : {}),
    ...network.capabilities,
  }
}

const mappings = ({ hostIp, hostPort, containerPort, protocol, count }: PortRequest) =>
  Array.from({ length: count }, (_, index) => ({
    hostPort: hostPort + index, containerPort: containerPort + index, protocol, ...(hostIp ? { hostIP: hostIp } : {}),
  }))

/**
 * Lists of our own leave out the plugins that serve nothing but a capability nobody asks for: an exec each at ADD and
 * DEL. Foreign lists run whole, as the specification wants.
 */
export const effectiveList = (list: NetworkList, capabilityArgs: Readonly<Record<string, unknown>>): NetworkList =>
  list.scow ? { ...list, plugins: list.plugins.filter(({ type }) => !(type in SOLE_USE) || SOLE_USE[type]! in capabilityArgs) } : list

const SOLE_USE: Readonly<Record<string, string>> = { portmap: 'portMappings', bandwidth: 'bandwidth' }
