// Requests whose specifications are kept in this folder.
import type { SpecInputs } from '../../../src/spec/build-spec.ts'
import { parseCdiSpec } from '../../../src/spec/cdi.ts'
import { host, inputs, oldHost, request } from '../../../src/spec/fixtures.ts'
import { parseHookFile } from '../../../src/spec/hooks.ts'
import { parseSeccompProfile } from '../../../src/spec/seccomp.ts'

const base = inputs()
const idmaps = { uids: [{ containerId: 0, hostId: 100_000, size: 65_536 }], gids: [{ containerId: 0, hostId: 100_000, size: 65_536 }] }
const bin = { uid: 2, gid: 2, additionalGids: [2, 29], name: 'bin', home: '/bin' }
const hostKind = { kind: 'host' } as const

const gpu = parseCdiSpec({
  cdiVersion: '0.6.0', kind: 'acme.com/gpu', containerEdits: { env: ['ACME=1'], hooks: [{ hookName: 'createContainer', path: '/usr/bin/acme-hook' }] },
  devices: [{ name: '0', containerEdits: { deviceNodes: [{ path: '/dev/gpu0', hostPath: '/dev/fuse' }], mounts: [{ hostPath: '/usr/lib/acme', containerPath: '/usr/lib/acme', options: ['ro', 'rbind'] }] } }],
}, 'gpu.json')

export const cases: Readonly<Record<string, Partial<SpecInputs>>> = {
  plain: {},
  'old-host': { host: oldHost },
  terminal: { request: request({ terminal: true, stdin: true, command: ['sh', '-l'] }) },
  user: { user: bin },
  'user-added-capability': { user: bin, request: request({ security: { capAdd: ['NET_ADMIN'] } }) },
  privileged: { request: request({ security: { privileged: true } }) },
  'privileged-user': { user: bin, request: request({ security: { privileged: true } }) },
  hardened: { request: request({ security: { capDrop: ['ALL'], noNewPrivileges: true, maskPaths: ['/proc/foo'] }, readOnlyRootfs: true, readOnlyTmpfs: false }) },
  loosened: { request: request({ security: { seccomp: 'unconfined', apparmor: 'unconfined', unmaskPaths: ['ALL'], procOpts: ['hidepid=2'], capAdd: ['ALL'] } }) },
  'read-only': { request: request({ readOnlyRootfs: true }) },
  'host-namespaces': {
    hostname: 'machine', namespaces: { pid: hostKind, ipc: hostKind, uts: hostKind, cgroup: hostKind, network: hostKind, user: hostKind },
  },
  'joined-namespaces': {
    namespaces: { ...base.namespaces, pid: { kind: 'path', path: '/proc/42/ns/pid' }, ipc: { kind: 'path', path: '/proc/42/ns/ipc' }, uts: { kind: 'path', path: '/proc/42/ns/uts' } },
  },
  'user-namespace': { namespaces: { ...base.namespaces, user: { kind: 'private' } }, request: request({ idMappings: idmaps }) },
  'user-namespace-host-network': { namespaces: { ...base.namespaces, user: { kind: 'private' }, network: hostKind, pid: hostKind }, request: request({ idMappings: idmaps }) },
  mounts: {
    mounts: [
      { type: 'bind', source: '/srv/b', target: '/a/b', readOnly: true }, { type: 'bind', source: '/srv/a', target: '/a', propagation: 'rshared' },
      { type: 'bind', source: '/srv/rro', target: '/rro', recursiveReadOnly: true }, { type: 'tmpfs', target: '/scratch', sizeBytes: 1_048_576, mode: 0o700 },
      { type: 'devpts', target: '/pts' }, { type: 'mqueue', target: '/mq' }, { type: 'bind', source: '/my/hosts', target: '/etc/hosts', readOnly: true },
    ],
  },
  'idmapped-mount': { host: { ...host, runtime: { ...host.runtime, idmappedMounts: true } }, mounts: [{ type: 'bind', source: '/srv', target: '/srv', idmap: idmaps }] },
  'own-dev': { mounts: [{ type: 'bind', source: '/my/dev', target: '/dev' }] },
  limits: {
    request: request({
      resources: { memoryBytes: 104_857_600, cpus: 1.5, cpuShares: 512, cpusetCpus: '0', pidsLimit: 100, readBps: [{ path: '/dev/sda', rate: 1024 }], blkioWeight: 300, hugepageLimits: [{ pageSize: '2MB', limitBytes: 4_194_304 }], unified: [['memory.high', '90M']] },
      rlimits: [{ type: 'nofile', soft: 100, hard: 200 }, { type: 'core', soft: 0, hard: -1 }], oomScoreAdj: 100, shmSizeBytes: 1_048_576,
    }),
    files: {},
  },
  'limits-old-host': {
    host: oldHost,
    request: request({ resources: { memoryBytes: 104_857_600, memorySwappiness: 10, oomKillDisable: true, cpuQuotaUs: 5000, cpuPeriodUs: 10_000, cpuRtPeriodUs: 1000, blkioWeight: 300, unified: [['memory.high', '90M']] }, rlimits: [{ type: 'nproc', soft: -1, hard: -1 }], oomScoreAdj: -100 }),
  },
  devices: {
    devices: [{ ...host.devices[0]!, target: '/dev/f2', permissions: 'r' }],
    request: request({ resources: { deviceCgroupRules: ['c 10:* rw', 'b *:* m'] } }),
  },
  cdi: { cdi: [gpu], cdiNodes: host.devices, request: request({ devices: [{ source: 'acme.com/gpu=0' }] }) },
  systemd: { request: request({ command: ['/sbin/init'] }) },
  'systemd-old-host': { host: oldHost, request: request({ systemd: 'always' }) },
  init: { request: request({ init: true }), initPath: '/usr/bin/catatonit' },
  environment: {
    image: { Entrypoint: ['/entry'], Cmd: ['x'], Env: ['A=image', 'B=image'], WorkingDir: '/w' }, proxyEnv: [['http_proxy', 'http://proxy:3128']],
    request: request({ env: [['A', 'mine']], unsetEnv: ['B'], umask: 0o077, domainname: 'example.com', sysctls: [['net.core.somaxconn', '10']], annotations: [['org.example', 'x']], personality: 'linux32' }),
    files: { ...base.files, passwd: '/run/c/passwd', group: '/run/c/group', localtime: '/usr/share/zoneinfo/Europe/Berlin' },
  },
  hooks: {
    hooks: [parseHookFile({ version: '1.0.0', hook: { path: '/usr/bin/trace', args: ['trace'], timeout: 5 }, when: { always: true }, stages: ['prestart', 'poststop'] }, 'a.json')],
  },
  'own-seccomp': {
    request: request({ security: { seccomp: { path: 'p.json' } } }),
    seccompProfile: parseSeccompProfile({ defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_X86_64'], syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_ERRNO', errno: 'EACCES' }] }, 'p.json'),
  },
  confined: {
    host: { ...host, apparmor: { loadedProfiles: ['scow-default'] }, selinux: true },
    selinux: { processLabel: 'system_u:system_r:container_t:s0:c1,c2', mountLabel: 'system_u:object_r:container_file_t:s0:c1,c2' },
  },
  cri: {
    user: bin,
    request: request({ security: { capAdd: ['NET_RAW'], capAddAmbient: false, ambientCaps: ['CHOWN'], exactMaskedPaths: ['/proc/kcore'], exactReadOnlyPaths: [] } }),
    cgroupsPath: 'kubepods-pod1.slice:scow:0123456789abcdef',
  },
}
