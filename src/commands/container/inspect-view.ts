// A container as `inspect` prints it, in podman's shape.
import { GoTime, ZERO_TIME, goMap, struct } from '../../cli/template/values.ts'
import type { Engine } from '../../engine/engine.ts'
import { execSessions } from '../../engine/exec-container.ts'
import { findContainer } from '../../engine/find-container.ts'
import { configOf, hostConfigOf, portBindings } from './inspect-settings.ts'
import { containerSize } from './ps-extras.ts'
import { expectedSpec, readBuiltSpec } from './built-spec.ts'
import type { Container } from './row.ts'

const time = (ms: number | undefined): GoTime => (ms === undefined ? ZERO_TIME : GoTime.fromMs(ms))

/** @throws Failure notFound */
export async function inspectContainer(engine: Engine, nameOrId: string, { size }: { size: boolean }) {
  const container = await findContainer(engine, nameOrId)
  const { record, status, id } = container
  const { request } = record
  const [path = '', ...args] = [...record.entrypoint, ...record.command]
  const paths = engine.paths.container(id)
  const built = readBuiltSpec(paths.config) ?? await expectedSpec(engine, record)
  const sizes = size ? await containerSize(engine, container) : undefined
  return struct('define.InspectContainerData', {
    ID: id, Created: time(record.createdAtMs), Path: path, Args: args, State: stateOf(container), Image: record.image?.id ?? '', ImageDigest: record.image?.digest ?? '',
    ImageName: record.image?.name ?? '', Rootfs: request.rootfs?.path ?? '', Pod: container.podId ?? '', ResolvConfPath: `${paths.etc}/resolv.conf`, HostnamePath: `${paths.etc}/hostname`,
    HostsPath: `${paths.etc}/hosts`, StaticDir: paths.dir, OCIConfigPath: paths.config, OCIRuntime: record.runtime.name, ConmonPidFile: request.monitorPidFile ?? paths.monitorPidFile,
    PidFile: request.pidFile ?? paths.pidFile, Name: container.name, RestartCount: status.restarts ?? 0, Driver: record.storageDriver, MountLabel: built.mountLabel, ProcessLabel: built.processLabel,
    AppArmorProfile: built.apparmor, EffectiveCaps: built.effectiveCaps, BoundingCaps: built.boundingCaps, ExecIDs: execSessions(engine, id), GraphDriver: await graphDriver(engine, container),
    ...(sizes ? { SizeRw: sizes.writable, SizeRootFs: sizes.rootfs } : {}), Mounts: await mountsOf(engine, container), Dependencies: dependencies(request), NetworkSettings: networkSettings(container, engine.config.network.defaultNetwork),
    Namespace: '', IsInfra: false, IsService: false, Config: configOf(container, built.env), HostConfig: hostConfigOf(container, built.rlimits),
  }, { ID: 'Id' })
}

function stateOf({ phase, status }: Container) {
  const isUp = phase === 'running' || phase === 'paused'
  return struct('define.InspectContainerState', {
    OciVersion: '1.0.2-dev', Status: phase, Running: phase === 'running', Paused: phase === 'paused', Restarting: false, OOMKilled: status.oomKilled ?? false, Dead: false,
    Pid: status.process?.pid ?? 0, ConmonPid: status.monitor?.pid ?? 0, ExitCode: status.exitCode ?? 0, Error: status.error ?? '', StartedAt: time(status.startedAtMs),
    FinishedAt: time(phase === 'running' || phase === 'paused' ? undefined : status.finishedAtMs),
    Health: struct('define.HealthCheckResults', { Status: '', FailingStreak: 0, Log: null }), CgroupPath: isUp ? status.cgroupPath ?? '' : '',
    CheckpointedAt: ZERO_TIME, RestoredAt: ZERO_TIME, ...(status.stoppedByUser === undefined ? {} : { StoppedByUser: status.stoppedByUser }),
  }, isUp ? {} : { CgroupPath: '-', ConmonPid: '-' })
}

async function graphDriver(engine: Engine, { id, record, phase }: Container) {
  const storage = await engine.storage()
  const upper = storage.containers.upperDir(id)
  const isRunning = phase === 'running' || phase === 'paused'
  return struct('define.DriverData', {
    Name: record.storageDriver,
    Data: goMap({
      LowerDir: (await lowerDirs(engine, record.image?.chainIds ?? [])).join(':'), ...(isRunning ? { MergedDir: storage.containers.rootPath(id) } : {}),
      UpperDir: upper, WorkDir: upper.replace(/[^/]+$/, 'work'),
    }),
  })
}

/** Trees of the layers, top first. */
async function lowerDirs(engine: Engine, chainIds: readonly string[]): Promise<string[]> {
  const { layers } = await engine.storage()
  const found = await Promise.all([...chainIds].reverse().map((chainId) => layers.find(chainId as Parameters<typeof layers.find>[0])))
  return found.flatMap((layer) => (layer ? [layer.tree] : []))
}

async function mountsOf(engine: Engine, { record }: Container) {
  const shown: unknown[] = []
  for (const mount of record.request.mounts) {
    if (mount.type !== 'bind' && mount.type !== 'volume' && mount.type !== 'image') continue
    const name = mount.type === 'volume' ? mount.name ?? record.volumes.find(({ target }) => target === mount.target)?.name ?? '' : ''
    const volume = name === '' ? undefined : await engine.state.volumes.get(name)
    const source = mount.type === 'bind' ? mount.source : mount.type === 'image' ? mount.image : volume?.mountpoint ?? ''
    const propagation = 'propagation' in mount ? mount.propagation ?? 'rprivate' : 'rprivate'
    shown.push(struct('define.InspectMount', {
      Type: mount.type, Name: name, Source: source, Destination: mount.target, Driver: mount.type === 'volume' ? volume?.driver ?? 'local' : '', Mode: '',
      Options: [...(mount.type === 'volume' ? ['nosuid', 'nodev'] : []), ...(mount.options ?? []), mount.type === 'bind' && mount.nonRecursive ? 'bind' : 'rbind'], RW: !mount.readOnly, Propagation: propagation,
    }, name === '' ? { Name: '-' } : {}))
  }
  return shown
}

const dependencies = ({ network, namespaces }: Container['record']['request']): string[] => [...new Set([
  ...(network.kind === 'container' ? [network.id] : []), ...Object.values(namespaces).flatMap((mode) => (mode?.kind === 'container' ? [mode.id] : [])),
])]

/** The addresses on top are those in the default network. */
function networkSettings(container: Container, defaultNetwork: string) {
  const { status } = container
  const networks = (status.networks ?? []).map((one) => [one.network, endpoint(one, container.id)] as const)
  const first = status.networks?.find(({ network }) => network === defaultNetwork)
  const exposed = new Map<string, unknown>(container.record.exposed.map((port) => [port, null]))
  return struct('define.InspectNetworkSettings', {
    ...addressFields(first), Bridge: '', SandboxID: '', HairpinMode: false, LinkLocalIPv6Address: '', LinkLocalIPv6PrefixLen: 0,
    Ports: new Map([...exposed, ...portBindings(container)]), SandboxKey: status.netns ?? '', ...(networks.length ? { Networks: new Map(networks) } : {}),
  })
}

type Attached = NonNullable<Container['status']['networks']>[number]

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
