// The OCI runtime specification (config.json), versions 1.0.2 to 1.2, as far as scow writes it.

export interface OciSpec {
  ociVersion: string
  root: { path: string; readonly?: boolean }
  hostname?: string
  domainname?: string
  mounts: OciMount[]
  process: OciProcess
  hooks?: OciHooks
  annotations?: Record<string, string>
  linux: OciLinux
}

export interface OciIdMapping { containerID: number; hostID: number; size: number }

export interface OciMount {
  destination: string
  type?: string
  source?: string
  options?: string[]
  /** Since 1.1. */
  uidMappings?: OciIdMapping[]
  gidMappings?: OciIdMapping[]
}

export interface OciUser { uid: number; gid: number; umask?: number; additionalGids?: number[] }

export type CapabilitySet = 'bounding' | 'effective' | 'permitted' | 'inheritable' | 'ambient'

export interface OciRlimit { type: string; soft: number; hard: number }

export interface OciProcess {
  terminal?: boolean
  consoleSize?: { width: number; height: number }
  cwd: string
  env: string[]
  args: string[]
  user: OciUser
  rlimits?: OciRlimit[]
  noNewPrivileges: boolean
  capabilities?: Partial<Record<CapabilitySet, string[]>>
  oomScoreAdj?: number
  apparmorProfile?: string
  selinuxLabel?: string
}

export interface OciHook { path: string; args?: string[]; env?: string[]; timeout?: number }
export type HookStage = 'prestart' | 'createRuntime' | 'createContainer' | 'startContainer' | 'poststart' | 'poststop'
export type OciHooks = Partial<Record<HookStage, OciHook[]>>

export type NamespaceType = 'pid' | 'network' | 'mount' | 'ipc' | 'uts' | 'user' | 'cgroup' | 'time'
export interface OciNamespace { type: NamespaceType; path?: string }

export interface OciDevice { type: 'c' | 'b' | 'u' | 'p'; path: string; major?: number; minor?: number; fileMode?: number; uid?: number; gid?: number }

export interface OciDeviceRule { allow: boolean; type?: 'a' | 'c' | 'b'; major?: number; minor?: number; access?: string }

export interface OciThrottle { major: number; minor: number; rate: number }

export interface OciResources {
  devices?: OciDeviceRule[]
  memory?: { limit?: number; reservation?: number; swap?: number; swappiness?: number; disableOOMKiller?: boolean }
  cpu?: { shares?: number; quota?: number; period?: number; realtimeRuntime?: number; realtimePeriod?: number; cpus?: string; mems?: string }
  pids?: { limit: number }
  blockIO?: {
    weight?: number
    weightDevice?: { major: number; minor: number; weight: number }[]
    throttleReadBpsDevice?: OciThrottle[]
    throttleWriteBpsDevice?: OciThrottle[]
    throttleReadIOPSDevice?: OciThrottle[]
    throttleWriteIOPSDevice?: OciThrottle[]
  }
  hugepageLimits?: { pageSize: string; limit: number }[]
  unified?: Record<string, string>
}

export interface OciSeccompArg { index: number; value: number; valueTwo?: number; op: string }
export interface OciSeccompRule { names: string[]; action: string; errnoRet?: number; args?: OciSeccompArg[] }
export interface OciSeccomp {
  defaultAction: string
  defaultErrnoRet?: number
  architectures?: string[]
  flags?: string[]
  listenerPath?: string
  listenerMetadata?: string
  syscalls?: OciSeccompRule[]
}

export interface OciLinux {
  uidMappings?: OciIdMapping[]
  gidMappings?: OciIdMapping[]
  sysctl?: Record<string, string>
  resources?: OciResources
  cgroupsPath?: string
  namespaces: OciNamespace[]
  devices?: OciDevice[]
  seccomp?: OciSeccomp
  rootfsPropagation?: string
  maskedPaths?: string[]
  readonlyPaths?: string[]
  mountLabel?: string
  intelRdt?: { closID: string }
  personality?: { domain: 'LINUX' | 'LINUX32' }
}
