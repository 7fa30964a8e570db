import { commaList, count, flag, integer, list, size, text } from '../../../cli/option.ts'
import { parseSizeOrUnlimited } from '../../../cli/value.ts'
import type { OptionSpec } from '../../../cli/command.ts'

const limit = (flags: string, summary: string): OptionSpec<number | undefined> => ({ ...size(flags, summary), parse: parseSizeOrUnlimited })
const fraction = (flags: string, summary: string): OptionSpec<number | undefined> => ({
  flags, summary, isSwitch: false, initial: undefined,
  parse: (value: string) => {
    if (!/^\d+(\.\d+)?$|^\.\d+$/.test(value)) throw new Error('expected a number such as 1.5')
    return Number(value)
  },
})

const NAMESPACE_MODES: readonly string[] = ['private', 'host', 'container:', 'ns:']

/** Limits. */
export const resourceOptions = {
  memory: size('-m, --memory <size>', 'Limit of memory'),
  memorySwap: limit('--memory-swap <size>', 'Limit of memory and swap together; -1 for none'),
  memoryReservation: size('--memory-reservation <size>', 'Soft limit of memory'),
  kernelMemory: text('--kernel-memory <size>', 'Accepted for compatibility: the kernel has no such limit any more'),
  memorySwappiness: integer('--memory-swappiness <0-100>', 'How eagerly the kernel swaps (cgroup v1)'),
  oomKillDisable: flag('--oom-kill-disable', 'Do not kill when memory is out (cgroup v1)'),
  oomScoreAdj: integer('--oom-score-adj <number>', 'Preference of the OOM killer, -1000 to 1000'),
  cpus: fraction('--cpus <number>', 'Number of CPUs'),
  cpuShares: count('-c, --cpu-shares <shares>', 'Relative weight of CPU time'),
  cpuPeriod: count('--cpu-period <microseconds>', 'Period of the CPU quota'),
  cpuQuota: integer('--cpu-quota <microseconds>', 'CPU time in each period'),
  cpuRtPeriod: count('--cpu-rt-period <microseconds>', 'Period of real-time CPU (cgroup v1)'),
  cpuRtRuntime: integer('--cpu-rt-runtime <microseconds>', 'Real-time CPU in each period (cgroup v1)'),
  cpusetCpus: text('--cpuset-cpus <list>', 'CPUs to use, such as 0-2,4'),
  cpusetMems: text('--cpuset-mems <list>', 'Memory nodes to use'),
  pidsLimit: integer('--pids-limit <number>', 'Limit of processes; -1 for none'),
  blkioWeight: integer('--blkio-weight <10-1000>', 'Weight of block IO'),
  blkioWeightDevice: list('--blkio-weight-device <path:weight>', 'Weight of block IO on a device'),
  deviceReadBps: commaList('--device-read-bps <path:rate>', 'Limit of reading from a device in bytes each second'),
  deviceWriteBps: commaList('--device-write-bps <path:rate>', 'Limit of writing to a device in bytes each second'),
  deviceReadIops: commaList('--device-read-iops <path:rate>', 'Limit of reads from a device each second'),
  deviceWriteIops: commaList('--device-write-iops <path:rate>', 'Limit of writes to a device each second'),
  ulimit: commaList('--ulimit <name=soft[:hard]>', 'Resource limit of the process, or host'),
  shmSize: size('--shm-size <size>', 'Size of /dev/shm'),
  shmSizeSystemd: size('--shm-size-systemd <size>', 'Size of each tmpfs of systemd mode'),
  cgroups: text('--cgroups <how>', 'enabled, no-conmon or split', { offers: ['enabled', 'no-conmon', 'split'] }),
  cgroupParent: text('--cgroup-parent <path>', 'Cgroup above the container\'s'),
  cgroupConf: commaList('--cgroup-conf <key=value>', 'Value to write into the cgroup (v2)'),
  rdtClass: text('--rdt-class <class>', 'Intel RDT class of service'),
}

