// A container as `inspect` prints it, in podman's shape.
import { GoTime, ZERO_TIME, goMap, mapOrNil, sliceOrNil, struct } from '../../cli/template/values.ts'
import { neededContainers } from '../../engine/needed-containers.ts'
import type { BuiltSpec } from './built-spec.ts'
import { configOf, hostConfigOf, portBindings } from './inspect-settings.ts'
import type { Container } from './row.ts'

const time = (ms: number | undefined): GoTime => (ms === undefined ? ZERO_TIME : GoTime.fromMs(ms))

/** A container with what lies around it; of a foreign runtime some of that is not known. */
export interface Surroundings {
  readonly container: Container
  readonly built: BuiltSpec
  readonly sizes: { readonly writable: number; readonly rootfs: number } | undefined
  /** Folders and files; empty: not known. */
  readonly files: { readonly etc: string; readonly dir: string; readonly config: string; readonly pidFile: string; readonly monitorPidFile: string }
  readonly execIds: readonly string[]
  readonly driverData: Readonly<Record<string, string>>
  readonly mounts: readonly unknown[]
  /** The addresses on top are those in this network. */
  readonly defaultNetwork: string
  /** What a container has unless it is told otherwise; absent: not known. */
  readonly defaultCaps?: readonly string[]
}

export function inspectedContainer({ container, built, sizes, files, execIds, driverData, mounts, defaultNetwork, defaultCaps }: Surroundings) {
  const { record, status, id } = container
  const { request } = record
  const words = [...record.entrypoint, ...record.command]
  const inEtc = (name: string): string => (files.etc === '' ? '' : `${files.etc}/${name}`)
  return struct('define.InspectContainerData', {
    ID: id, Created: time(record.createdAtMs), Path: words[0] ?? '', Args: words.length > 1 ? words.slice(1) : words, // one word alone is both, as in podman
    State: stateOf(container), Image: record.image?.id ?? '', ImageDigest: record.image?.digest ?? '',
    ImageName: record.image?.name ?? '', Rootfs: request.rootfs?.path ?? '', Pod: container.podId ?? '', ResolvConfPath: inEtc('resolv.conf'), HostnamePath: inEtc('hostname'),
    HostsPath: inEtc('hosts'), StaticDir: files.dir, OCIConfigPath: files.config, OCIRuntime: record.runtime.name, ConmonPidFile: request.monitorPidFile ?? files.monitorPidFile,
    PidFile: request.pidFile ?? files.pidFile, Name: container.name, RestartCount: status.restarts ?? 0, Driver: record.storageDriver, MountLabel: built.mountLabel, ProcessLabel: built.processLabel,
    AppArmorProfile: built.apparmor, EffectiveCaps: sliceOrNil(built.effectiveCaps), BoundingCaps: sliceOrNil(built.boundingCaps), ExecIDs: execIds, GraphDriver: struct('define.DriverData', { Name: record.storageDriver, Data: goMap(driverData) }),
    SizeRw: sizes?.writable ?? null, SizeRootFs: sizes?.rootfs ?? null, Mounts: mounts, Dependencies: neededContainers(request), NetworkSettings: networkSettings(container, defaultNetwork),
    Namespace: '', IsInfra: false, IsService: false, Config: configOf(container, built.env), HostConfig: hostConfigOf(container, built, defaultCaps),
  }, { ID: 'Id', ...(sizes ? {} : { SizeRw: '-', SizeRootFs: '-' }) })
}

const isUpNow = ({ phase }: Container): boolean => phase === 'running' || phase === 'paused'

function stateOf(container: Container) {
  const { phase, status } = container
  const isUp = isUpNow(container)
  const health = struct('define.HealthCheckResults', { Status: '', FailingStreak: 0, Log: null })
  return struct('define.InspectContainerState', {
    OciVersion: '1.0.2-dev', Status: phase, Running: phase === 'running', Paused: phase === 'paused', Restarting: false, OOMKilled: status.oomKilled ?? false, Dead: false,
    Pid: status.process?.pid ?? 0, ConmonPid: status.monitor?.pid ?? 0, ExitCode: status.exitCode ?? 0, Error: status.error ?? '', StartedAt: time(status.startedAtMs),
    FinishedAt: time(isUp ? undefined : status.finishedAtMs),
    Health: health, Healthcheck: () => health /* the older name */, CgroupPath: isUp ? status.cgroupPath ?? '' : '',
    CheckpointedAt: ZERO_TIME, RestoredAt: ZERO_TIME, ...(status.stoppedByUser === undefined ? {} : { StoppedByUser: status.stoppedByUser }),
  }, isUp ? {} : { CgroupPath: '-', ConmonPid: '-' })
}

/** The addresses on top are those in the default network. */
function networkSettings(container: Container, defaultNetwork: string) {
  const attached = attachments(container)
  const networks = attached.map((one) => [one.network, endpoint(one, container.id)] as const)
  const first = attached.find(({ network }) => network === defaultNetwork)
  const exposed = new Map<string, unknown>(container.record.exposed.map((port) => [port, null]))
  return struct('define.InspectNetworkSettings', {
    ...addressFields(first), Bridge: '', SandboxID: '', HairpinMode: false, LinkLocalIPv6Address: '', LinkLocalIPv6PrefixLen: 0,
    Ports: new Map([...exposed, ...portBindings(container)]), SandboxKey: isUpNow(container) ? container.status.netns ?? '' : '', Networks: mapOrNil(networks),
  }, networks.length ? {} : { Networks: '-' })
}

type Attached = NonNullable<Container['status']['networks']>[number]

/** Of one that does not run those that it will be in: the addresses of its last run may be another's by now. */
function attachments(container: Container): readonly Attached[] {
  const { status, record: { request: { network } } } = container
  if (isUpNow(container)) return status.networks ?? []
  if (network.kind !== 'bridge') return []
  return network.networks.map(({ name, aliases }) => ({ network: name, ips: [], ...(aliases ? { aliases } : {}) }) as unknown as Attached)
}

function addressFields(attached: Attached | undefined) {
  const v4 = attached?.ips.find(({ address }) => !address.includes(':'))
  const v6 = attached?.ips.find(({ address }) => address.includes(':'))
  const split = (cidr: string | undefined): [string, number] => (cidr === undefined ? ['', 0] : [cidr.split('/')[0]!, Number(cidr.split('/')[1] ?? 0)])
  const [[ip, prefix], [ip6, prefix6]] = [split(v4?.address), split(v6?.address)]
  return {
    EndpointID: '', Gateway: v4?.gateway ?? '', IPAddress: ip, IPPrefixLen: prefix, IPv6Gateway: v6?.gateway ?? '', GlobalIPv6Address: ip6, GlobalIPv6PrefixLen: prefix6, MacAddress: attached?.mac ?? '',
  }
}

const endpoint = (attached: Attached, id: string) => struct('define.InspectAdditionalNetwork', {
  ...addressFields(attached), NetworkID: attached.network, DriverOpts: null, IPAMConfig: null, Links: null, Aliases: [...(attached.aliases ?? []), id.slice(0, 12)],
})
