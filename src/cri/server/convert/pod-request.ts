import { isIP } from 'node:net'
import { Failure } from '../../../errors.ts'
import type { PodRequest } from '../../../engine/run-pod.ts'
import type { PortRequest } from '../../../spec/request.ts'
import { NamespaceMode, Protocol, type PodSandboxConfig, type PortMapping, type UserNamespace } from '../../wire/generated/runtime-v1.ts'
import { needAbsolute, needInner, needKnown, needNoNul, needWithin } from './check.ts'
import { idRange } from './mounts.ts'
import { podName } from './names.ts'
import { selinuxOf } from './security.ts'

/** What the engine makes of a PodSandboxConfig. @throws invalid */
export function podRequestOf(config: PodSandboxConfig, runtime: string | undefined): PodRequest {
  needNoNul(config, 'the sandbox config')
  const { metadata, linux, dnsConfig } = config
  if (!metadata?.name || !metadata.namespace || !metadata.uid) throw new Failure('invalid', 'the pod sandbox needs a name, a namespace and a uid')
  const options = linux?.securityContext?.namespaceOptions
  const mode = (kind: 'network' | 'ipc' | 'pid') => needKnown(options?.[kind] ?? NamespaceMode.POD, NamespaceMode, `the ${kind} namespace of the pod`)
  if (mode('pid') === NamespaceMode.TARGET) throw new Failure('invalid', 'a pod cannot have the processes of another container')
  const network = mode('network') === NamespaceMode.NODE ? 'host' : 'pod'
  if (config.logDirectory) needAbsolute(config.logDirectory, 'the log directory')
  const user = userNamespaceOf(options?.usernsOptions)
  const bandwidth = bandwidthOf(config.annotations)
  const selinux = linux?.securityContext ? selinuxOf(linux.securityContext) : []
  return {
    name: podName(metadata),
    kube: { name: metadata.name, namespace: metadata.namespace, uid: metadata.uid, attempt: metadata.attempt },
    hostname: hostnameOf(config.hostname, network === 'pod' ? metadata.name : ''),
    labels: config.labels, annotations: config.annotations,
    network, ipc: mode('ipc') === NamespaceMode.NODE ? 'host' : 'pod',
    pid: mode('pid') === NamespaceMode.NODE ? 'host' : mode('pid') === NamespaceMode.POD ? 'pod' : 'container',
    ...(user ? { user } : {}),
    ports: network === 'host' ? [] : config.portMappings.flatMap(portOf),
    ...(bandwidth ? { bandwidth } : {}),
    ...(dnsConfig ? { dns: { servers: dnsConfig.servers.map(word), searches: dnsConfig.searches.map(word), options: dnsConfig.options.map(word) } } : {}),
    sysctls: Object.entries(linux?.sysctls ?? {}),
    ...(selinux.length ? { selinux } : {}),
    ...(linux?.cgroupParent ? { cgroupParent: cgroupOf(linux.cgroupParent) } : {}),
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

/** Of a line of resolv.conf. */
function word(text: string): string {
  if (!/^\S+$/.test(text)) throw new Failure('invalid', `${JSON.stringify(text.slice(0, 60))} is no word for resolv.conf`)
  return text
}

/** A path below the hierarchies' roots, or the name of a slice. */
function cgroupOf(parent: string): string {
  if (!parent.startsWith('/') && !/^[\w:.\\-]+\.slice$/.test(parent)) throw new Failure('invalid', `the cgroup parent ${JSON.stringify(parent.slice(0, 60))} is neither an absolute path nor a slice`)
  return needInner(parent, 'the cgroup parent')
}

const PROTOCOLS: Readonly<Record<number, PortRequest['protocol']>> = { [Protocol.TCP]: 'tcp', [Protocol.UDP]: 'udp', [Protocol.SCTP]: 'sctp' }

const MAX_PORT = 65_535

/** None without a port of the host. */
function portOf({ protocol, containerPort, hostPort, hostIp }: PortMapping): PortRequest[] {
  needKnown(protocol, Protocol, 'the protocol of a port')
  needWithin(containerPort, [hostPort === 0 ? 0 : 1, MAX_PORT], 'a port of the pod')
  needWithin(hostPort, [0, MAX_PORT], 'a port of the host')
  if (hostIp && isIP(hostIp) === 0) throw new Failure('invalid', `${JSON.stringify(hostIp.slice(0, 60))}, where a port is to be taken, is no address`)
  return hostPort > 0 ? [{ protocol: PROTOCOLS[protocol]!, containerPort, hostPort, count: 1, ...(hostIp ? { hostIp } : {}) }] : []
}

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
