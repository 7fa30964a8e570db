// Pods and containers as a person describes them on a command line, as messages of the CRI.
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { environment } from '../../environment.ts'
import { Failure } from '../../errors.ts'
import { ContainerConfig, MountPropagation, NamespaceMode, PodSandboxConfig, Protocol, SecurityProfile_ProfileType as ProfileType } from '../wire/generated/runtime-v1.ts'
import { parseLabels, POD_NAME, POD_NAMESPACE } from './containers.ts'
import { podLogFolder } from './log-folder.ts'

export interface PodFlags {
  readonly name?: string | undefined
  readonly namespace?: string | undefined
  readonly hostname?: string | undefined
  readonly publish: readonly string[]
  readonly label: readonly string[]
  readonly annotation: readonly string[]
  readonly dns: readonly string[]
  readonly dnsSearch: readonly string[]
  readonly dnsOption: readonly string[]
  readonly sysctl: readonly string[]
  readonly network?: string | undefined
  readonly pid?: string | undefined
  readonly ipc?: string | undefined
  readonly privileged: boolean
  readonly cgroupParent?: string | undefined
}

export interface ContainerFlags {
  readonly name?: string | undefined
  readonly image: string
  readonly command: readonly string[]
  readonly entrypoint?: string | undefined
  readonly env: readonly string[]
  readonly envFile: readonly string[]
  readonly volume: readonly string[]
  readonly device: readonly string[]
  readonly label: readonly string[]
  readonly annotation: readonly string[]
  readonly workdir?: string | undefined
  readonly user?: string | undefined
  readonly interactive: boolean
  readonly tty: boolean
  readonly privileged: boolean
  readonly readOnly: boolean
  readonly capAdd: readonly string[]
  readonly capDrop: readonly string[]
  readonly securityOpt: readonly string[]
  readonly memory?: number | undefined
  readonly cpus?: string | undefined
  readonly cpuShares?: number | undefined
  readonly cpusetCpus?: string | undefined
  readonly cpusetMems?: string | undefined
  readonly pid?: string | undefined
}


/** The pod of `flags`; without a name it gets one. @throws Failure invalid */
export function podFromFlags(flags: PodFlags): PodSandboxConfig {
  const uid = randomUUID()
  const name = flags.name ?? `scow-${uid.slice(0, 8)}`
  const namespace = flags.namespace ?? 'default'
  const dns = flags.dns.length + flags.dnsSearch.length + flags.dnsOption.length > 0
  return PodSandboxConfig.fromPartial({
    metadata: { name, namespace, uid, attempt: 0 },
    hostname: flags.network === 'host' ? '' : flags.hostname ?? name,
    logDirectory: podLogFolder({ namespace, name, uid }),
    ...(dns ? { dnsConfig: { servers: [...flags.dns], searches: [...flags.dnsSearch], options: [...flags.dnsOption] } } : {}),
    portMappings: flags.publish.map(portMapping),
    labels: { ...parseLabels(flags.label), [POD_NAME]: name, [POD_NAMESPACE]: namespace, 'io.kubernetes.pod.uid': uid },
    annotations: parseLabels(flags.annotation),
    linux: {
      cgroupParent: flags.cgroupParent ?? '', sysctls: parseLabels(flags.sysctl),
      securityContext: { privileged: flags.privileged, namespaceOptions: namespaces(flags) },
    },
  })
}

/** The container of `flags`, for that pod. @throws Failure invalid, notFound */
export function containerFromFlags(flags: ContainerFlags, pod: PodSandboxConfig): ContainerConfig {
  const name = flags.name ?? pod.metadata?.name ?? 'main'
  return ContainerConfig.fromPartial({
    metadata: { name, attempt: 0 },
    image: { image: flags.image, userSpecifiedImage: flags.image },
    command: flags.entrypoint === undefined ? [] : splitWords(flags.entrypoint),
    args: [...flags.command],
    workingDir: flags.workdir ?? '',
    envs: [...flags.envFile.flatMap(readEnvFile), ...flags.env.map(envOf)],
    mounts: flags.volume.map(mountOf),
    devices: flags.device.map(deviceOf),
    labels: { ...parseLabels(flags.label), [POD_NAME]: pod.metadata?.name ?? '', [POD_NAMESPACE]: pod.metadata?.namespace ?? '', 'io.kubernetes.container.name': name },
    annotations: parseLabels(flags.annotation),
    logPath: `${name}/0.log`,
    stdin: flags.interactive, stdinOnce: flags.interactive, tty: flags.tty,
    linux: { resources: resources(flags), securityContext: securityContext(flags, pod) },
  })
}

