// From the keys of the files to the typed sections, with the defaults.
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { isOurs, type ConfigSource } from './files.ts'
import type { ConfigFlags, ContainersConfig, EngineConfig, NetworkConfig } from './types.ts'
import { DEFAULT_CAPABILITIES, capabilityName } from '../capabilities.ts'
import { absolutePath } from '../current-directory.ts'
import type { Environment } from '../environment.ts'
import { readSection, type SectionReader } from './reader.ts'
import { Failure } from '../errors.ts'
import { isIP } from '../ip.ts'
import { LEVELS, type LogLevel } from '../log.ts'
import { namespaceMode, namespaceModes } from '../namespace-mode.ts'
import { builtFile } from '../paths.ts'
import type { LogDriver, Rlimit } from '../spec/request.ts'

const LOG_DRIVERS: readonly LogDriver[] = ['k8s-file', 'json-file', 'journald', 'passthrough', 'none']
const PROGRAM_DIRS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

export function containersSection(sources: readonly ConfigSource[]): ContainersConfig {
  const read = readSection(sources, 'containers')
  const section: ContainersConfig = {
    capabilities: read.list('default_capabilities', DEFAULT_CAPABILITIES).map((text) => capabilityName(text) ?? refuse(read, 'default_capabilities', 'a list of names of capabilities(7)')),
    rlimits: read.list('default_ulimits', ['nofile=1048576:1048576', 'nproc=1048576:1048576']).map((text) => parseUlimit(text) ?? refuse(read, 'default_ulimits', 'a list like ["nofile=1024:2048"]')),
    sysctls: read.pairs('default_sysctls', [['net.ipv4.ping_group_range', '0 0']]),
    env: read.pairs('env', []),
    envHost: read.flag('env_host', false),
    annotations: read.pairs('annotations', []),
    devices: read.list('devices', []),
    mounts: read.list('mounts', []),
    volumes: read.list('volumes', []),
    pidsLimit: read.count('pids_limit', 2048),
    shmSizeBytes: read.size('shm_size', 65_536 * 1024),
    umask: parseUmask(read),
    timezone: read.text('tz', ''),
    apparmorProfile: read.text('apparmor_profile', 'scow-default'),
    seccompProfile: read.text('seccomp_profile', ''),
    selinux: read.flag('label', true),
    httpProxy: read.flag('http_proxy', true),
    init: read.flag('init', false),
    readOnly: read.flag('read_only', false),
    privileged: read.flag('privileged', false),
    noHosts: read.flag('no_hosts', false),
    baseHostsFile: read.text('base_hosts_file', ''),
    logDriver: read.choice('log_driver', LOG_DRIVERS, 'k8s-file'),
    logSizeMaxBytes: read.size('log_size_max', -1),
    logTag: read.text('log_tag', ''),
    ipcns: namespaceOf(read, 'ipcns', 'shareable'),
    pidns: namespaceOf(read, 'pidns', 'private'),
    utsns: namespaceOf(read, 'utsns', 'private'),
    netns: read.text('netns', 'private'),
    cgroupns: namespaceOf(read, 'cgroupns', existsSync('/sys/fs/cgroup/cgroup.controllers') ? 'private' : 'host'),
    userns: read.text('userns', 'host'),
    cgroups: read.choice('cgroups', ['enabled', 'disabled', 'no-conmon', 'split'], 'enabled'),
    dnsServers: read.list('dns_servers', []),
    dnsSearches: read.list('dns_searches', []),
    dnsOptions: read.list('dns_options', []),
    hostContainersInternalIp: read.text('host_containers_internal_ip', ''),
  }
  read.reportUnused(['init_path'])
  return section
}

const refuse = (read: SectionReader, key: string, expected: string): never => { throw read.fail(key, expected) }

/** Checked here, so that the file is named and not a flag that nobody gave. */
function namespaceOf(read: SectionReader, key: 'ipcns' | 'pidns' | 'utsns' | 'cgroupns', fallback: string): string {
  const text = read.text(key, fallback)
  const ofIpc = key === 'ipcns'
  if (!namespaceMode(text, ofIpc)) throw read.fail(key, namespaceModes(ofIpc))
  return text
}

/** `nofile=1024:2048`, `nproc=-1`; undefined when it isn't one. */
export function parseUlimit(text: string): Rlimit | undefined {
  const match = /^(?:rlimit_)?([a-z]+)=(-1|\d+|unlimited)(?::(-1|\d+|unlimited))?$/i.exec(text.trim())
  if (!match) return undefined
  const number = (limit: string) => (limit === 'unlimited' ? -1 : Number(limit))
  return { type: `RLIMIT_${match[1]!.toUpperCase()}`, soft: number(match[2]!), hard: number(match[3] ?? match[2]!) }
}

function parseUmask(read: SectionReader): number {
  const text = read.text('umask', '0022')
  if (!/^0?[0-7]{1,3}$/.test(text)) throw read.fail('umask', 'octal like "0022"')
  return Number.parseInt(text, 8)
}

