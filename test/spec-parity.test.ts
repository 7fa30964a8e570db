// Our specification beside the one that Debian's podman writes for the same flags, on the points that containers notice.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { buildSpec, type SpecInputs } from '../src/spec/build-spec.ts'
import { capabilitiesOfMask } from '../src/spec/capabilities.ts'
import { inputs, oldHost, request } from '../src/spec/fixtures.ts'
import type { OciMount, OciSpec } from '../src/spec/oci-spec.ts'
import { resolveUser } from '../src/spec/users.ts'
import { processesGone, unmountRoots } from './support/leftovers.ts'

const PASSWD = 'root:x:0:0:root:/root:/bin/sh\nbin:x:2:2:bin:/bin:/bin/sh\n'
const GROUP = 'root:x:0:\nbin:x:2:\naudio:x:29:bin\n'

const dir = mkdtempSync('/tmp/scow-parity-')
const podman = (...args: string[]): string => execFileSync('podman', ['--root', join(dir, 'root'), '--runroot', join(dir, 'run'), '--tmpdir', join(dir, 'tmp'), '--cgroup-manager', 'cgroupfs', '--runtime', 'runc', ...args], {
  encoding: 'utf8', env: { PATH: process.env['PATH'], CONTAINERS_CONF: join(dir, 'containers.conf') }, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000,
}).trim()

before(() => {
  writeFileSync(join(dir, 'containers.conf'), `[containers]
default_ulimits = ["nofile=2000:2000", "nproc=2000:2000"]
default_capabilities = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"]
`)
  const rootfs = join(dir, 'rootfs')
  for (const name of ['bin', 'etc', 'tmp', 'run', 'proc', 'sys', 'dev', 'root', 'var/tmp']) mkdirSync(join(rootfs, name), { recursive: true })
  copyFileSync('/bin/busybox', join(rootfs, 'bin/busybox'))
  symlinkSync('busybox', join(rootfs, 'bin/sh'))
  writeFileSync(join(rootfs, 'etc/passwd'), PASSWD)
  writeFileSync(join(rootfs, 'etc/group'), GROUP)
  execFileSync('tar', ['-C', rootfs, '-cf', join(dir, 'image.tar'), '.'])
  podman('import', '--quiet', join(dir, 'image.tar'), 'box:1')
})
after(async () => {
  podman('rm', '--all', '--force', '--time', '0')
  await processesGone(dir)
  unmountRoots(dir)
  rmSync(dir, { recursive: true, force: true })
})

function podmanSpec(flags: readonly string[]): OciSpec {
  const id = podman('create', '--network', 'none', ...flags, 'box:1', 'sh')
  podman('init', id)
  return JSON.parse(readFileSync(join(dir, 'root/overlay-containers', id, 'userdata/config.json'), 'utf8')) as OciSpec
}

const held = capabilitiesOfMask(/^CapBnd:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]!)
const isV2 = !/:[^:]*memory[^:]*:/.test(readFileSync('/proc/self/cgroup', 'utf8'))

function ourSpec(more: Partial<SpecInputs>, user = ''): OciSpec {
  const base = inputs()
  return buildSpec(inputs({
    host: { ...oldHost, cgroup: { version: isV2 ? 2 : 1, controllers: ['cpu', 'cpuset', 'memory', 'pids', 'blkio', 'io'], swapAccounting: true }, boundingCapabilities: held },
    image: {}, request: request({ command: ['sh'] }), user: resolveUser({ user, passwd: PASSWD, group: GROUP }),
    namespaces: { ...base.namespaces, network: { kind: 'private' }, cgroup: { kind: isV2 ? 'private' : 'host' } },
    files: { hosts: '/f/hosts', hostname: '/f/hostname', containerenv: '/f/.containerenv', shm: '/f/shm' }, defaults: { ...base.defaults, sysctls: [] },
    ...more,
  }))
}

const sorted = <T>(list: readonly T[] | undefined): T[] | undefined => list?.toSorted()

/** Sources of generated files differ by place; podman spells the defaults `rw` and `rbind` or leaves them out. */
const mountsOf = (mounts: readonly OciMount[]) => Object.fromEntries(mounts.map(({ destination, type, options = [] }) => [destination, {
  type, options: options.filter((option) => !['bind', 'rbind', 'rw', 'rprivate'].includes(option)).map(sizeInBytes).sort(),
}]))
const sizeInBytes = (option: string): string => option.replace(/^size=(\d+)m$/, (_, megabytes: string) => `size=${Number(megabytes) * 2 ** 20}`)

