// The configuration, from files, environment and flags. The only reader of process.env.
import { homedir } from 'node:os'
import { readConfigSources, readStorageSource, type ConfigPlaces, type ConfigSource } from './config-files.ts'
import { containersSection, engineSection, isOurs, networkSection, rootsSection, storageSection } from './config-sections.ts'
import type { LogLevel } from './log.ts'
import type { Roots } from './paths.ts'
import type { LogDriver, Pairs, Rlimit } from './spec/request.ts'

/** Global options of the command line; they win over every file. */
export interface ConfigFlags {
  readonly root?: string
  readonly runroot?: string
  readonly runtime?: string
  readonly cgroupManager?: string
  readonly logLevel?: string
  readonly conmon?: string
  readonly storageDriver?: string
  readonly storageOpts?: readonly string[]
  readonly hooksDirs?: readonly string[]
  readonly cniConfigDir?: string
  readonly cniPluginDirs?: readonly string[]
  readonly volumePath?: string
}

/** Defaults of a new container: [containers]. */
export interface ContainersConfig {
  /** Without CAP_. */
  readonly capabilities: readonly string[]
  readonly rlimits: readonly Rlimit[]
  readonly sysctls: Pairs
  readonly env: Pairs
  readonly envHost: boolean
  readonly annotations: Pairs
  /** As --device takes them. */
  readonly devices: readonly string[]
  /** As --mount takes them. */
  readonly mounts: readonly string[]
  /** As --volume takes them. */
  readonly volumes: readonly string[]
  /** -1: unlimited. */
  readonly pidsLimit: number
  readonly shmSizeBytes: number
  readonly umask: number
  readonly timezone: string
  readonly apparmorProfile: string
  /** Empty: the built-in profile. */
  readonly seccompProfile: string
  readonly selinux: boolean
  readonly httpProxy: boolean
  readonly init: boolean
  readonly readOnly: boolean
  readonly privileged: boolean
  readonly noHosts: boolean
  readonly baseHostsFile: string
  readonly logDriver: LogDriver
  /** -1: unlimited. */
  readonly logSizeMaxBytes: number
  readonly logTag: string
  readonly ipcns: string
  readonly pidns: string
  readonly utsns: string
  readonly netns: string
  readonly cgroupns: string
  readonly userns: string
  readonly cgroups: 'enabled' | 'disabled' | 'no-conmon' | 'split'
  readonly dnsServers: readonly string[]
  readonly dnsSearches: readonly string[]
  readonly dnsOptions: readonly string[]
  readonly hostContainersInternalIp: string
}

/** How the program works: [engine]. */
export interface EngineConfig {
  /** Name in `runtimes`, or a path. */
  readonly runtime: string
  /** Candidate paths by name. */
  readonly runtimes: Readonly<Record<string, readonly string[]>>
  /** Where a runtime that no table names is looked for. */
  readonly runtimeDirs: readonly string[]
  /** Candidates in order; the first is our own. */
  readonly conmonPaths: readonly string[]
  readonly conmonEnv: Pairs
  readonly cgroupManager: 'systemd' | 'cgroupfs'
  /** Candidates in order. */
  readonly initPaths: readonly string[]
  readonly hooksDirs: readonly string[]
  readonly cdiDirs: readonly string[]
  readonly stopTimeoutSeconds: number
  readonly detachKeys: string
  readonly pullPolicy: 'always' | 'missing' | 'never' | 'newer'
  readonly imageParallelCopies: number
  readonly imageVolumeMode: 'bind' | 'tmpfs' | 'ignore'
  readonly retry: number
  readonly retryDelay: string
  readonly infraImage: string
  /** Empty: under the root. */
  readonly volumePath: string
  readonly noPivotRoot: boolean
  readonly keepBlobs: boolean
  readonly eventsMaxRows: number
  readonly eventsMaxAgeDays: number
  /** Environment of the program itself. */
  readonly env: Pairs
  readonly logLevel: LogLevel
}

/** [network] */
export interface NetworkConfig {
  readonly cniPluginDirs: readonly string[]
  /** The first is where new networks are written. */
  readonly configDirs: readonly string[]
  readonly defaultNetwork: string
  readonly defaultSubnet: string
  readonly defaultSubnetPools: readonly { readonly base: string; readonly size: number }[]
}

/** storage.conf; the graph root isn't taken from there, since our root is our own. */
export interface StorageConfig {
  /** Empty: the best that the host can do. */
  readonly driver: string
  /** `overlay.mountopt=nodev` and the like, as --storage-opt takes them. */
  readonly options: Pairs
}

export interface Config {
  readonly roots: Roots
  /** The files that were read, in order. */
  readonly files: readonly string[]
  readonly containers: ContainersConfig
  readonly engine: EngineConfig
  readonly network: NetworkConfig
  readonly storage: StorageConfig
  /** scow.toml as it is, for parts that few commands look at. */
  readonly own: readonly ConfigSource[]
}

