// The Config and HostConfig of an inspected container.
import { NIL_MAP, NIL_SLICE, goMap, mapOrNil, struct } from '../../cli/template/values.ts'
import { humanSize } from '../../cli/human.ts'
import type { BindMount, NamespaceMode, Resources, TmpfsMount, VolumeMount } from '../../spec/request.ts'
import type { BuiltSpec } from './built-spec.ts'
import { CAPABILITIES } from '../../capabilities.ts'
import { portsOf, type Container } from './row.ts'

const modeText = (mode: NamespaceMode): string => (mode.kind === 'container' ? `container:${mode.id}` : mode.kind === 'path' ? `ns:${mode.path}` : mode.kind)

/** `env`: what the process gets, as `NAME=VALUE`. */
export function configOf({ record, id }: Container, env: readonly string[]) {
  const { request } = record
  return struct('define.InspectContainerConfig', {
    Hostname: record.hostname, Domainname: request.domainname ?? '', User: record.user, AttachStdin: false, AttachStdout: false, AttachStderr: false, Tty: request.terminal,
    OpenStdin: request.stdin, StdinOnce: request.stdinOnce ?? false, Env: env, Cmd: record.command.length ? record.command : NIL_SLICE, Image: record.image?.name ?? '',
    Volumes: null, WorkingDir: record.workdir, Entrypoint: record.entrypoint.join(' '), OnBuild: null, Labels: mapOrNil(Object.entries(record.labels)),
    Annotations: annotationsOf(record, id), StopSignal: record.stopSignal, HealthcheckOnFailureAction: 'none', CreateCommand: record.createCommand,
    Umask: (request.umask ?? 0o022).toString(8).padStart(4, '0'), Timeout: request.timeoutSeconds ?? 0, StopTimeout: record.stopTimeoutSeconds, Passwd: request.managePasswd ?? true,
    SdNotifyMode: request.sdnotify ?? 'container', Timezone: request.timezone ?? '',
  }, { SdNotifyMode: 'sdNotifyMode', ...(request.timezone ? {} : { Timezone: '-' }) })
}

const annotationsOf = ({ request, stopSignal }: Container['record'], _id: string) => goMap([
  ...request.annotations, ['org.opencontainers.image.stopSignal', String(stopSignal)] as const,
])

/** `z`, `Z` or nothing. */
export const relabelMode = ({ relabel }: { readonly relabel?: 'shared' | 'private' }): string => (relabel === undefined ? '' : relabel === 'shared' ? 'z' : 'Z')

/** The options of a mount but for access, propagation and label: what was asked for, then what it has anyway. */
export function mountWords(mount: BindMount | VolumeMount): string[] {
  const { asked, added } = wordsOf(mount)
  return [...asked, ...added]
}

function wordsOf(mount: BindMount | VolumeMount): { asked: string[]; added: string[] } {
  const options = mount.options ?? []
  const nonRecursive = mount.type === 'bind' && mount.nonRecursive === true
  const asked = [...options, ...(mount.chown ? ['U'] : []), ...(mount.type === 'volume' && mount.noCopy ? ['nocopy'] : []), ...(nonRecursive ? ['bind'] : [])]
  const safe = mount.type === 'volume' ? (['suid', 'dev'] as const).filter((word) => !options.includes(word)).map((word) => `no${word}`) : []
  return { asked, added: [...safe.filter((word) => !options.includes(word)), ...(nonRecursive ? [] : ['rbind'])] }
}

function bindsOf({ request, volumes }: Container['record']): string[] {
  return request.mounts.flatMap((mount) => {
    if (mount.type !== 'bind' && mount.type !== 'volume') return []
    const { asked, added } = wordsOf(mount)
    const access = mount.readOnly ? 'ro' : 'rw'
    const { propagation = 'rprivate' } = mount
    const words = [
      ...(mount.readOnly === undefined ? [] : [access]), relabelMode(mount), ...asked, ...(mount.propagation ? [propagation] : []),
      ...(mount.readOnly === undefined ? [access] : []), ...(mount.propagation ? [] : [propagation]), ...added,
    ]
    const source = mount.type === 'bind' ? mount.source : mount.name ?? volumes.find(({ target }) => target === mount.target)?.name ?? ''
    return [`${source}:${mount.target}:${words.filter(Boolean).join(',')}`]
  })
}

