// The mounts that a container has without asking.
import type { SpecInputs } from './build-spec.ts'
import { tmpfsOptions } from './mounts.ts'
import type { OciMount } from './oci-spec.ts'
import { INIT_TARGET } from './process.ts'

const SAFE = ['nosuid', 'noexec', 'nodev']
/** Where a container finds the service manager's socket. */
export const NOTIFY_TARGET = '/run/notify'
/** Group tty in every distribution. */
const TTY_GID = 5

export interface OwnMountOptions {
  readonly systemd: boolean
  readonly init: boolean
}

/** Kernel file systems, /dev/shm, the generated files, and the tmpfs of read-only and systemd containers; parents first. */
export const ownMounts = (inputs: SpecInputs, options: OwnMountOptions): OciMount[] => [
  ...kernelMounts(inputs),
  ...sharedMemory(inputs),
  cgroupMount(inputs, options),
  ...(options.systemd ? systemdMounts(inputs) : []),
  ...readOnlyRootMounts(inputs),
  ...fileMounts(inputs, options),
]

function kernelMounts({ request, namespaces }: SpecInputs): OciMount[] {
  // In a user namespace the kernel lets these be mounted only together with the namespace that they show.
  const foreign = (kind: 'pid' | 'network' | 'ipc') => namespaces.user.kind !== 'host' && namespaces[kind].kind === 'host'
  const privileged = request.security.privileged === true
  const access = readOnlyDev({ request }) ? ['ro'] : []
  return [
    foreign('pid') ? bound('/proc', ['rbind']) : { destination: '/proc', type: 'proc', source: 'proc', options: [...SAFE, ...(request.security.procOpts ?? [])] },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'noexec', 'strictatime', 'mode=755', 'size=65536k', ...access] },
    foreign('network')
      ? bound('/sys', ['rbind', ...(privileged ? [] : ['ro'])])
      : { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...SAFE, privileged ? 'rw' : 'ro'] },
    { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', ...ttyGroup({ request, namespaces })] },
    foreign('ipc') ? bound('/dev/mqueue', ['rbind']) : { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: [...SAFE] },
  ]
}

const bound = (path: string, options: readonly string[]): OciMount => ({ destination: path, type: 'bind', source: path, options: [...options, 'rprivate', ...SAFE] })

/** `--read-only --read-only-tmpfs=false` means really nothing to write on. */
const readOnlyDev = ({ request }: Pick<SpecInputs, 'request'>) => request.readOnlyRootfs === true && request.readOnlyTmpfs === false

function ttyGroup({ request, namespaces }: Pick<SpecInputs, 'request' | 'namespaces'>): string[] {
  const mapped = request.idMappings?.gids.some(({ containerId, size }) => containerId <= TTY_GID && TTY_GID < containerId + size)
  return namespaces.user.kind !== 'host' && !mapped ? [] : [`gid=${TTY_GID}`]
}

function sharedMemory({ request, namespaces, files, defaults }: SpecInputs): OciMount[] {
  if (request.namespaces.ipc.kind === 'none') return []
  const access = readOnlyDev({ request }) ? ['ro'] : []
  const source = namespaces.ipc.kind === 'host' ? '/dev/shm' : files.shm
  if (source) return [{ destination: '/dev/shm', type: 'bind', source, options: ['bind', 'rprivate', ...SAFE, ...access] }]
  const size = request.shmSizeBytes ?? defaults.shmSizeBytes
  return [{ destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: [...SAFE, 'mode=1777', `size=${size}`, ...access] }]
}

function cgroupMount({ request, host }: SpecInputs, { systemd }: OwnMountOptions): OciMount {
  const writable = request.security.privileged === true || (systemd && host.cgroup.version === 2)
  return { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['rprivate', ...SAFE, 'relatime', writable ? 'rw' : 'ro'] }
}

/** https://systemd.io/CONTAINER_INTERFACE */
const systemdMounts = ({ host, request: { systemdTmpfsBytes: bytes } }: SpecInputs): OciMount[] => [
  ...['/run', '/run/lock', '/tmp', '/var/log/journal'].map((path) => scratch(path, [...(path === '/tmp' ? ['mode=1777'] : []), ...(bytes === undefined ? [] : [`size=${bytes}`])])),
  ...(host.cgroup.version === 1
    ? [{ destination: '/sys/fs/cgroup/systemd', type: 'bind', source: '/sys/fs/cgroup/systemd', options: ['bind', 'rprivate'] }] : []),
]

const readOnlyRootMounts = ({ request }: SpecInputs): OciMount[] =>
  (request.readOnlyRootfs && request.readOnlyTmpfs !== false ? ['/run', '/tmp', '/var/tmp'].map((path) => scratch(path, [])) : [])

const scratch = (destination: string, options: readonly string[]): OciMount =>
  ({ destination, type: 'tmpfs', source: 'tmpfs', options: tmpfsOptions(['rw', ...options]) })

function fileMounts({ request, files, initPath }: SpecInputs, { init }: OwnMountOptions): OciMount[] {
  const access = request.readOnlyRootfs ? ['ro', ...SAFE] : []
  const targets = [
    ['/etc/hostname', files.hostname], ['/etc/hosts', files.hosts], ['/etc/resolv.conf', files.resolvConf], ['/etc/passwd', files.passwd],
    ['/etc/group', files.group], ['/run/.containerenv', files.containerenv],
  ] as const
  return [
    ...targets.flatMap(([destination, source]) => (source ? [{ destination, type: 'bind', source, options: ['bind', 'rprivate', ...access] }] : [])),
    ...(files.localtime ? [{ destination: '/etc/localtime', type: 'bind', source: files.localtime, options: ['bind', 'rprivate', 'ro'] }] : []),
    ...(files.notify ? [{ destination: NOTIFY_TARGET, type: 'bind', source: files.notify, options: ['bind', 'rprivate', ...SAFE] }] : []),
    ...(init && initPath ? [{ destination: INIT_TARGET, type: 'bind', source: initPath, options: ['bind', 'rprivate', 'ro'] }] : []),
  ]
}
