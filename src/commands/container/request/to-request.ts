// The flags of run and create as one ContainerRequest.
import { Failure } from '../../../errors.ts'
import { log } from '../../../log.ts'
import type { ContainersConfig } from '../../../config.ts'
import type { ContainerRequest, MountRequest, Pairs } from '../../../spec/request.ts'
import type { CreateValues } from '../options/create-options.ts'
import { readSignal } from '../signal.ts'
import { parseMount } from './mount.ts'
import { parseAddHost, toDns, toNetwork } from './network.ts'
import { parseAssignments, parseEnv, parseLabels, readEnvFile, readLabelFile, type Environment } from './pairs.ts'
import { parseExpose, parsePublish } from './ports.ts'
import { defined, parseUlimits, toResources } from './resources.ts'
import { parseDevice, parseGpu, toSecurity } from './security.ts'
import { cgroupsOf, checkHostname, checkName, oneOfTexts, parseEntrypoint, parseNamespace, parseRestart, parseUmask, toLog, toPlatform } from './settings.ts'
import { parseTmpfs, parseVolume } from './volume.ts'

export interface RequestContext {
  readonly cwd: string
  readonly environment: Environment
  /** [containers] of the configuration: what the flags leave open. */
  readonly defaults: ContainersConfig
  readonly given: ReadonlySet<string>
  /** Of run: keep these file descriptors. */
  readonly preserveFds?: readonly number[]
  readonly removeImage?: boolean
}

/** `args`: the image (or root file system) and the command. @throws Failure invalid, unsupported */
export function toRequest(values: CreateValues, args: readonly string[], context: RequestContext): ContainerRequest {
  const { defaults, given, cwd } = context
  const [image, ...command] = args as [string, ...string[]]
  if (image === '') throw new Failure('invalid', 'the name of the image is empty')
  const restart = parseRestart(values.restart)
  if ((values.rm || context.removeImage) && restart.name !== 'no') throw new Failure('invalid', '--rm and --restart exclude each other', { hint: 'drop one of them' })
  if (values.uts === 'host' && values.hostname) throw new Failure('invalid', '--hostname cannot be set with --uts host: the name is the host\'s', { hint: 'drop one of them' })
  const isPrivileged = given.has('privileged') ? values.privileged : defaults.privileged
  return {
    ...(values.rootfs ? { rootfs: rootfsOf(image, cwd) } : { image }),
    command, terminal: values.tty, stdin: values.interactive, restart, ...identity(values, defaults),
    env: environmentOf(values, context), labels: labelsOf(values), annotations: [...defaults.annotations, ...groupAnnotations(values), ...parseAssignments(values.annotation, '--annotation')],
    mounts: mountsOf(values, context), devices: [...[...defaults.devices, ...values.device].map(parseDevice), ...values.gpus.map(parseGpu)],
    ...networking(values, defaults), namespaces: namespacesOf(values, defaults), security: toSecurity({ ...values, privileged: isPrivileged }, { cwd }),
    resources: { ...(defaults.pidsLimit > 0 ? { pidsLimit: defaults.pidsLimit } : {}), ...toResources(values) },
    sysctls: parseAssignments(values.sysctl, '--sysctl'),
    log: toLog(values.logDriver, values.logOpt, { terminal: values.tty, driver: defaults.logDriver, sizeMaxBytes: defaults.logSizeMaxBytes, tag: defaults.logTag }),
    ...life(values, context),
  }
}

const rootfsOf = (text: string, cwd: string): NonNullable<ContainerRequest['rootfs']> => {
  const [path, ...options] = text.split(':')
  if (options.length > 0) throw new Failure('unsupported', `--rootfs PATH:${options.join(':')} is not supported yet`, { hint: 'use a copy of the directory' })
  return { path: path!.startsWith('/') ? path! : `${cwd}/${path}` }
}

