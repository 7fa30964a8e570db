import { Failure } from '../../../errors.ts'
import type { PodRequest } from '../../../engine/run-pod.ts'
import type { PortRequest } from '../../../spec/request.ts'
import { NamespaceMode, Protocol, type PodSandboxConfig, type PortMapping, type UserNamespace } from '../../wire/generated/runtime-v1.ts'
import { idRange } from './mounts.ts'
import { podName } from './names.ts'

/** What the engine makes of a PodSandboxConfig. @throws invalid */
export function podRequestOf(config: PodSandboxConfig, runtime: string | undefined): PodRequest {
  const { metadata, linux, dnsConfig } = config
  if (!metadata?.name || !metadata.namespace || !metadata.uid) throw new Failure('invalid', 'the pod sandbox needs a name, a namespace and a uid')
  const options = linux?.securityContext?.namespaceOptions
  const network = options?.network === NamespaceMode.NODE ? 'host' : 'pod'
  const user = userNamespaceOf(options?.usernsOptions)
  const bandwidth = bandwidthOf(config.annotations)
  return {
    name: podName(metadata),
    kube: { name: metadata.name, namespace: metadata.namespace, uid: metadata.uid, attempt: metadata.attempt },
    hostname: hostnameOf(config.hostname, network === 'pod' ? metadata.name : ''),
    labels: config.labels, annotations: config.annotations,
    network, ipc: options?.ipc === NamespaceMode.NODE ? 'host' : 'pod',
    pid: options?.pid === NamespaceMode.NODE ? 'host' : (options?.pid ?? NamespaceMode.POD) === NamespaceMode.POD ? 'pod' : 'container',
    ...(user ? { user } : {}),
    ports: network === 'host' ? [] : config.portMappings.flatMap(portOf),
    ...(bandwidth ? { bandwidth } : {}),
    ...(dnsConfig ? { dns: { servers: dnsConfig.servers, searches: dnsConfig.searches, options: dnsConfig.options } } : {}),
    sysctls: Object.entries(linux?.sysctls ?? {}),
    ...(linux?.cgroupParent ? { cgroupParent: linux.cgroupParent } : {}),
    ...(runtime ? { runtime } : {}),
  }
}

const MAX_HOSTNAME = 64

function hostnameOf(given: string, fallback: string): string {
  const name = (given || fallback).slice(0, given ? undefined : MAX_HOSTNAME - 1)
  if (name.length > MAX_HOSTNAME || !/^[\w.-]*$/.test(name)) throw new Failure('invalid', `host name ${JSON.stringify(name)} is not valid`)
  return name
}

/** Not pod (or host) for its own part: such a pod would have no user namespace. @throws invalid */
function userNamespaceOf(options: UserNamespace | undefined): PodRequest['user'] {
  if (!options || options.mode === NamespaceMode.NODE) {
    if (options && (options.uids.length || options.gids.length)) throw new Failure('invalid', 'a user namespace of the node takes no mappings')
    return undefined
  }
  if (options.mode !== NamespaceMode.POD) throw new Failure('invalid', 'the user namespace of a pod is its own or the node\'s')
  for (const mappings of [options.uids, options.gids]) {
    if (mappings.length !== 1) throw new Failure('invalid', 'a user namespace needs exactly one mapping of users and one of groups')
    if (mappings[0]!.containerId !== 0) throw new Failure('invalid', 'the mapping of a user namespace must begin at 0')
  }
  return { uids: options.uids.map(idRange), gids: options.gids.map(idRange) }
}

const PROTOCOLS: Readonly<Record<number, PortRequest['protocol']>> = { [Protocol.TCP]: 'tcp', [Protocol.UDP]: 'udp', [Protocol.SCTP]: 'sctp' }

const portOf = ({ protocol, containerPort, hostPort, hostIp }: PortMapping): PortRequest[] =>
  (hostPort > 0 ? [{ protocol: PROTOCOLS[protocol] ?? 'tcp', containerPort, hostPort, count: 1, ...(hostIp ? { hostIp } : {}) }] : [])

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 }
const UNLIMITED_BURST = 2 ** 31 - 1

/** `10M` and the like, in bits each second. @throws invalid */
function bandwidthOf(annotations: Readonly<Record<string, string>>): PodRequest['bandwidth'] {
  const rate = (which: string): number | undefined => {
    const text = annotations[`kubernetes.io/${which}-bandwidth`]
    if (text === undefined) return undefined
    const [, number, unit = ''] = /^(\d+(?:\.\d+)?)(|k|M|G|T|Ki|Mi|Gi)$/.exec(text) ?? []
    if (number === undefined) throw new Failure('invalid', `annotation kubernetes.io/${which}-bandwidth: "${text}" is no rate`)
    return Math.round(Number(number) * UNITS[unit]!)
  }
  const [ingress, egress] = [rate('ingress'), rate('egress')]
  if (ingress === undefined && egress === undefined) return undefined
  return {
    ...(ingress === undefined ? {} : { ingressRate: ingress, ingressBurst: UNLIMITED_BURST }),
    ...(egress === undefined ? {} : { egressRate: egress, egressBurst: UNLIMITED_BURST }),
  }
}