export interface EngineInputs {
  readonly sources: readonly ConfigSource[]
  readonly flags: ConfigFlags
}

export function engineSection({ sources, flags }: EngineInputs): EngineConfig {
  const read = readSection(sources, 'engine')
  const storage = readSection(sources.filter(({ file }) => isOurs(file)), 'storage')
  const section: EngineConfig = {
    runtime: flags.runtime || read.text('runtime', 'runc'),
    runtimes: runtimesOf(read),
    runtimeDirs: PROGRAM_DIRS,
    conmonPaths: conmonPaths(read, flags),
    conmonEnv: read.pairs('conmon_env_vars', [['PATH', PROGRAM_DIRS.join(':')]]),
    cgroupManager: cgroupManager(read, flags),
    initPaths: [...containersInit(sources), ...['catatonit', 'tini-static', 'tini', 'dumb-init'].flatMap((name) => [`/usr/libexec/podman/${name}`, `/usr/local/bin/${name}`, `/usr/bin/${name}`])],
    hooksDirs: flags.hooksDirs ?? read.list('hooks_dir', ['/usr/share/containers/oci/hooks.d', '/etc/containers/oci/hooks.d']),
    cdiDirs: read.list('cdi_spec_dirs', ['/etc/cdi', '/var/run/cdi']),
    stopTimeoutSeconds: read.count('stop_timeout', 10),
    detachKeys: read.text('detach_keys', 'ctrl-p,ctrl-q'),
    pullPolicy: read.choice('pull_policy', ['always', 'missing', 'never', 'newer'], 'missing'),
    imageParallelCopies: read.count('image_parallel_copies', 0) || 6,
    imageVolumeMode: imageVolumeMode(read),
    retry: read.count('retry', 3),
    retryDelay: read.text('retry_delay', ''),
    infraImage: read.text('infra_image', ''),
    volumePath: flags.volumePath ?? ownText(sources, 'volume_path'),
    noPivotRoot: read.flag('no_pivot_root', false),
    keepBlobs: storage.flag('keep_blobs', true),
    eventsMaxRows: read.count('events_max_rows', 10_000),
    eventsMaxAgeDays: read.count('events_max_age_days', 30),
    env: read.pairs('env', []),
    logLevel: logLevel(read, flags),
  }
  read.reportUnused(['runtime', 'conmon_path', 'cgroup_manager', 'hooks_dir', 'log_level', 'volume_path', ...ROOTS]) // where flags win, nobody may have asked
  return section
}

/** Keys that name a folder are taken from scow.toml alone: those of containers.conf are podman's folders. */
const ownText = (sources: readonly ConfigSource[], key: string): string => readSection(sources.filter(({ file }) => isOurs(file)), 'engine').text(key, '')

const RUNTIMES = ['runc', 'crun', 'runsc', 'youki', 'kata', 'krun']

function runtimesOf(read: SectionReader): Record<string, readonly string[]> {
  const known = Object.fromEntries(RUNTIMES.map((name) => [name, PROGRAM_DIRS.map((dir) => `${dir}/${name === 'kata' ? 'kata-runtime' : name}`)]))
  return { ...known, ...read.lists('runtimes') }
}

function conmonPaths(read: SectionReader, { conmon }: ConfigFlags): readonly string[] {
  if (conmon) return [absolutePath(conmon)]
  const configured = read.list('conmon_path', [])
  const usual = ['/usr/libexec/podman/conmon', '/usr/local/libexec/podman/conmon', '/usr/local/bin/conmon', '/usr/bin/conmon', '/usr/local/sbin/conmon', '/usr/sbin/conmon']
  const last = read.raw('conmon_path').at(-1)
  return [...new Set(last && isOurs(last.file) ? [...configured, builtFile('conmon')] : [builtFile('conmon'), ...configured, ...usual])]
}

function cgroupManager(read: SectionReader, flags: ConfigFlags): 'systemd' | 'cgroupfs' {
  const wanted = flags.cgroupManager
  if (wanted === 'systemd' || wanted === 'cgroupfs') return wanted
  if (wanted) throw new Failure('invalid', `unknown cgroup manager '${wanted}'`, { hint: 'use systemd or cgroupfs' })
  const usable = existsSync('/run/systemd/system') && existsSync('/sys/fs/cgroup/cgroup.controllers')
  const configured = read.choice('cgroup_manager', ['systemd', 'cgroupfs', ''], '')
  return configured === 'cgroupfs' || !usable ? 'cgroupfs' : 'systemd'
}

const containersInit = (sources: readonly ConfigSource[]): string[] => {
  const path = readSection(sources, 'containers').text('init_path', '')
  return path ? [path] : []
}

