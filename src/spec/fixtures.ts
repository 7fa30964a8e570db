// Requests and hosts for the tests of this folder.
import type { SpecInputs } from './build-spec.ts'
import type { HostFacts } from './host-facts.ts'
import type { ContainerRequest } from './request.ts'
import { CAPABILITIES, DEFAULT_CAPABILITIES } from '../capabilities.ts'

export const host: HostFacts = {
  architecture: 'amd64',
  kernel: { major: 6, minor: 1 },
  cgroup: { version: 2, controllers: ['cpu', 'cpuset', 'memory', 'pids', 'io', 'hugetlb'], swapAccounting: true },
  rootless: false,
  boundingCapabilities: CAPABILITIES,
  rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1024, hard: 524_288 }, { type: 'RLIMIT_NPROC', soft: 2000, hard: 2000 }],
  oomScoreAdj: 0,
  selinux: false,
  seccomp: true,
  x32: true,
  devices: [
    { path: '/dev/fuse', type: 'c', major: 10, minor: 229, fileMode: 0o666, uid: 0, gid: 0 },
    { path: '/dev/sda', type: 'b', major: 8, minor: 0, fileMode: 0o660, uid: 0, gid: 6 },
    { path: '/dev/tty1', type: 'c', major: 4, minor: 1, fileMode: 0o620, uid: 0, gid: 5 },
    { path: '/dev/ptmx', type: 'c', major: 5, minor: 2, fileMode: 0o666, uid: 0, gid: 5 },
  ],
  hugepageSizes: ['2MB'],
  cgroupNamespaces: true,
  runtime: { ociVersion: '1.0.2', idmappedMounts: false },
}

/** A host with cgroup v1 whose caller may not raise limits. */
export const oldHost: HostFacts = {
  ...host,
  kernel: { major: 4, minor: 19 },
  cgroup: { version: 1, controllers: ['cpu', 'memory', 'pids', 'blkio', 'devices'], swapAccounting: false },
  boundingCapabilities: CAPABILITIES.filter((name) => name !== 'SYS_RESOURCE'),
}

export const request = (more: Partial<ContainerRequest> = {}): ContainerRequest => ({
  image: 'busybox', command: [], env: [], terminal: false, stdin: false, labels: [], annotations: [], mounts: [], devices: [],
  network: { kind: 'none' }, ports: [],
  namespaces: { pid: { kind: 'private' }, ipc: { kind: 'shareable' }, uts: { kind: 'private' }, cgroup: { kind: 'private' } },
  security: {}, resources: {}, sysctls: [], log: { driver: 'k8s-file' }, restart: { name: 'no' }, ...more,
})

const ID = '0123456789abcdef'.repeat(4)

export const inputs = (more: Partial<SpecInputs> = {}): SpecInputs => ({
  id: ID,
  request: request(),
  image: { Cmd: ['sh'], Env: ['PATH=/usr/bin:/bin'] },
  rootfsPath: '/rootfs',
  user: { uid: 0, gid: 0, additionalGids: [], name: 'root', home: '/root' },
  mounts: [],
  files: { hosts: '/run/c/hosts', resolvConf: '/run/c/resolv.conf', hostname: '/run/c/hostname', containerenv: '/run/c/.containerenv', shm: '/run/c/shm' },
  namespaces: {
    pid: { kind: 'private' }, ipc: { kind: 'private' }, uts: { kind: 'private' }, cgroup: { kind: 'private' }, user: { kind: 'host' },
    network: { kind: 'path', path: '/run/netns/c' },
  },
  hostname: ID.slice(0, 12),
  cgroupsPath: `/scow/${ID}`,
  host,
  devices: [],
  cdi: [],
  hooks: [],
  defaults: {
    capabilities: DEFAULT_CAPABILITIES,
    rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1_048_576, hard: 1_048_576 }, { type: 'RLIMIT_NPROC', soft: 1_048_576, hard: 1_048_576 }],
    sysctls: [['net.ipv4.ping_group_range', '0 0']],
    env: [], annotations: [], pidsLimit: 2048, shmSizeBytes: 67_108_864, umask: 0o022, apparmorProfile: 'scow-default',
  },
  proxyEnv: [],
  hostEnv: [],
  blockDevices: new Map([['/dev/sda', { major: 8, minor: 0 }]]),
  ...more,
})