function compared({ process, linux, mounts, root }: OciSpec): Record<string, unknown> {
  return {
    capabilities: Object.fromEntries(Object.entries(process.capabilities ?? {}).map(([set, names]) => [set, sorted(names)])),
    user: { ...process.user, additionalGids: sorted(process.user.additionalGids) },
    args: process.args, cwd: process.cwd, terminal: process.terminal ?? false, noNewPrivileges: process.noNewPrivileges ?? false, oomScoreAdj: process.oomScoreAdj,
    readonly: root.readonly ?? false,
    mounts: mountsOf(mounts),
    namespaces: sorted(linux.namespaces.map(({ type }) => type)),
    devices: linux.devices?.map(({ path, type, major, minor }) => ({ path, type, major, minor })),
    deviceRules: linux.resources?.devices,
    memory: linux.resources?.memory, cpu: linux.resources?.cpu, pids: linux.resources?.pids,
    sysctl: linux.sysctl ?? {},
    readonlyPaths: sorted(linux.readonlyPaths),
    seccomp: linux.seccomp && { ...linux.seccomp, architectures: sorted(linux.seccomp.architectures), syscalls: rulesOf(linux.seccomp.syscalls ?? []) },
  }
}

const rulesOf = (rules: NonNullable<NonNullable<OciSpec['linux']['seccomp']>['syscalls']>): string[] => [...new Set(rules.flatMap(({ names, action, errnoRet = 0, args }) =>
  names.map((name) => JSON.stringify([name, action, errnoRet, (args ?? []).map(({ index, value, op }) => [index, value, op])]))))].sort()

const privileged = request({ command: ['sh'], security: { privileged: true } })
const twins: Readonly<Record<string, { flags: readonly string[]; ours: Partial<SpecInputs>; user?: string; devices?: false }>> = {
  'a plain container': { flags: [], ours: {} },
  'another user': { flags: ['--user', 'bin'], ours: {}, user: 'bin' },
  'a user by number': { flags: ['--user', '1000:2000'], ours: {}, user: '1000:2000' },
  'an added capability of another user': { flags: ['--user', 'bin', '--cap-add', 'net_admin'], user: 'bin', ours: { request: request({ command: ['sh'], security: { capAdd: ['net_admin'] } }) } },
  'dropped and added capabilities': { flags: ['--cap-drop', 'all', '--cap-add', 'chown,sys_admin'], ours: { request: request({ command: ['sh'], security: { capDrop: ['all'], capAdd: ['chown', 'sys_admin'] } }) } },
  // What /dev holds is the engine's to find out.
  'a privileged container': { flags: ['--privileged'], ours: { request: privileged }, devices: false },
  'a privileged container of another user': { flags: ['--privileged', '--user', 'bin'], ours: { request: privileged }, user: 'bin', devices: false },
  'no new privileges and no seccomp': {
    flags: ['--security-opt', 'no-new-privileges', '--security-opt', 'seccomp=unconfined', '--security-opt', 'unmask=/proc/sys'],
    ours: { request: request({ command: ['sh'], security: { noNewPrivileges: true, seccomp: 'unconfined', unmaskPaths: ['/proc/sys'] } }) },
  },
  'a read-only root': { flags: ['--read-only'], ours: { request: request({ command: ['sh'], readOnlyRootfs: true }) } },
  'tmpfs and bind mounts': {
    flags: ['--tmpfs', '/x:size=1m,mode=1777', '-v', '/tmp:/a/b:ro', '-v', '/tmp:/a'],
    ours: { mounts: [{ type: 'tmpfs', target: '/x', sizeBytes: 1_048_576, mode: 0o1777 }, { type: 'bind', source: '/tmp', target: '/a/b', readOnly: true }, { type: 'bind', source: '/tmp', target: '/a' }] },
  },
  'limits': {
    flags: ['--memory', '100m', '--cpus', '1.5', '--cpu-shares', '512', '--pids-limit', '100', '--oom-score-adj', '100', '--sysctl', 'net.ipv4.ip_forward=1'],
    ours: { request: request({ command: ['sh'], resources: { memoryBytes: 104_857_600, cpus: 1.5, cpuShares: 512, pidsLimit: 100 }, oomScoreAdj: 100, sysctls: [['net.ipv4.ip_forward', '1']] }) },
  },
  'a device and a rule': {
    flags: ['--device', '/dev/null:/dev/n2:r', '--device-cgroup-rule', 'c 10:* rw'],
    ours: {
      devices: [{ path: '/dev/null', target: '/dev/n2', permissions: 'r', type: 'c', major: 1, minor: 3, fileMode: 0o666, uid: 0, gid: 0 }],
      request: request({ command: ['sh'], resources: { deviceCgroupRules: ['c 10:* rw'] } }),
    },
  },
}

for (const [name, { flags, ours, user, devices }] of Object.entries(twins)) {
  test(`${name} gets what podman gives it`, () => {
    const theirs = podmanSpec(flags)
    const own = ourSpec(ours, user)
    const [expected, actual] = [compared(theirs), compared(own)]
    // podman 4.3 loses it below the tmpfs of a read-only container's /run.
    for (const each of [expected, actual]) delete (each['mounts'] as Record<string, unknown>)['/run/.containerenv']
    if (devices === false) for (const each of [expected, actual]) delete each['devices']
    assert.deepEqual(actual, expected)
    const masked = own.linux.maskedPaths ?? []
    assert.deepEqual((theirs.linux.maskedPaths ?? []).filter((path) => !masked.includes(path)), [], 'podman hides no more than scow')
  })
}
