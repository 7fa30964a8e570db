// `info` in podman's names.
import { NIL_SLICE, goMap, struct } from '../../cli/template/values.ts'
import type { Engine } from '../../engine/engine.ts'
import type { HostInfo } from '../../engine/host-info.ts'

type Registry = Awaited<ReturnType<Engine['registry']>>
type Fields = Readonly<Record<string, unknown>>

/** JSON names begin with a small letter, unless told otherwise. */
const named = (type: string, fields: Fields, tags: Readonly<Record<string, string>> = {}) =>
  struct(type, fields, Object.fromEntries(Object.keys(fields).map((name) => [name, tags[name] ?? name[0]!.toLowerCase() + name.slice(1)])))

function duration(seconds: number): string {
  const text = `${Math.trunc(seconds / 3600)}h ${Math.trunc((seconds % 3600) / 60)}m ${(seconds % 60).toFixed(2)}s`
  return seconds < 3600 ? text : `${text} (Approximately ${(seconds / 86_400).toFixed(2)} days)`
}

/** Those to search first, then what is said of single ones. */
export function registriesView({ searchRegistries, rules }: Awaited<ReturnType<Registry['configured']>>): Fields {
  const byDigest = (rule: (typeof rules)[number]): boolean => rule.mirrors.length > 0 && rule.mirrors.every(({ pull }) => pull === 'digest-only')
  return {
    ...(searchRegistries?.length ? { search: searchRegistries } : {}),
    ...Object.fromEntries(rules.map((rule) => [rule.prefix, struct('sysregistriesv2.Registry', {
      Prefix: rule.prefix, Location: rule.location || rule.prefix, Insecure: rule.insecure, PullFromMirror: '',
      Mirrors: rule.mirrors.length === 0 ? NIL_SLICE : rule.mirrors.map(({ location, insecure, pull }) => struct('sysregistriesv2.Endpoint', { Location: location, Insecure: insecure, PullFromMirror: byDigest(rule) || pull === 'all' ? '' : pull })),
      Blocked: rule.blocked, MirrorByDigestOnly: byDigest(rule),
    })])),
  }
}

export function infoView(info: HostInfo, { version, logDriver, registries, remote = '' }: { version: string; logDriver: string; registries: Fields; /** Address of the runtime that was asked instead of the engine. */ remote?: string }) {
  const { store } = info
  return named('define.Info', {
    Host: named('define.HostInfo', {
      Arch: info.arch, CgroupControllers: info.cgroup.controllers, CgroupManager: info.cgroup.manager, CgroupsVersion: `v${info.cgroup.version}`, CgroupVersion: `v${info.cgroup.version}`,
      Conmon: named('define.ConmonInfo', { Package: '', Path: info.conmon.path, Version: info.conmon.version }),
      CPUs: info.cpus, Distribution: named('define.DistributionInfo', { Distribution: info.distribution.name, Version: info.distribution.version, Codename: info.distribution.codename }, info.distribution.codename ? {} : { Codename: '-' }), EventLogger: 'sqlite',
      Hostname: info.hostname, IDMappings: named('define.IDMappings', { GIDMap: NIL_SLICE, UIDMap: NIL_SLICE }, { GIDMap: 'gidmap', UIDMap: 'uidmap' }), Kernel: info.kernel, LogDriver: logDriver, MemFree: info.memoryFreeBytes, MemTotal: info.memoryTotalBytes, NetworkBackend: 'cni',
      OCIRuntime: named('define.OCIRuntimeInfo', { Name: info.runtime.name, Package: '', Path: info.runtime.path, Version: info.runtime.version }),
      OS: 'linux', RemoteSocket: named('define.RemoteSocket', { Path: remote, Exists: remote !== '' }, remote === '' ? { Exists: '-' } : {}),
      Security: named('define.SecurityInfo', {
        AppArmorEnabled: info.security.apparmor, DefaultCapabilities: info.security.capabilities.map((name) => (name.startsWith('CAP_') ? name : `CAP_${name}`)).join(','), Rootless: info.security.rootless,
        SECCOMPEnabled: info.security.seccomp, SELinuxEnabled: info.security.selinux,
      }, { AppArmorEnabled: 'apparmorEnabled', DefaultCapabilities: 'capabilities', SECCOMPEnabled: 'seccompEnabled', SELinuxEnabled: 'selinuxEnabled' }),
      ServiceIsRemote: remote !== '', SwapFree: info.swapFreeBytes, SwapTotal: info.swapTotalBytes, Uptime: duration(info.uptimeSeconds),
    }, { CPUs: 'cpus', OCIRuntime: 'ociRuntime', OS: 'os', IDMappings: 'idMappings', CgroupsVersion: 'cgroupVersion', CgroupVersion: '-' }),
    Plugins: named('define.Plugins', { Log: ['k8s-file', 'json-file', 'journald', 'passthrough', 'none'], Network: ['bridge', 'macvlan', 'ipvlan'], Volume: ['local'] }),
    Registries: goMap(registries),
    Store: named('define.StoreInfo', {
      ContainerStore: named('define.ContainerStore', { Number: store.containers.total, Paused: store.containers.paused, Running: store.containers.running, Stopped: store.containers.stopped }),
      GraphDriverName: store.driver, GraphRoot: store.root, GraphRootAllocated: store.sizeBytes, GraphRootUsed: store.usedBytes, GraphOptions: goMap({}), ImageCopyTmpDir: '/var/tmp',
      GraphStatus: new Map([['Backing Filesystem', store.fileSystem]]), ImageStore: named('define.ImageStore', { Number: store.images }), RunRoot: store.runRoot, VolumePath: store.volumePath,
    }),
    Version: struct('define.Version', { APIVersion: version, Version: version, GoVersion: '', NodeVersion: process.version, GitCommit: '', BuiltTime: '', Built: 0, OsArch: `linux/${info.arch}`, Os: 'linux' }),
  })
}
