// What a caller wants of a new container. The command line and the CRI both translate into this; it is stored
// in the container's record, so every field added later must be optional.

/** `[name, value]` pairs in the order given; a later one wins. */
export type Pairs = readonly (readonly [string, string])[]

export type Propagation = 'private' | 'rprivate' | 'shared' | 'rshared' | 'slave' | 'rslave' | 'unbindable' | 'runbindable'

interface MountCommon {
  /** Absolute path inside the container. */
  readonly target: string
  readonly readOnly?: boolean
  /** Recursive read-only (`rro`): sub-mounts too. */
  readonly recursiveReadOnly?: boolean
  /** Further mount options as the runtime takes them: nosuid, nodev, noexec, ... */
  readonly options?: readonly string[]
}
export interface BindMount extends MountCommon {
  readonly type: 'bind'
  readonly source: string
  readonly propagation?: Propagation
  /** `bind` instead of `rbind`. */
  readonly nonRecursive?: boolean
  /** SELinux: `shared` is z, `private` is Z. */
  readonly relabel?: 'shared' | 'private'
  /** `idmap` or `idmap=uids=0-1-10;gids=...`: pairs of container id, host id, size. */
  readonly idmap?: { readonly uids?: readonly IdRange[]; readonly gids?: readonly IdRange[] }
  /** `U`: change the owner of the source to the container's user. */
  readonly chown?: boolean
  /** `O`: what is written stays out of the source, and goes with the next start. */
  readonly overlay?: boolean
  /** Make a directory of the source when there is nothing; podman refuses. */
  readonly createSource?: boolean
}
export interface VolumeMount extends MountCommon {
  readonly type: 'volume'
  /** Absent: an anonymous volume, removed with the container by `--rm` and `rm -v`. */
  readonly name?: string
  readonly propagation?: Propagation
  readonly relabel?: 'shared' | 'private'
  /** `nocopy`: leave an empty volume empty instead of copying the image's content. */
  readonly noCopy?: boolean
  readonly chown?: boolean
  readonly overlay?: boolean
  readonly subPath?: string
  /** Of the volume, where it is made for this container: those of `volume create --opt`. */
  readonly volumeOptions?: Readonly<Record<string, string>>
}
export interface TmpfsMount extends MountCommon {
  readonly type: 'tmpfs'
  readonly sizeBytes?: number
  readonly mode?: number
  /** `tmpcopyup` (default): start with the image's content of that directory. */
  readonly copyUp?: boolean
  /** Belongs to the user of the container. */
  readonly chown?: boolean
}
export interface ImageMount extends MountCommon {
  readonly type: 'image'
  readonly image: string
  readonly subPath?: string
  readonly writable?: boolean
}
export interface DevptsMount extends MountCommon { readonly type: 'devpts' }
export interface MqueueMount extends MountCommon { readonly type: 'mqueue' }
export type MountRequest = BindMount | VolumeMount | TmpfsMount | ImageMount | DevptsMount | MqueueMount

export interface IdRange { readonly containerId: number; readonly hostId: number; readonly size: number }

export interface DeviceRequest {
  /** Host path, or a CDI name `vendor.com/class=name`. */
  readonly source: string
  readonly target?: string
  /** Any of r, w, m. */
  readonly permissions?: string
}

export interface PortRequest {
  readonly hostIp?: string
  /** 0: choose a free one. */
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  /** Number of consecutive ports, 1 or more. */
  readonly count: number
}

export interface Throttle { readonly path: string; readonly rate: number }

