// A container as `ps` shows it: in columns, to templates, as JSON.
import { humanDuration, humanSize } from '../../cli/human.ts'
import { GoTime, goMap, struct, mapOrNil, sliceOrNil } from '../../cli/template/values.ts'
import { byProtocol, portsText } from './ports-text.ts'
import { portsOf, type Row } from './row.ts'

export interface Shown {
  readonly row: Row
  readonly nowMs: number
  readonly truncate: boolean
  /** Bytes; with --size. */
  readonly size?: { readonly writable: number; readonly rootfs: number }
  /** Inodes by name; with --ns. */
  readonly namespaces?: Readonly<Record<string, string>>
}

/** 0001-01-01 in seconds since 1970: Go's zero time. */
const ZERO_SECONDS = -62135596800
const COMMAND_WIDTH = 17
const SHORT_ID = 12

export const idText = ({ row, truncate }: Shown): string => (truncate ? row.id.slice(0, SHORT_ID) : row.id)

export const commandText = ({ row, truncate }: Shown): string => {
  const text = row.summary.command.join(' ')
  return truncate && text.length > COMMAND_WIDTH ? `${text.slice(0, COMMAND_WIDTH)}...` : text
}

const ago = (ms: number | undefined, nowMs: number): string => `${humanDuration(nowMs - (ms ?? nowMs))} ago`

export const createdText = ({ row, nowMs }: Shown): string => ago(row.createdAtMs, nowMs)

export function statusText({ row: { phase, status }, nowMs }: Shown): string {
  switch (phase) {
    case 'running': return `Up ${ago(status.startedAtMs, nowMs)}`
    case 'paused': return 'Paused'
    case 'exited': return `Exited (${status.exitCode ?? 0}) ${ago(status.finishedAtMs, nowMs)}`
    case 'created': return 'Created'
    default: return 'Removing'
  }
}

export const sizeText = ({ size }: Shown): string => (size ? `${humanSize(size.writable)} (virtual ${humanSize(size.rootfs)})` : '')

const seconds = (ms: number | undefined): number => (ms === undefined ? ZERO_SECONDS : Math.floor(ms / 1000))

/** none and host are modes, not networks. */
const networkNames = ({ summary }: Row): string[] => summary.networks.filter((name) => name !== 'none' && name !== 'host')

const portMappings = (row: Row) => sliceOrNil(byProtocol(portsOf(row)).map(({ hostIp, hostPort, containerPort, protocol, count }) =>
  struct('types.PortMapping', { HostIP: hostIp, ContainerPort: containerPort, HostPort: hostPort, Range: count, Protocol: protocol },
    { HostIP: 'host_ip', ContainerPort: 'container_port', HostPort: 'host_port', Range: 'range', Protocol: 'protocol' })))

/** What a template sees. */
export function psView(shown: Shown) {
  const { row, namespaces = {} } = shown
  const { summary, status } = row
  const created = GoTime.fromMs(row.createdAtMs)
  const human = createdText(shown)
  return struct('containers.psReporter', {
    AutoRemove: summary.autoRemove, Command: commandText(shown), Created: created, CreatedAt: created, CreatedHuman: human, RunningFor: human,
    Exited: row.phase === 'exited', ExitedAt: seconds(status.finishedAtMs), ExitCode: status.exitCode ?? 0, ID: idText(shown), Image: summary.imageName,
    ImageID: shown.truncate ? row.imageId?.slice(0, SHORT_ID) ?? '' : row.imageId ?? '', IsInfra: false, Labels: mapOrNil(Object.entries(summary.labels)), Mounts: summary.mounts,
    Names: row.name, Networks: networkNames(row).join(','), Namespaces: goMap(namespaces), Pid: status.process?.pid ?? 0, Pod: row.podId ?? '', PodName: summary.pod ?? '',
    PodID: row.podId ?? '', Ports: portsText(row), Restarts: status.restarts ?? 0, Size: sizeText(shown), StartedAt: seconds(status.startedAtMs), State: statusText(shown),
    Status: statusText(shown), CIDFile: '', CGROUPNS: namespaces['cgroup'] ?? '', IPC: namespaces['ipc'] ?? '', MNT: namespaces['mnt'] ?? '', NET: namespaces['net'] ?? '',
    PIDNS: namespaces['pid'] ?? '', USERNS: namespaces['user'] ?? '', UTS: namespaces['uts'] ?? '',
    Label: (name: string) => summary.labels[name] ?? '',
  })
}

export const PS_HEADINGS: Readonly<Record<string, string>> = {
  ID: 'CONTAINER ID', CreatedHuman: 'CREATED', RunningFor: 'CREATED', CreatedAt: 'CREATED', Created: 'CREATED', State: 'STATUS', Pod: 'POD ID', PodID: 'POD ID', PodName: 'PODNAME',
  Networks: 'NETWORKS', CGROUPNS: 'CGROUPNS', IPC: 'IPC', MNT: 'MNT', NET: 'NET', PIDNS: 'PIDNS', USERNS: 'USERNS', UTS: 'UTS', ImageID: 'IMAGE ID', IsInfra: 'ISINFRA',
}

/** What `--format json` prints. */
export function psJson(shown: Shown) {
  const { row, namespaces = {}, size } = shown
  const { summary, status } = row
  return {
    AutoRemove: summary.autoRemove, Command: summary.command, CreatedAt: createdText(shown), Exited: row.phase === 'exited', ExitedAt: seconds(status.finishedAtMs),
    ExitCode: status.exitCode ?? 0, Id: row.id, Image: summary.imageName, ImageID: row.imageId ?? '', IsInfra: false, Labels: mapOrNil(Object.entries(summary.labels)),
    Mounts: summary.mounts, Names: [row.name], Namespaces: namespacesJson(namespaces), Networks: networkNames(row), Pid: status.process?.pid ?? 0, Pod: row.podId ?? '',
    PodName: summary.pod ?? '', Ports: portMappings(row), Restarts: status.restarts ?? 0, Size: size ? { rootFsSize: size.rootfs, rwSize: size.writable } : null,
    StartedAt: seconds(status.startedAtMs), State: row.phase, Status: statusText(shown), Created: seconds(row.createdAtMs),
  }
}

const namespacesJson = (namespaces: Readonly<Record<string, string>>) => {
  const names = { cgroup: 'Cgroup', ipc: 'Ipc', mnt: 'Mnt', net: 'Net', pid: 'Pidns', user: 'User', uts: 'Uts' } as const
  return Object.fromEntries(Object.entries(names).flatMap(([kind, name]) => (namespaces[kind] === undefined ? [] : [[name, namespaces[kind]]])))
}