function identity(values: CreateValues, defaults: ContainersConfig): Partial<ContainerRequest> {
  return defined({
    name: values.name ? checkName(values.name) : undefined, entrypoint: parseEntrypoint(values.entrypoint), workdir: absolute(values.workdir), user: values.user,
    groups: groupsOf(values.groupAdd), groupEntry: values.groupEntry, passwdEntry: values.passwdEntry,
    managePasswd: values.passwd ? undefined : false, umask: parseUmask(values.umask) ?? defaults.umask,
    hostname: values.hostname ? checkHostname(values.hostname) : undefined, noHostname: values.noHostname || undefined, platform: toPlatform(values),
  })
}

const KEEP_GROUPS = 'keep-groups'

function groupsOf(groups: readonly string[]): readonly string[] | undefined {
  if (!groups.includes(KEEP_GROUPS)) return groups.length ? groups : undefined
  if (groups.length > 1) throw new Failure('invalid', `--group-add ${KEEP_GROUPS} cannot be combined with other groups`)
  return undefined
}

/** crun keeps the caller's groups when it is told so; runc cannot. */
const groupAnnotations = ({ groupAdd }: CreateValues): Pairs => (groupAdd.includes(KEEP_GROUPS) ? [['run.oci.keep_original_groups', '1']] : [])

const absolute = (path: string | undefined): string | undefined => {
  if (path && !path.startsWith('/')) throw new Failure('invalid', `invalid value "${path}" for --workdir: it must be an absolute path`)
  return path || undefined
}

function environmentOf(values: CreateValues, { environment }: RequestContext): Pairs {
  const fromFiles = values.envFile.flatMap((file) => readEnvFile(file, environment))
  return [...fromFiles, ...parseEnv(values.env, environment)]
}

const labelsOf = (values: CreateValues): Pairs => [...values.labelFile.flatMap(readLabelFile), ...parseLabels(values.label)]

function mountsOf(values: CreateValues, { cwd, defaults }: RequestContext): MountRequest[] {
  const own = distinct([...values.mount.map((text) => parseMount(text, { cwd })), ...values.volume.map((text) => parseVolume(text, { cwd })), ...values.tmpfs.map(parseTmpfs)])
  const seen = new Set<string>()
  for (const { target } of own) {
    if (seen.has(target)) throw new Failure('invalid', `two mounts have the same path ${target} in the container`, { hint: 'drop one of them' })
    seen.add(target)
  }
  const fromConfig = [...defaults.mounts.map((text) => parseMount(text, { cwd })), ...defaults.volumes.map((text) => parseVolume(text, { cwd }))]
  return [...fromConfig.filter(({ target }) => !seen.has(target)), ...own]
}

/** What was said twice counts once. */
const distinct = <T>(items: readonly T[]): T[] => [...new Map(items.map((item) => [JSON.stringify(item), item])).values()]

function networking(values: CreateValues, defaults: ContainersConfig): Pick<ContainerRequest, 'network' | 'ports'> & Partial<ContainerRequest> {
  const network = toNetwork(values, { defaultMode: defaults.netns })
  const addHosts = values.addHost.flatMap(parseAddHost)
  const ports = distinct(values.publish.flatMap(parsePublish))
  if (ports.length > 0 && network.kind !== 'bridge') log.warn(`--publish ignored: with --network ${network.kind} the container has no network of its own`)
  if (network.kind === 'container' && addHosts.length > 0) throw new Failure('invalid', '--add-host with --network container: the hosts file is that of the other container', { hint: 'give it to that one' })
  if (values.noHosts && addHosts.length > 0) throw new Failure('invalid', '--no-hosts and --add-host exclude each other', { hint: 'drop one of them' })
  return {
    network, ports,
    ...defined({
      publishAll: values.publishAll || undefined, expose: values.expose.length ? values.expose.flatMap(parseExpose) : undefined, dns: toDns(values, network.kind),
      addHosts: addHosts.length ? addHosts : undefined, noHosts: (values.noHosts || defaults.noHosts) || undefined, hostsFile: values.hostsFile,
    }),
  }
}