/** What scow reads of the process environment; nothing else of the program looks at it. */
export interface Environment {
  readonly all: Readonly<Record<string, string | undefined>>
  readonly home: string
  readonly path: readonly string[]
  readonly root: string | undefined
  readonly runRoot: string | undefined
  readonly xdgConfigHome: string
  readonly xdgDataHome: string
  readonly xdgCacheHome: string
  readonly xdgRuntimeDir: string | undefined
  readonly tmpDir: string
  readonly noColor: boolean
  readonly term: string | undefined
  readonly dbusSystemBusAddress: string | undefined
  readonly dbusSessionBusAddress: string | undefined
  readonly notifySocket: string | undefined
  /** http_proxy and its kin, both spellings, as they are set. */
  readonly proxies: Pairs
  readonly registryAuthFile: string | undefined
  readonly dockerConfigDir: string | undefined
  readonly registriesConf: string | undefined
  readonly containerHost: string | undefined
  /** $CONTAINERS_CONF, $CONTAINERS_CONF_OVERRIDE, $CONTAINERS_STORAGE_CONF. */
  readonly containersConf: string | undefined
  readonly containersConfOverride: string | undefined
  readonly storageConf: string | undefined
  readonly storageDriver: string | undefined
  readonly storageOpts: readonly string[]
  readonly cniPath: readonly string[]
  readonly uid: number
  readonly rootless: boolean
}

const PROXY_NAMES = ['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy', 'all_proxy']

/** `environment()` of a given process environment; empty variables count as unset. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>, uid = process.getuid?.() ?? 0): Environment {
  const get = (name: string): string | undefined => env[name] || undefined
  const paths = (name: string): string[] => (env[name] ?? '').split(':').filter(Boolean)
  const home = get('HOME') ?? homedir()
  return Object.freeze({
    // Copied when asked for: process.env is slow to enumerate.
    get all() { return { ...env } },
    home,
    path: paths('PATH'),
    root: get('SCOW_ROOT'),
    runRoot: get('SCOW_RUNROOT'),
    xdgConfigHome: get('XDG_CONFIG_HOME') ?? `${home}/.config`,
    xdgDataHome: get('XDG_DATA_HOME') ?? `${home}/.local/share`,
    xdgCacheHome: get('XDG_CACHE_HOME') ?? `${home}/.cache`,
    xdgRuntimeDir: get('XDG_RUNTIME_DIR'),
    tmpDir: get('TMPDIR') ?? '/tmp',
    noColor: get('NO_COLOR') !== undefined,
    term: get('TERM'),
    dbusSystemBusAddress: get('DBUS_SYSTEM_BUS_ADDRESS'),
    dbusSessionBusAddress: get('DBUS_SESSION_BUS_ADDRESS'),
    notifySocket: get('NOTIFY_SOCKET'),
    proxies: PROXY_NAMES.flatMap((name) => [name, name.toUpperCase()]).flatMap((name) => (env[name] ? [[name, env[name]] as const] : [])),
    registryAuthFile: get('REGISTRY_AUTH_FILE'),
    dockerConfigDir: get('DOCKER_CONFIG'),
    registriesConf: get('CONTAINERS_REGISTRIES_CONF') ?? get('REGISTRIES_CONFIG_PATH'),
    containerHost: get('CONTAINER_HOST'),
    containersConf: get('CONTAINERS_CONF'),
    containersConfOverride: get('CONTAINERS_CONF_OVERRIDE'),
    storageConf: get('CONTAINERS_STORAGE_CONF'),
    storageDriver: get('STORAGE_DRIVER'),
    storageOpts: (env['STORAGE_OPTS'] ?? '').split(',').filter(Boolean),
    cniPath: paths('CNI_PATH'),
    uid,
    rootless: uid !== 0,
  })
}

let own: Environment | undefined

/** The environment of this process, read once. */
export const environment = (): Environment => (own ??= readEnvironment(process.env))

export interface LoadOptions {
  readonly flags?: ConfigFlags
  readonly environment?: Environment
  /** Folders of the files instead of the usual ones. */
  readonly places?: Partial<ConfigPlaces>
}

/**
 * Reads the configuration files anew. A file with an error is refused with `invalid`, naming file and key; keys that
 * scow doesn't know are passed over. A section is worked out, and its types checked, when it is first looked at.
 */
export function loadConfig({ flags = {}, environment: env = environment(), places = {} }: LoadOptions = {}): Config {
  const folders: ConfigPlaces = { share: '/usr/share', etc: '/etc', home: env.xdgConfigHome, ...places }
  const sources = readConfigSources({ places: folders, rootless: env.rootless, onlyFile: env.containersConf, lastFile: env.containersConfOverride })
  const storageFile = () => readStorageSource({ places: folders, rootless: env.rootless, onlyFile: env.storageConf })
  return lazily<Config>({
    roots: () => rootsSection({ sources, flags, environment: env }),
    files: () => sources.map(({ file }) => file),
    containers: () => containersSection(sources),
    engine: () => engineSection({ sources, flags }),
    network: () => networkSection(sources, flags, env),
    storage: () => storageSection({ file: storageFile(), sources, flags, environment: env }),
    own: () => sources.filter(({ file }) => isOurs(file)),
  })
}

/** Most commands look at one or two sections; each costs half a millisecond of every command's start. */
function lazily<T extends object>(makers: { readonly [K in keyof T]: () => T[K] }): T {
  const result = {} as T
  for (const key of Object.keys(makers) as (keyof T)[]) {
    let made: { readonly value: T[keyof T] } | undefined
    Object.defineProperty(result, key, { enumerable: true, get: () => (made ??= { value: makers[key]() }).value })
  }
  return Object.freeze(result)
}