/** Limits; absent means not limited. */
export interface Resources {
  readonly memoryBytes?: number
  /** -1 is unlimited; memory plus swap, as podman counts it. */
  readonly memorySwapBytes?: number
  readonly memoryReservationBytes?: number
  readonly memorySwappiness?: number
  readonly oomKillDisable?: boolean
  readonly cpuShares?: number
  readonly cpuQuotaUs?: number
  readonly cpuPeriodUs?: number
  readonly cpuRtPeriodUs?: number
  readonly cpuRtRuntimeUs?: number
  readonly cpus?: number
  readonly cpusetCpus?: string
  readonly cpusetMems?: string
  /** 0 or -1 is unlimited. */
  readonly pidsLimit?: number
  readonly blkioWeight?: number
  readonly blkioWeightDevice?: readonly { readonly path: string; readonly weight: number }[]
  readonly readBps?: readonly Throttle[]
  readonly writeBps?: readonly Throttle[]
  readonly readIops?: readonly Throttle[]
  readonly writeIops?: readonly Throttle[]
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limitBytes: number }[]
  /** cgroup v2 keys written verbatim. */
  readonly unified?: Pairs
  /** `type major:minor mode`, as --device-cgroup-rule takes it. */
  readonly deviceCgroupRules?: readonly string[]
  readonly rdtClass?: string
}

/** `type` is RLIMIT_NOFILE and the like; -1 is unlimited. */
export interface Rlimit { readonly type: string; readonly soft: number; readonly hard: number }

/** A namespace: own (`private`), the host's, another container's, or that of a path. */
export type NamespaceMode =
  | { readonly kind: 'private' | 'host' }
  | { readonly kind: 'container'; readonly id: string }
  | { readonly kind: 'path'; readonly path: string }
  /** IPC only: own and joinable, or own without /dev/shm. */
  | { readonly kind: 'shareable' | 'none' }

export interface NetworkAttachment {
  readonly name: string
  readonly aliases?: readonly string[]
  readonly ip?: string
  readonly ip6?: string
  readonly mac?: string
  readonly interfaceName?: string
  /** Further CNI capability arguments by name, e.g. bandwidth. */
  readonly capabilities?: Readonly<Record<string, unknown>>
  /** CNI_ARGS. */
  readonly args?: Pairs
}
export type NetworkRequest =
  | { readonly kind: 'none' | 'host' }
  | { readonly kind: 'container'; readonly id: string }
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'bridge'; readonly networks: readonly NetworkAttachment[] }

export interface SecurityRequest {
  readonly privileged?: boolean
  readonly capAdd?: readonly string[]
  readonly capDrop?: readonly string[]
  /** Added capabilities become ambient for a user other than root (default true); the CRI says false. */
  readonly capAddAmbient?: boolean
  /** CRI: capabilities put into the ambient set too. */
  readonly ambientCaps?: readonly string[]
  readonly noNewPrivileges?: boolean
  /** Absent: the built-in profile. */
  readonly seccomp?: 'unconfined' | { readonly path: string }
  /** Absent: the default profile where the host has AppArmor. */
  readonly apparmor?: string
  /** `label=...` values in order: disable, nested, user:, role:, type:, level:, filetype: */
  readonly selinux?: readonly string[]
  readonly maskPaths?: readonly string[]
  /** `ALL` or paths. */
  readonly unmaskPaths?: readonly string[]
  /** CRI: exactly these instead of the defaults. */
  readonly exactMaskedPaths?: readonly string[]
  readonly exactReadOnlyPaths?: readonly string[]
  readonly procOpts?: readonly string[]
}

export type RestartPolicy = { readonly name: 'no' | 'always' | 'unless-stopped' } | { readonly name: 'on-failure'; readonly maxRetries: number }

export type LogDriver = 'k8s-file' | 'json-file' | 'journald' | 'passthrough' | 'none'
export interface LogRequest {
  readonly driver: LogDriver
  /** CRI: absolute path of the log file. */
  readonly path?: string
  readonly maxSizeBytes?: number
  /** With the one that is written. */
  readonly maxFiles?: number
  readonly tag?: string
  readonly options?: Pairs
}