function namespacesOf(values: CreateValues, defaults: ContainersConfig): ContainerRequest['namespaces'] {
  const uts = parseNamespace('--uts', values.uts ?? defaults.utsns)
  if (uts.kind === 'container' && values.hostname) throw new Failure('invalid', '--hostname with --uts container: the name is that of the other container', { hint: 'drop one of them' })
  return {
    pid: parseNamespace('--pid', values.pid ?? defaults.pidns), ipc: parseNamespace('--ipc', values.ipc ?? defaults.ipcns),
    uts, cgroup: parseNamespace('--cgroupns', values.cgroupns || defaults.cgroupns),
  }
}

/** That of another namespace, or of none, has a size already. */
function shmSizeOf({ shmSize, ipc }: CreateValues, { ipcns, shmSizeBytes }: ContainersConfig): number {
  const { kind } = parseNamespace('--ipc', ipc ?? ipcns)
  if (shmSize !== undefined && (kind === 'host' || kind === 'none')) throw new Failure('invalid', `--shm-size cannot be set with --ipc ${kind}`, { hint: 'drop one of them' })
  return shmSize ?? shmSizeBytes
}

/** 0 is a signal for kill(2), and ends nothing. */
function checkStopSignal(text: string | undefined): string | undefined {
  if (text && readSignal(text, '--stop-signal') === 0) throw new Failure('invalid', 'signal 0 cannot be the --stop-signal: it ends nothing')
  return text
}

function life(values: CreateValues, { defaults, given, cwd, preserveFds, removeImage }: RequestContext): Partial<ContainerRequest> {
  const path = (file: string | undefined): string | undefined => (file === undefined || file.startsWith('/') ? file : `${cwd}/${file}`)
  const isReadOnly = given.has('readOnly') ? values.readOnly : defaults.readOnly
  const withInit = given.has('init') ? values.init : defaults.init
  const ulimits = values.ulimit.length ? parseUlimits(values.ulimit) : undefined
  return defined({
    unsetEnv: values.unsetenv.length ? values.unsetenv : undefined, unsetAllEnv: values.unsetenvAll || undefined,
    volumesFrom: values.volumesFrom.length ? values.volumesFrom : undefined,
    imageVolumes: oneOfTexts('--image-volume', values.imageVolume === 'anonymous' ? 'bind' : values.imageVolume, ['bind', 'tmpfs', 'ignore']),
    readOnlyRootfs: isReadOnly || undefined, readOnlyTmpfs: values.readOnlyTmpfs ? undefined : false, shmSizeBytes: shmSizeOf(values, defaults),
    systemdTmpfsBytes: values.shmSizeSystemd || undefined,
    rlimits: ulimits, oomScoreAdj: values.oomScoreAdj,
    cgroups: cgroupsOf(values.cgroups ?? defaults.cgroups), cgroupParent: values.cgroupParent || undefined,
    stopSignal: checkStopSignal(values.stopSignal), stopTimeoutSeconds: values.stopTimeout, timeoutSeconds: values.timeout || undefined, autoRemove: (values.rm || removeImage) || undefined,
    removeImage: removeImage || undefined, init: withInit || undefined, initPath: values.initPath, systemd: oneOfTexts('--systemd', values.systemd, ['true', 'false', 'always']),
    sdnotify: values.sdnotify, timezone: values.tz ?? (defaults.timezone || undefined), httpProxy: given.has('httpProxy') ? values.httpProxy : defaults.httpProxy,
    hostEnv: given.has('envHost') ? values.envHost : defaults.envHost || undefined, personality: values.personality,
    requires: values.requires.length ? values.requires : undefined, preserveFds: preserveFds?.length ? preserveFds : undefined, cidFile: values.cidfile, pidFile: path(values.pidfile), monitorPidFile: path(values.conmonPidfile),
  })
}
