// A pure function from what is wanted and what there is to config.json.
import type { ImageSettings } from '../image/image-config.ts'
import { applyCdi, cdiEdits, isCdiName, type CdiResult, type CdiSpec } from './cdi.ts'
import { buildAnnotations } from './annotations.ts'
import { CAPABILITIES } from '../capabilities.ts'
import { resolveCapabilities } from './capabilities.ts'
import { buildDevices, type DeviceNode, type ResolvedDevice } from './devices.ts'
import { buildEnv } from './env.ts'
import { addHook, matchHooks, type HookFile } from './hooks.ts'
import type { HostFacts } from './host-facts.ts'
import { kernelPaths } from './kernel-paths.ts'
import { ociMappings, orderMounts, rootPropagation, userMount, type ResolvedMount } from './mounts.ts'
import { buildNamespaces, type ResolvedNamespaces } from './namespaces.ts'
import type { OciHooks, OciLinux, OciMount, OciProcess, OciSpec } from './oci-spec.ts'
import { NOTIFY_TARGET, ownMounts } from './own-mounts.ts'
import { apparmorOf, commandOf, INIT_TARGET, isSystemdMode, oomScoreOf, personalityOf, workdirOf } from './process.ts'
import type { ContainerRequest, Pairs, Rlimit } from './request.ts'
import { buildResources } from './resources.ts'
import { resolveRlimits } from './rlimits.ts'
import { resolveSeccomp, type SeccompProfile } from './seccomp.ts'
import { defaultSeccompProfile } from './seccomp-default.ts'
import { resolveSysctls } from './sysctls.ts'
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
  /** Directory with `notify.sock`, where the container tells the service manager that it is ready. */
  readonly notify?: string
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
  /** cgroupfs: /parent/id; systemd: slice:prefix:name. */
  readonly cgroupsPath: string
  readonly host: HostFacts
  /** Host devices of `--device` and of the configuration, looked at by the engine. CDI names aren't here. */
  readonly devices: readonly ResolvedDevice[]
  /** Parsed CDI specifications in rising order of priority. */
  readonly cdi: readonly CdiSpec[]
  /** Nodes that these leave to be looked up: see `cdiNodePaths`. */
  readonly cdiNodes?: readonly DeviceNode[]
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

/** Newest version whose fields every supported runtime takes; idmapped mounts came with 1.1. */
const VERSION = '1.0.2'
const VERSION_OF_IDMAP = '1.1.0'

/**
 * The OCI runtime specification of a container. Write it with `specText`, not JSON.stringify.
 * Fails with `invalid`, `notFound` or `unsupported` where the request contradicts itself, the image or the host.
 */
export const buildSpec = (inputs: SpecInputs): OciSpec => buildSpecWithWarnings(inputs).spec

export function buildSpecWithWarnings(inputs: SpecInputs): BuiltSpec {
  const { request, image, host } = inputs
  const warnings: string[] = []
  const state = {
    inputs,
    warn: (text: string) => { warnings.push(text) },
    command: commandOf(request, image),
    privileged: request.security.privileged === true,
    cdi: applyCdi(cdiEdits(request.devices.map(({ source }) => source).filter(isCdiName), inputs.cdi), inputs.cdiNodes ?? []),
  }
  const draft: Draft = { ...state, systemd: isSystemdMode(request, state.command), init: initOf(state) }
  const mounts = mountsOf(draft)
  const annotations = buildAnnotations(inputs.defaults.annotations, request.annotations)
  const process = processOf(draft)
  const hooks = hooksOf(draft, annotations)
  const spec: OciSpec = {
    ociVersion: mounts.some(({ uidMappings }) => uidMappings) ? VERSION_OF_IDMAP : VERSION,
    process,
    root: { path: inputs.rootfsPath, ...(request.readOnlyRootfs && { readonly: true }) },
    ...(inputs.namespaces.uts.kind === 'private' && { hostname: inputs.hostname }),
    mounts,
    ...(Object.keys(hooks).length && { hooks }),
    annotations,
    linux: linuxOf(draft, process.capabilities?.bounding ?? []),
  }
  if (!host.seccomp && request.security.seccomp !== 'unconfined') warnings.push('the kernel has no seccomp: system calls are not filtered')
  return { spec, warnings }
}

interface Draft {
  readonly inputs: SpecInputs
  readonly warn: (text: string) => void
  readonly command: readonly string[]
  readonly privileged: boolean
  readonly systemd: boolean
  readonly init: boolean
  readonly cdi: CdiResult
}

/** An init is of use as process 1 of its own namespace alone. */
function initOf({ inputs, warn }: Pick<Draft, 'inputs' | 'warn'>): boolean {
  if (!inputs.request.init) return false
  if (inputs.namespaces.pid.kind === 'private') return true
  warn('--init ignored: the container has no PID namespace of its own')
  return false
}

function mountsOf({ inputs, systemd, init, cdi }: Draft): OciMount[] {
  const context = { host: inputs.host, idMappings: inputs.request.idMappings }
  return orderMounts(ownMounts(inputs, { systemd, init }), [...cdi.mounts, ...inputs.mounts.map((mount) => userMount(mount, context))])
}