export interface ContainerRequest {
  readonly name?: string
  /** As the user typed it; absent with `rootfs`. */
  readonly image?: string
  /** An exploded root file system on the host. */
  readonly rootfs?: { readonly path: string }
  /** Absent: the image's. Empty: none. */
  readonly entrypoint?: readonly string[]
  /** Empty: the image's (unless the entrypoint was replaced). */
  readonly command: readonly string[]
  readonly env: Pairs
  readonly unsetEnv?: readonly string[]
  readonly unsetAllEnv?: boolean
  readonly workdir?: string
  /** `user`, `user:group`, uid, uid:gid. */
  readonly user?: string
  /** Names or numbers of groups inside the container; `keep-groups` is refused for root. */
  readonly groups?: readonly string[]
  /** CRI: group ids are exactly these, or merged with the image's /etc/group. */
  readonly supplementalGroupsPolicy?: 'merge' | 'strict'
  readonly passwdEntry?: string
  readonly groupEntry?: string
  /** Write the user into /etc/passwd when it has no entry (default true). */
  readonly managePasswd?: boolean
  readonly terminal: boolean
  /** Keep standard input open (-i). */
  readonly stdin: boolean
  readonly stdinOnce?: boolean
  readonly umask?: number
  readonly hostname?: string
  /** Leave the image's /etc/hostname. */
  readonly noHostname?: boolean
  readonly domainname?: string
  readonly labels: Pairs
  readonly annotations: Pairs
  readonly mounts: readonly MountRequest[]
  /** Container names or ids, with options (`ro`, `rw`, `z`). */
  readonly volumesFrom?: readonly string[]
  /** What to do with VOLUME of the image: `bind` makes anonymous volumes (default). */
  readonly imageVolumes?: 'bind' | 'tmpfs' | 'ignore'
  readonly readOnlyRootfs?: boolean
  /** tmpfs on /dev, /dev/shm, /run, /tmp and /var/tmp of a read-only container (default true). */
  readonly readOnlyTmpfs?: boolean
  readonly devices: readonly DeviceRequest[]
  readonly shmSizeBytes?: number
  /** Of each tmpfs of systemd mode. */
  readonly systemdTmpfsBytes?: number
  readonly network: NetworkRequest
  readonly ports: readonly PortRequest[]
  readonly publishAll?: boolean
  /** `80/tcp`: shown, and published by publishAll. */
  readonly expose?: readonly string[]
  readonly dns?: { readonly servers: readonly string[]; readonly searches: readonly string[]; readonly options: readonly string[] }
  /** `host:ip`, `host:host-gateway`. */
  readonly addHosts?: readonly string[]
  readonly noHosts?: boolean
  readonly hostsFile?: string
  readonly namespaces: {
    readonly pid: NamespaceMode
    readonly ipc: NamespaceMode
    readonly uts: NamespaceMode
    readonly cgroup: NamespaceMode
    readonly user?: NamespaceMode
  }
  readonly idMappings?: { readonly uids: readonly IdRange[]; readonly gids: readonly IdRange[] }
  readonly security: SecurityRequest
  readonly resources: Resources
  readonly rlimits?: readonly Rlimit[]
  readonly sysctls: Pairs
  readonly oomScoreAdj?: number
  readonly cgroups?: 'enabled' | 'no-conmon' | 'split'
  readonly cgroupParent?: string
  readonly log: LogRequest
  readonly stopSignal?: string
  readonly stopTimeoutSeconds?: number
  /** SIGKILL after so many seconds of running; 0 is never. */
  readonly timeoutSeconds?: number
  readonly restart: RestartPolicy
  /** Remove when it ends (--rm). */
  readonly autoRemove?: boolean
  /** Remove the image when the container is removed (--rmi). */
  readonly removeImage?: boolean
  readonly init?: boolean
  readonly initPath?: string
  readonly systemd?: 'true' | 'false' | 'always'
  readonly sdnotify?: 'container' | 'conmon' | 'ignore'
  readonly timezone?: string
  readonly httpProxy?: boolean
  readonly hostEnv?: boolean
  readonly personality?: string
  /** OCI runtime by name or path; absent: the configured one. */
  readonly runtime?: string
  readonly hooksDirs?: readonly string[]
  readonly preserveFds?: readonly number[]
  /** Where the id went, for `inspect`. */
  readonly cidFile?: string
  readonly pidFile?: string
  readonly monitorPidFile?: string
  readonly requires?: readonly string[]
  readonly platform?: { readonly os?: string; readonly arch?: string; readonly variant?: string }
}