const bindings = (container: Container) => {
  const ports = new Map<string, unknown[]>()
  for (const { hostIp, hostPort, containerPort, protocol, count } of portsOf(container)) {
    for (let at = 0; at < count; at++) {
      const key = `${containerPort + at}/${protocol}`
      ports.set(key, [...(ports.get(key) ?? []), struct('define.InspectHostPort', { HostIP: hostIp, HostPort: String(hostPort + at) }, { HostIP: 'HostIp' })])
    }
  }
  return ports
}
export { bindings as portBindings }

const networkMode = ({ network }: Container['record']['request']): string => {
  if (network.kind === 'container') return `container:${network.id}`
  if (network.kind === 'path') return `ns:${network.path}`
  return network.kind
}

const securityOpt = ({ security }: Container['record']['request']): string[] => [
  ...(security.noNewPrivileges ? ['no-new-privileges'] : []),
  ...(security.seccomp === undefined ? [] : [`seccomp=${security.seccomp === 'unconfined' ? 'unconfined' : security.seccomp.path}`]),
  ...(security.apparmor === undefined ? [] : [`apparmor=${security.apparmor}`]), ...(security.selinux ?? []).map((label) => `label=${label}`),
]

/** Capabilities as what the container has beyond the defaults and what it lacks of them; where these are not known, as it was asked. */
function capabilityChanges({ security }: Container['record']['request'], boundingCaps: readonly string[], defaultCaps: readonly string[] | undefined) {
  if (!defaultCaps) return { CapAdd: security.capAdd ?? [], CapDrop: security.capDrop ?? [] }
  const usual = (security.privileged ? CAPABILITIES : defaultCaps).map((name) => `CAP_${name.replace(/^CAP_/, '')}`)
  return { CapAdd: boundingCaps.filter((name) => !usual.includes(name)), CapDrop: usual.filter((name) => !boundingCaps.includes(name)).sort() }
}

/** Of a spec that was built, or of what it will be. */
export function hostConfigOf(container: Container, { rlimits, boundingCaps }: Pick<BuiltSpec, 'rlimits' | 'boundingCaps'>, defaultCaps?: readonly string[]) {
  const { record } = container
  const { request } = record
  const { security } = request
  return struct('define.InspectContainerHostConfig', {
    Binds: bindsOf(record), CgroupManager: record.cgroupManager, CgroupMode: modeText(request.namespaces.cgroup), ContainerIDFile: request.cidFile ?? '',
    LogConfig: struct('define.InspectLogConfig', {
      Type: request.log.driver, Config: NIL_MAP, Path: record.logPath, Tag: request.log.tag ?? '', Size: humanSize(request.log.maxSizeBytes ?? 0),
    }),
    NetworkMode: networkMode(request), PortBindings: new Map([...record.exposed.map((port) => [port, null] as const), ...bindings(container)]),
    RestartPolicy: struct('define.InspectRestartPolicy', { Name: request.restart.name, MaximumRetryCount: request.restart.name === 'on-failure' ? request.restart.maxRetries : 0 }),
    AutoRemove: request.autoRemove ?? false, VolumeDriver: '', VolumesFrom: request.volumesFrom ?? null, ...capabilityChanges(request, boundingCaps, defaultCaps),
    Dns: request.dns?.servers.filter((server) => server !== 'none') ?? [], DnsOptions: request.dns?.options ?? [], DnsSearch: request.dns?.searches ?? [], ExtraHosts: request.addHosts ?? [], GroupAdd: request.groups ?? [],
    IpcMode: modeText(request.namespaces.ipc), Cgroup: '', Cgroups: request.cgroups === undefined || request.cgroups === 'enabled' ? 'default' : request.cgroups, Links: null,
    OomScoreAdj: request.oomScoreAdj ?? 0, PidMode: modeText(request.namespaces.pid), Privileged: security.privileged ?? false, PublishAllPorts: request.publishAll ?? false,
    ReadonlyRootfs: request.readOnlyRootfs ?? false, SecurityOpt: securityOpt(request),
    Tmpfs: tmpfsOf(request),
    UTSMode: modeText(request.namespaces.uts), UsernsMode: request.namespaces.user ? modeText(request.namespaces.user) : '', ShmSize: request.shmSizeBytes ?? 65536000, Runtime: 'oci',
    ConsoleSize: [0, 0], Isolation: '', Init: request.init ?? false, ...limitsOf(rlimits ? { ...request, rlimits } : request),
  })
}

const TMPFS = 'rw,rprivate,nosuid,nodev,tmpcopyup'
const READ_ONLY_TMPFS = ['/run', '/tmp', '/var/tmp']