function namespaces({ network, pid, ipc }: Pick<PodFlags, 'network' | 'pid' | 'ipc'>): { network: NamespaceMode; pid: NamespaceMode; ipc: NamespaceMode } {
  return { network: mode('network', network, NamespaceMode.POD), pid: mode('pid', pid, NamespaceMode.CONTAINER), ipc: mode('ipc', ipc, NamespaceMode.POD) }
}

function mode(flag: string, text: string | undefined, initial: NamespaceMode): NamespaceMode {
  if (text === undefined) return initial
  const known: Readonly<Record<string, NamespaceMode>> = { host: NamespaceMode.NODE, pod: NamespaceMode.POD, ...(flag === 'pid' ? { container: NamespaceMode.CONTAINER, private: NamespaceMode.CONTAINER } : {}) }
  const found = known[text]
  if (found === undefined) throw new Failure('invalid', `--${flag} ${text} is nothing that the CRI knows`, { hint: `use ${Object.keys(known).join(', ')}` })
  return found
}

/** `8080:80`, `127.0.0.1:8080:80/udp`. @throws Failure invalid; unsupported: a port of the node that is left to the runtime */
export function portMapping(text: string): { protocol: Protocol; containerPort: number; hostPort: number; hostIp: string } {
  const match = /^(?:(?:(\[[\da-f:]+\]|[\d.]+):)?(\d*):)?(\d+)(?:\/(tcp|udp|sctp))?$/i.exec(text)
  if (!match) throw new Failure('invalid', `"${text}" is no port to publish`, { hint: 'give [ADDRESS:]HOST:CONTAINER[/tcp|udp|sctp]' })
  const [, address = '', host, container, protocol = 'tcp'] = match
  if (!host) throw new Failure('unsupported', `--publish ${text}: the CRI chooses no port of the node`, { hint: `give one, such as ${container}:${container}` })
  const [hostPort, containerPort] = [Number(host), Number(container)]
  if ([hostPort, containerPort].some((port) => port < 1 || port > 65535)) throw new Failure('invalid', `"${text}" has no port from 1 to 65535`)
  return { protocol: Protocol[protocol.toUpperCase() as 'TCP' | 'UDP' | 'SCTP'], containerPort, hostPort, hostIp: address.replace(/^\[|\]$/g, '') }
}

/** `NAME=value`, or `NAME` for the caller's own. */
function envOf(text: string): { key: string; value: string } {
  const equals = text.indexOf('=')
  if (equals === 0) throw new Failure('invalid', `"${text}" is no variable`, { hint: 'give NAME=value' })
  return equals < 0 ? { key: text, value: ownVariable(text) } : { key: text.slice(0, equals), value: text.slice(equals + 1) }
}

const ownVariable = (name: string): string => environment().all[name] ?? ''

function readEnvFile(file: string): { key: string; value: string }[] {
  try {
    return readFileSync(file, 'utf8').split('\n').map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#')).map(envOf)
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure('notFound', `cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`, { cause: error })
  }
}

const PROPAGATIONS: Readonly<Record<string, MountPropagation>> = {
  private: MountPropagation.PROPAGATION_PRIVATE, rprivate: MountPropagation.PROPAGATION_PRIVATE, slave: MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
  rslave: MountPropagation.PROPAGATION_HOST_TO_CONTAINER, shared: MountPropagation.PROPAGATION_BIDIRECTIONAL, rshared: MountPropagation.PROPAGATION_BIDIRECTIONAL,
}

/** `/host:/container[:ro,rw,z,Z,rslave,...]`. The CRI has no named volumes. @throws Failure invalid */
export function mountOf(text: string): { hostPath: string; containerPath: string; readonly: boolean; selinuxRelabel: boolean; propagation: MountPropagation } {
  const [source, target, options = ''] = text.split(':')
  if (!source || !target || !isAbsolute(target)) throw new Failure('invalid', `"${text}" is no mount`, { hint: 'give /host/path:/container/path[:ro]' })
  if (!source.startsWith('/') && !source.startsWith('.')) throw new Failure('unsupported', `the CRI has no named volumes: "${source}"`, { hint: 'give a path of the node' })
  const mount = { hostPath: resolve(source), containerPath: target, readonly: false, selinuxRelabel: false, propagation: MountPropagation.PROPAGATION_PRIVATE as MountPropagation }
  for (const option of options.split(',').filter(Boolean)) {
    if (option === 'ro' || option === 'rw') mount.readonly = option === 'ro'
    else if (option === 'z' || option === 'Z') mount.selinuxRelabel = true
    else if (option in PROPAGATIONS) mount.propagation = PROPAGATIONS[option]!
    else throw new Failure('unsupported', `the CRI cannot express the option "${option}" of mount ${text}`)
  }
  return mount
}