/** Rights and namespaces. */
export const securityOptions = {
  privileged: flag('--privileged', 'Give it all rights of root on the host'),
  capAdd: commaList('--cap-add <capability>', 'Add a capability', { complete: 'capability' }),
  capDrop: commaList('--cap-drop <capability>', 'Drop a capability', { complete: 'capability' }),
  securityOpt: list('--security-opt <option>', 'no-new-privileges, seccomp=, apparmor=, label=, mask=, unmask=, proc-opts=', { offers: ['no-new-privileges', 'seccomp=', 'apparmor=', 'label=', 'mask=', 'unmask=', 'proc-opts='] }),
  device: commaList('--device <path[:path[:rwm]]>', 'Add a device of the host, or a CDI device'),
  gpus: commaList('--gpus <entry>', 'Add NVIDIA GPUs by CDI: all, or names such as 0'),
  deviceCgroupRule: list('--device-cgroup-rule <rule>', 'Allow devices, such as "c 1:3 rwm"'),
  sysctl: commaList('--sysctl <name=value>', 'Set a namespaced kernel parameter'),
  pid: text('--pid <mode>', 'PID namespace: private, host, container:NAME or ns:PATH', { offers: NAMESPACE_MODES }),
  ipc: text('--ipc <mode>', 'IPC namespace: private, shareable, none, host, container:NAME or ns:PATH', { offers: [...NAMESPACE_MODES, 'shareable', 'none'] }),
  uts: text('--uts <mode>', 'UTS namespace: private, host, container:NAME or ns:PATH', { offers: NAMESPACE_MODES }),
  cgroupns: text('--cgroupns <mode>', 'Cgroup namespace: private, host, container:NAME or ns:PATH', { offers: NAMESPACE_MODES }),
}

/** Files. */
export const storageOptions = {
  volume: list('-v, --volume <[source:]target[:options]>', 'Bind a path of the host, or a volume', { complete: 'file' }),
  mount: list('--mount <type=...,...>', 'Mount a bind, volume, tmpfs, image, devpts or mqueue', { offers: ['type=bind,', 'type=volume,', 'type=tmpfs,', 'type=image,', 'type=devpts,', 'type=mqueue,'] }),
  tmpfs: list('--tmpfs <path[:options]>', 'Mount a tmpfs'),
  volumesFrom: list('--volumes-from <container[:options]>', 'Mount the volumes of another container', { complete: 'container' }),
  imageVolume: text('--image-volume <mode>', 'bind, tmpfs or ignore: what to do with volumes of the image', { offers: ['bind', 'tmpfs', 'ignore'] }),
  readOnly: flag('--read-only', 'Make the root file system read-only'),
  readOnlyTmpfs: flag('--read-only-tmpfs', 'With --read-only, keep /run, /tmp and /var/tmp writable', true),
}

/** Network. */
export const networkOptions = {
  network: list('--net, --network <mode>', 'none, host, bridge, a network\'s name[:options], container:NAME or ns:PATH', { complete: 'network', offers: ['none', 'host', 'bridge', 'container:', 'ns:'] }),
  networkAlias: commaList('--network-alias <name>', 'Further name in its networks, for the CNI plugin dnsname where that is installed'),
  ip: text('--ip <address>', 'IPv4 address'),
  ip6: text('--ip6 <address>', 'IPv6 address'),
  macAddress: text('--mac-address <address>', 'MAC address'),
  publish: commaList('-p, --publish <[[ip:]port:]port[/protocol]>', 'Publish a port on the host'),
  publishAll: flag('-P, --publish-all', 'Publish every exposed port on a free port'),
  expose: commaList('--expose <port[/protocol]>', 'Expose a port'),
  dns: commaList('--dns <address>', 'DNS server, or none'),
  dnsSearch: commaList('--dns-search <domain>', 'DNS search domain'),
  dnsOption: commaList('--dns-opt, --dns-option <option>', 'Option of resolv.conf'),
  addHost: list('--add-host <name:address>', 'Line of /etc/hosts'),
  noHosts: flag('--no-hosts', 'Leave the image\'s /etc/hosts'),
  hostsFile: text('--hosts-file <file>', 'Base of /etc/hosts: a path, image or none', { complete: 'file' }),
}