function tmpfsOf({ mounts, readOnlyRootfs, readOnlyTmpfs }: Container['record']['request']): Map<string, string> {
  const own = mounts.flatMap((mount) => (mount.type === 'tmpfs' ? [[mount.target, tmpfsWords(mount).join(',')] as const] : []))
  const added = readOnlyRootfs && readOnlyTmpfs !== false ? READ_ONLY_TMPFS.filter((path) => !mounts.some(({ target }) => target === path)).map((path) => [path, TMPFS] as const) : []
  return new Map([...added, ...own])
}

/** As it is mounted, but for the size's unit. */
const tmpfsWords = ({ sizeBytes, mode, options = [], readOnly, copyUp }: TmpfsMount): string[] => [...new Set([
  ...(sizeBytes === undefined ? [] : [`size=${shortSize(sizeBytes)}`]), ...(mode === undefined ? [] : [`mode=${mode.toString(8)}`]),
  ...(readOnly ? ['ro', ...options] : [...options, 'rw']), 'rprivate',
  ...(options.includes('suid') ? [] : ['nosuid']), ...(options.includes('dev') ? [] : ['nodev']), ...(copyUp === false ? [] : ['tmpcopyup']),
])]

/** `1m` where it is whole, else bytes. */
const shortSize = (bytes: number): string => {
  const units = [['g', 1024 ** 3], ['m', 1024 ** 2], ['k', 1024]] as const
  const unit = units.find(([, size]) => bytes >= size && bytes % size === 0)
  return unit ? `${bytes / unit[1]}${unit[0]}` : String(bytes)
}

const limitsMemory = ({ memoryBytes, memorySwapBytes, memoryReservationBytes, oomKillDisable }: Resources): boolean =>
  [memoryBytes, memorySwapBytes, memoryReservationBytes, oomKillDisable].some((limit) => limit !== undefined)

function limitsOf({ resources, devices, rlimits, cgroupParent }: Container['record']['request']) {
  const cpuPeriod = resources.cpuPeriodUs ?? (resources.cpus === undefined ? 0 : 100_000)
  const throttles = (list: readonly { path: string; rate: number }[] | undefined) => (list?.length ? list.map(({ path, rate }) => struct('define.InspectBlkioThrottleDevice', { Path: path, Rate: rate })) : null)
  return {
    CpuShares: resources.cpuShares ?? 0, Memory: resources.memoryBytes ?? 0, NanoCpus: Math.round((resources.cpus ?? 0) * 1e9), CgroupParent: cgroupParent ?? '', BlkioWeight: resources.blkioWeight ?? 0,
    BlkioWeightDevice: resources.blkioWeightDevice?.length ? resources.blkioWeightDevice.map(({ path, weight }) => struct('define.InspectBlkioWeightDevice', { Path: path, Weight: weight })) : null,
    BlkioDeviceReadBps: throttles(resources.readBps), BlkioDeviceWriteBps: throttles(resources.writeBps), BlkioDeviceReadIOps: throttles(resources.readIops), BlkioDeviceWriteIOps: throttles(resources.writeIops),
    CpuPeriod: cpuPeriod, CpuQuota: resources.cpuQuotaUs ?? Math.round((resources.cpus ?? 0) * cpuPeriod), CpuRealtimePeriod: resources.cpuRtPeriodUs ?? 0, CpuRealtimeRuntime: resources.cpuRtRuntimeUs ?? 0,
    CpusetCpus: resources.cpusetCpus ?? '', CpusetMems: resources.cpusetMems ?? '',
    Devices: devices.map(({ source, target, permissions }) => struct('define.InspectDevice', { PathOnHost: source, PathInContainer: target ?? source, CgroupPermissions: permissions ?? '' })),
    DiskQuota: 0, KernelMemory: 0, MemoryReservation: resources.memoryReservationBytes ?? 0, MemorySwap: Math.max(0, resources.memorySwapBytes ?? (resources.memoryBytes ?? 0) * 2),
    MemorySwappiness: resources.memorySwappiness ?? (limitsMemory(resources) ? -1 : 0), OomKillDisable: resources.oomKillDisable ?? false, PidsLimit: Math.max(0, resources.pidsLimit ?? 0), // unlimited is 0
    Ulimits: (rlimits ?? []).map(({ type, soft, hard }) => struct('define.InspectUlimit', { Name: type, Soft: soft, Hard: hard })),
    CpuCount: 0, CpuPercent: 0, IOMaximumIOps: 0, IOMaximumBandwidth: 0, CgroupConf: resources.unified?.length ? goMap(resources.unified) : NIL_MAP,
  }
}