function deviceOf(text: string): { hostPath: string; containerPath: string; permissions: string } {
  const [host, second, third] = text.split(':')
  const isRights = (word: string | undefined): word is string => word !== undefined && /^[rwm]+$/.test(word)
  return { hostPath: host!, containerPath: second && !isRights(second) ? second : host!, permissions: third ?? (isRights(second) ? second : 'rwm') }
}

const PERIOD_US = 100_000

function resources({ memory, cpus, cpuShares, cpusetCpus, cpusetMems }: ContainerFlags): object {
  const share = cpus === undefined ? undefined : Number(cpus)
  if (share !== undefined && !(share > 0)) throw new Failure('invalid', `--cpus ${cpus} is no number of processors`)
  return {
    ...(memory === undefined ? {} : { memoryLimitInBytes: BigInt(memory) }), ...(cpuShares === undefined ? {} : { cpuShares: BigInt(cpuShares) }),
    ...(share === undefined ? {} : { cpuPeriod: BigInt(PERIOD_US), cpuQuota: BigInt(Math.round(share * PERIOD_US)) }),
    cpusetCpus: cpusetCpus ?? '', cpusetMems: cpusetMems ?? '',
  }
}

function securityContext(flags: ContainerFlags, pod: PodSandboxConfig): object {
  const strip = (names: readonly string[]): string[] => names.map((name) => name.toUpperCase().replace(/^CAP_/, ''))
  const options = securityOptions(flags.securityOpt)
  const [user, group] = (flags.user ?? '').split(':')
  return {
    capabilities: { addCapabilities: strip(flags.capAdd), dropCapabilities: strip(flags.capDrop) },
    privileged: flags.privileged, readonlyRootfs: flags.readOnly, noNewPrivs: options.noNewPrivileges,
    namespaceOptions: { ...(pod.linux?.securityContext?.namespaceOptions ?? {}), ...(flags.pid === undefined ? {} : { pid: mode('pid', flags.pid, NamespaceMode.CONTAINER) }) },
    ...(user && /^\d+$/.test(user) ? { runAsUser: { value: BigInt(user) } } : user ? { runAsUsername: user } : {}),
    ...(group && /^\d+$/.test(group) ? { runAsGroup: { value: BigInt(group) } } : {}),
    ...(flags.privileged ? {} : { seccomp: options.seccomp }), ...(options.apparmor ? { apparmor: options.apparmor } : {}),
  }
}

interface SecurityOptions { noNewPrivileges: boolean; seccomp: object; apparmor?: object }

function securityOptions(texts: readonly string[]): SecurityOptions {
  const profile = (name: string): object =>
    name === 'unconfined' ? { profileType: ProfileType.Unconfined } : name === 'runtime/default' ? { profileType: ProfileType.RuntimeDefault } : { profileType: ProfileType.Localhost, localhostRef: name }
  const options: SecurityOptions = { noNewPrivileges: false, seccomp: { profileType: ProfileType.RuntimeDefault } }
  for (const text of texts) {
    const [, key, value] = /^([\w-]+)(?:[=:](.*))?$/.exec(text) ?? []
    if (key === 'no-new-privileges') options.noNewPrivileges = value !== 'false'
    else if (key === 'seccomp' && value) options.seccomp = profile(value)
    else if (key === 'apparmor' && value) options.apparmor = profile(value)
    else throw new Failure('unsupported', `the CRI cannot express --security-opt ${text}`, { hint: 'seccomp=, apparmor= and no-new-privileges can' })
  }
  return options
}

function splitWords(text: string): string[] {
  if (!text.startsWith('[')) return text === '' ? [] : [text]
  try {
    const words: unknown = JSON.parse(text)
    if (Array.isArray(words) && words.every((word) => typeof word === 'string')) return words as string[]
  } catch { /* said below */ }
  throw new Failure('invalid', `--entrypoint ${text} is no list of words`)
}