/** Docker's word `anonymous` and podman's `bind` are the same. */
const imageVolumeMode = (read: SectionReader): EngineConfig['imageVolumeMode'] => {
  const mode = read.choice('image_volume_mode', ['bind', 'anonymous', 'tmpfs', 'ignore', 'nullfs', ''], 'bind')
  return mode === 'tmpfs' || mode === 'ignore' ? mode : 'bind'
}

function logLevel(read: SectionReader, flags: ConfigFlags): LogLevel {
  const wanted = flags.logLevel?.toLowerCase().replace('warning', 'warn')
  if (wanted === undefined) return read.choice('log_level', LEVELS, 'warn')
  if (LEVELS.includes(wanted as LogLevel)) return wanted as LogLevel
  throw new Failure('invalid', `unknown log level '${flags.logLevel}'`, { hint: `use one of ${LEVELS.join(', ')}` })
}

export function networkSection(sources: readonly ConfigSource[], flags: ConfigFlags, environment: Environment): NetworkConfig {
  const read = readSection(sources, 'network')
  const section: NetworkConfig = {
    cniPluginDirs: flags.cniPluginDirs ?? [
      ...environment.cniPath,
      ...read.list('cni_plugin_dirs', ['/usr/local/libexec/cni', '/usr/libexec/cni', '/usr/local/lib/cni', '/usr/lib/cni', '/opt/cni/bin']),
    ],
    configDirs: [flags.cniConfigDir || read.text('network_config_dir', '') || '/etc/cni/net.d'],
    defaultNetwork: read.text('default_network', 'scow'),
    defaultSubnet: defaultSubnet(read),
    defaultSubnetPools: subnetPools(read),
  }
  read.reportUnused(['cni_plugin_dirs', 'network_config_dir'])
  return section
}

/** Empty: none is configured. */
function defaultSubnet(read: SectionReader): string {
  const text = read.text('default_subnet', '')
  const [, address = '', prefix = ''] = /^([^/%]+)\/(\d{1,3})$/.exec(text) ?? []
  const family = isIP(address)
  const isSubnet = family !== 0 && Number(prefix) > 0 && Number(prefix) <= (family === 4 ? 30 : 126) && !/^(0|22[4-9]|2[3-5]\d)\.|^ff/i.test(address)
  if (text !== '' && !isSubnet) throw read.fail('default_subnet', 'a subnet like "10.88.0.0/16"')
  return text
}

const POOLS = [
  { base: '10.89.0.0/16', size: 24 }, { base: '10.90.0.0/15', size: 24 }, { base: '10.92.0.0/14', size: 24 }, { base: '10.96.0.0/11', size: 24 },
  { base: '10.128.0.0/9', size: 24 },
]

function subnetPools(read: SectionReader): NetworkConfig['defaultSubnetPools'] {
  const value = read.raw('default_subnet_pools').at(-1)?.value
  if (value === undefined) return POOLS
  const isPool = (pool: unknown): pool is { base: string; size: number } =>
    typeof (pool as { base?: unknown } | null)?.base === 'string' && Number.isInteger((pool as { size?: unknown }).size)
  if (!Array.isArray(value) || !value.every(isPool)) throw read.fail('default_subnet_pools', 'a list like [{base = "10.89.0.0/16", size = 24}]')
  return value.map(({ base, size }) => ({ base, size }))
}

/** In scow.toml these stand at the top, in [engine] or in [storage]. */
export const ROOTS: readonly string[] = ['root', 'runroot']
const SECTIONS = ['containers', 'engine', 'network', 'storage', 'serve']

/** Root folders: a flag, else the environment, else scow.toml, else the usual place. */
export function rootsSection({ sources, flags, environment }: EngineInputs & { readonly environment: Environment }): { root: string; runRoot: string } {
  const own = sources.filter(({ file }) => isOurs(file))
  const inFiles = (key: string) => (own.length ? ['', 'engine', 'storage'].map((section) => readSection(own, section).text(key, '')).find(Boolean) : undefined)
  readSection(own, '').reportUnused([...SECTIONS, ...ROOTS])
  const { rootless } = environment
  const choose = (name: string, choices: readonly (string | undefined)[]) => {
    const path = choices.find(Boolean)!
    if (!path.startsWith('/')) throw new Failure('invalid', `${name} must be an absolute path, not '${path}'`)
    // The runtime takes lists of paths with commas between.
    if (path.includes(',')) throw new Failure('invalid', `${name} must have no comma in it: '${path}'`)
    return path.length > 1 ? path.replace(/\/+$/, '') : path
  }
  return {
    root: choose('the root folder', [flags.root, environment.root, inFiles('root'), rootless ? `${environment.xdgDataHome || `${homedir()}/.local/share`}/scow` : '/var/lib/scow']),
    runRoot: choose('the run root folder', [flags.runroot, environment.runRoot, inFiles('runroot'), rootless ? `${environment.xdgRuntimeDir ?? `${environment.tmpDir}/scow-run-${environment.uid}`}/scow` : '/run/scow']),
  }
}