function processOf({ inputs, warn, command, privileged, systemd, init, cdi }: Draft): OciProcess {
  const { request, image, host, user, defaults } = inputs
  const { sets, warnings } = resolveCapabilities({
    security: request.security, defaults: defaults.capabilities, isRoot: user.uid === 0,
    held: inputs.namespaces.user.kind !== 'host' ? CAPABILITIES : host.boundingCapabilities,
  })
  const limits = resolveRlimits(request.rlimits ?? [], defaults.rlimits, host)
  const oom = oomScoreOf(request.oomScoreAdj, host)
  for (const text of [...warnings, ...limits.warnings, ...(oom.warning ? [oom.warning] : [])]) warn(text)
  const apparmor = apparmorOf({ requested: request.security.apparmor, privileged, fallback: defaults.apparmorProfile, host })
  const additionalGids = [...new Set([...user.additionalGids, ...cdi.additionalGids])]
  return {
    terminal: request.terminal,
    user: { uid: user.uid, gid: user.gid, umask: request.umask ?? defaults.umask, ...(additionalGids.length && { additionalGids }) },
    args: init ? [INIT_TARGET, '--', ...command] : [...command],
    env: buildEnv({
      request, image, configEnv: defaults.env, proxyEnv: inputs.proxyEnv, hostEnv: inputs.hostEnv, cdiEnv: cdi.env, home: user.home,
      hostname: inputs.hostname, uuid: systemd ? inputs.id.slice(0, 32) : undefined, notifySocket: inputs.files.notify && `${NOTIFY_TARGET}/notify.sock`,
    }),
    cwd: workdirOf(request, image),
    capabilities: sets,
    ...(limits.rlimits.length && { rlimits: limits.rlimits }),
    noNewPrivileges: request.security.noNewPrivileges === true,
    ...(oom.oomScoreAdj !== undefined && { oomScoreAdj: oom.oomScoreAdj }),
    ...(apparmor && { apparmorProfile: apparmor }),
    ...(inputs.selinux?.processLabel && { selinuxLabel: inputs.selinux.processLabel }),
  }
}

function linuxOf(draft: Draft, bounding: readonly string[]): OciLinux {
  const { inputs, warn, privileged, systemd, cdi } = draft
  const { request, host, namespaces, defaults } = inputs
  const { resources } = request
  const { devices, rules } = buildDevices({ privileged, hostDevices: host.devices, devices: inputs.devices, rules: resources.deviceCgroupRules ?? [], systemd })
  const allDevices = [...devices.filter(({ path }) => !cdi.devices.some((device) => device.path === path)), ...cdi.devices]
  const sysctl = resolveSysctls([...domainname(request.domainname), ...request.sysctls], defaults.sysctls, namespaces)
  const propagation = rootPropagation(inputs.mounts)
  const personality = personalityOf(request.personality)
  const seccomp = seccompOf(draft, bounding)
  return {
    ...(namespaces.user.kind !== 'host' && request.idMappings && {
      uidMappings: ociMappings(request.idMappings.uids), gidMappings: ociMappings(request.idMappings.gids),
    }),
    ...(Object.keys(sysctl).length && { sysctl }),
    resources: buildResources({
      resources, defaultPidsLimit: defaults.pidsLimit, host, blockDevices: inputs.blockDevices,
      deviceRules: privileged ? rules : [...rules, ...cdi.rules],
    }, warn),
    cgroupsPath: inputs.cgroupsPath,
    namespaces: buildNamespaces(namespaces, host.cgroupNamespaces),
    ...(allDevices.length && { devices: allDevices }),
    ...(seccomp && { seccomp }),
    ...(propagation && { rootfsPropagation: propagation }),
    ...hiddenPaths(draft),
    ...(inputs.selinux?.mountLabel && { mountLabel: inputs.selinux.mountLabel }),
    ...(resources.rdtClass && { intelRdt: { closID: resources.rdtClass } }),
    ...(personality && { personality }),
  }
}

/** By sysctl, since runtimes before OCI 1.1 don't know the field. */
const domainname = (name: string | undefined): Pairs => (name ? [['kernel.domainname', name]] : [])

function hiddenPaths({ inputs, systemd }: Draft): Pick<OciLinux, 'maskedPaths' | 'readonlyPaths'> {
  const { maskedPaths, readonlyPaths } = kernelPaths(inputs.request.security)
  // With its hierarchy writable, the file would start a program of the container's choice on the host.
  if (systemd && inputs.host.cgroup.version === 1) maskedPaths.push('/sys/fs/cgroup/systemd/release_agent')
  return { ...(maskedPaths.length && { maskedPaths }), ...(readonlyPaths.length && { readonlyPaths }) }
}

function seccompOf({ inputs, privileged }: Draft, bounding: readonly string[]): OciLinux['seccomp'] {
  const { request, host } = inputs
  const { seccomp } = request.security
  if (!host.seccomp || seccomp === 'unconfined' || (privileged && seccomp === undefined)) return undefined
  return resolveSeccomp(inputs.seccompProfile ?? defaultSeccompProfile(), {
    capabilities: new Set(bounding), architecture: host.architecture, kernel: host.kernel, x32: host.x32,
  })
}

function hooksOf({ inputs, command, cdi }: Draft, annotations: Record<string, string>): OciHooks {
  const hasBindMounts = inputs.mounts.some(({ type }) => type === 'bind')
  const hooks = matchHooks(inputs.hooks, { annotations, command: command[0] ?? '', hasBindMounts })
  for (const [stage, hook] of cdi.hooks) addHook(hooks, stage, hook)
  return hooks
}
