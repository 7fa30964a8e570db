// What the configuration says, section by section.
import type { ConfigSource } from './files.ts'
import type { LogLevel } from '../log.ts'
import type { Roots } from '../paths.ts'
import type { LogDriver, Pairs, Rlimit } from '../spec/request.ts'

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
  /** Of overlay mounts: nodev, nosuid, noexec, noatime. */
  readonly mountOptions: readonly string[]
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
