import type { CdiSpec } from './cdi.ts'
import type { ResolvedDevice } from './devices.ts'
import type { HookFile } from './hooks.ts'
import type { HostFacts } from './host-facts.ts'
import type { ImageSettings } from './image-settings.ts'
import type { ResolvedMount } from './mounts.ts'
import type { ResolvedNamespaces } from './namespaces.ts'
import type { OciSpec } from './oci-spec.ts'
import type { ContainerRequest, Pairs, Rlimit } from './request.ts'
import type { SeccompProfile } from './seccomp.ts'
import type { ResolvedUser } from './users.ts'

/** Host paths of the files that the engine has made for this container; an absent one is not mounted. */
export interface GeneratedFiles {
  readonly hosts?: string
  readonly resolvConf?: string
  readonly hostname?: string
  readonly containerenv?: string
  readonly passwd?: string
  readonly group?: string
  readonly localtime?: string
  /** Directory (a mounted tmpfs) for /dev/shm; absent: a tmpfs that the runtime makes. */
  readonly shm?: string
}

/** What the configuration decides; a subset of `Config`, so that a Config can be given as it is. */
export interface SpecDefaults {
  /** Names with or without CAP_. */
  readonly capabilities: readonly string[]
  readonly rlimits: readonly Rlimit[]
  readonly sysctls: Pairs
  readonly env: Pairs
  readonly annotations: Pairs
  readonly pidsLimit: number
  readonly shmSizeBytes: number
  readonly umask: number
  readonly apparmorProfile: string
  readonly noPivotRoot?: boolean
}

export interface SpecInputs {
  readonly id: string
  readonly request: ContainerRequest
  /** Absent with `request.rootfs`. */
  readonly image?: ImageSettings
  /** Absolute path of the mounted root. */
  readonly rootfsPath: string
  readonly user: ResolvedUser
  /** Binds, volumes, tmpfs and images of the request and of the configuration, as host paths; later ones win. */
  readonly mounts: readonly ResolvedMount[]
  readonly files: GeneratedFiles
  readonly namespaces: ResolvedNamespaces
  /** What `uname -n` says inside; ignored where the UTS namespace is another's. */
  readonly hostname: string
  /** cgroupfs: /parent/id; systemd: slice:prefix:name. Absent: no cgroup (`--cgroups disabled`). */
  readonly cgroupsPath?: string
  readonly host: HostFacts
  /** Host devices of `--device` and of the configuration, looked at by the engine. CDI names aren't here. */
  readonly devices: readonly ResolvedDevice[]
  /** Parsed CDI specifications in rising order of priority. */
  readonly cdi: readonly CdiSpec[]
  /** Parsed hooks.d files in their order. */
  readonly hooks: readonly HookFile[]
  /** The profile of `--security-opt seccomp=FILE` or of the configuration, parsed; absent: the built-in one. */
  readonly seccompProfile?: SeccompProfile
  readonly defaults: SpecDefaults
  /** Proxy variables of the caller; used unless `request.httpProxy` is false. */
  readonly proxyEnv: Pairs
  /** The caller's environment; used with `request.hostEnv`. */
  readonly hostEnv: Pairs
  /** Device numbers of the block devices that the limits name, by path. */
  readonly blockDevices: ReadonlyMap<string, { readonly major: number; readonly minor: number }>
  /** Host path of the init binary; needed with `request.init`. */
  readonly initPath?: string
  /** SELinux labels made by the engine from `request.security.selinux`. */
  readonly selinux?: { readonly processLabel: string; readonly mountLabel: string }
}

export interface BuiltSpec {
  readonly spec: OciSpec
  /** Things that were asked for and that this host can't give; one line each. */
  readonly warnings: readonly string[]
}
