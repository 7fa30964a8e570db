import { statSync, writeFileSync } from 'node:fs'
import { Failure } from '../errors.ts'
import { setFileLabel } from '../fs/file-label.ts'
import { makeDir } from '../fs/remove-tree.ts'
import { readInRoot } from '../fs/read-in-root.ts'
import { log } from '../log.ts'
import { buildSpecWithWarnings } from '../spec/build-spec.ts'
import { specText } from '../spec/spec-text.ts'
import { cdiEdits, cdiNodePaths } from '../spec/cdi.ts'
import type { HostFacts } from '../spec/host-facts.ts'
import type { ResolvedMount } from '../spec/mounts.ts'
import type { ImageSettings } from '../image/image-config.ts'
import { resolveUser, type ResolvedUser } from '../spec/users.ts'
import type { Container } from '../state/containers.ts'
import { cgroupsPath } from './cgroup-path.ts'
import { blockDevices, deviceNode, isCdiName, resolveDevices } from './device-nodes.ts'
import type { Engine } from './engine.ts'
import { gatherHostFacts } from './gather-host-facts.ts'
import type { WindowSize } from './attach-io.ts'
import { writeGeneratedFiles } from './generated-files.ts'
import { loadHooks, loadCdi, loadSeccomp } from './load-spec-files.ts'
import type { PreparedNetwork } from './prepare-network.ts'
import { relaysReadiness } from './report-readiness.ts'
import { resolveMounts } from './resolve-mounts.ts'
import { relabelMount, sharedLabel, type SelinuxLabels } from './selinux-labels.ts'
import { resolveNamespaces } from './resolve-namespaces.ts'

const MAX_PASSWD_BYTES = 4 * 2 ** 20

export interface Bundle {
  readonly cgroupPath: string | undefined
  /** The runtime has hooks to run when the process has been started. */
  readonly hooks: boolean
}

export interface BundleInputs {
  readonly container: Container
  readonly rootfsPath: string
  readonly network: PreparedNetwork
  readonly selinux: SelinuxLabels | undefined
  readonly windowSize?: WindowSize
}

/** Settles everything that the spec depends on and writes the bundle: config.json is made anew for each start. */
export async function writeBundle(engine: Engine, { container, rootfsPath, network, selinux, windowSize }: BundleInputs): Promise<Bundle> {
  const { id, record } = container
  const { request } = record
  const { config, environment } = engine
  const own = engine.paths.container(id)
  makeDir(own.run, request.idMappings ? 0o711 : 0o700)
  makeDir(own.bundle, 0o700)
  const image = await imageSettings(engine, container)
  const passwd = readText(rootfsPath, '/etc/passwd')
  const group = readText(rootfsPath, '/etc/group')
  const user = resolveUser({ user: record.user, passwd, group, groups: request.groups, policy: request.supplementalGroupsPolicy })
  const mounts = await resolveMounts(engine, { container, rootfsPath, user, selinux })
  if (selinux) for (const [index, mount] of request.mounts.entries()) await relabelMount(mount, mounts[index]?.source ?? '', selinux)
  const files = await writeGeneratedFiles(engine, { container, rootfsPath, network, user, passwd, group })
  const notify = relaysReadiness(engine, container) ? own.notify : undefined
  if (notify) makeDir(notify, 0o755)
  // Others read them too: containers that share the network.
  if (selinux) for (const dir of [own.etc, ...(notify ? [notify] : [])]) await setFileLabel(dir, sharedLabel(selinux))
  const seccompProfile = await loadSeccomp(config, request.security.seccomp)
  const cgroups = cgroupsPath(engine, container)
  const cdi = await loadCdi(config, request.devices)
  const { spec, warnings } = buildSpecWithWarnings({
    id, request, ...(image ? { image } : {}), rootfsPath, user, mounts, files: { ...files, ...(notify ? { notify } : {}) },
    namespaces: await resolveNamespaces(engine, container, network.namespace),
    hostname: record.hostname,
    ...(cgroups !== undefined ? { cgroupsPath: cgroups } : {}),
    host: await hostFacts(engine, container, mounts),
    devices: resolveDevices(request.devices),
    cdi, cdiNodes: cdi.length ? cdiNodes(request.devices.map(({ source }) => source), cdi) : [],
    hooks: await loadHooks(config, request.hooksDirs),
    ...(seccompProfile ? { seccompProfile } : {}),
    ...(selinux ? { selinux } : {}),
    defaults: config.containers,
    proxyEnv: environment.proxies,
    hostEnv: Object.entries(environment.all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
    blockDevices: blockDevices(devicesOfLimits(request.resources)),
    ...(request.init ? { initPath: await initPath(engine, request.initPath) } : {}),
  })
  // Sent by the monitor it could come after the process has asked.
  if (windowSize && request.terminal && spec.process) spec.process.consoleSize = { height: windowSize.rows, width: windowSize.columns }
  for (const warning of warnings) log.warn(warning)
  writeFileSync(own.config, specText(spec), { mode: 0o600 })
  return { cgroupPath: cgroups, hooks: (spec.hooks?.poststart ?? []).length > 0 }
}

const readText = (root: string, path: string): string | undefined => readInRoot(root, path, MAX_PASSWD_BYTES)?.toString('utf8')

/** The configuration of the container's image. It is there: rmi refuses while a container leans on it. */
export async function imageSettings({ state }: Pick<Engine, 'state'>, { record, name }: Container): Promise<ImageSettings | undefined> {
  if (!record.image) return undefined
  const image = await state.images.get(record.image.id)
  if (!image) throw new Failure('notFound', `image ${record.image.id.slice(0, 12)} of container ${name} is gone from the store`, { hint: `pull it again: scow pull ${record.image.name}` })
  return (image.config as { config?: ImageSettings }).config ?? {}
}

/** The user that an exec or the container's process gets, looked up in a root. */
export const userInRoot = (rootfsPath: string, user: string, groups: readonly string[] = []): ResolvedUser =>
  resolveUser({ user, passwd: readText(rootfsPath, '/etc/passwd'), group: readText(rootfsPath, '/etc/group'), groups })

async function hostFacts(engine: Engine, { record }: Container, mounts: readonly ResolvedMount[]): Promise<HostFacts> {
  const { security } = record.request
  const { selinux, apparmorProfile } = engine.config.containers
  const facts = gatherHostFacts({ devices: security.privileged ?? false, selinux })
  const profile = security.apparmor ?? (security.privileged ? 'unconfined' : apparmorProfile)
  const apparmor = facts.apparmor && await (await import('./apparmor-profile.ts')).withDefaultProfile(facts.apparmor, profile)
  return { ...facts, ...(apparmor ? { apparmor } : {}), ...(needsRuntimeFacts(mounts) ? { runtime: await runtimeFacts(engine, record.runtime.path) } : {}) }
}

/** Asking the runtime what it can costs a process: only for mounts that not every runtime does. */
const needsRuntimeFacts = (mounts: readonly ResolvedMount[]): boolean => mounts.some(({ idmap, recursiveReadOnly }) => idmap !== undefined || recursiveReadOnly)

async function runtimeFacts(engine: Engine, path: string): Promise<HostFacts['runtime']> {
  const { ociVersionMax = '1.0.2', mountOptions } = await (await engine.runtime(path)).features()
  const [major = 1, minor = 0] = ociVersionMax.split('.').map(Number)
  return { ociVersion: ociVersionMax, ...(mountOptions.length ? { mountOptions } : {}), idmappedMounts: major > 1 || minor >= 1 }
}

const cdiNodes = (sources: readonly string[], cdi: Awaited<ReturnType<typeof loadCdi>>) =>
  cdiNodePaths(cdiEdits(sources.filter(isCdiName), cdi)).flatMap((path) => deviceNode(path) ?? [])

const devicesOfLimits = ({ readBps = [], writeBps = [], readIops = [], writeIops = [], blkioWeightDevice = [] }: Container['record']['request']['resources']): string[] =>
  [...readBps, ...writeBps, ...readIops, ...writeIops, ...blkioWeightDevice].map(({ path }) => path)

const isProgram = (path: string): boolean => {
  const found = statSync(path, { throwIfNoEntry: false })
  return found !== undefined && found.isFile() && (found.mode & 0o111) !== 0
}

async function initPath({ config }: Engine, wanted: string | undefined): Promise<string> {
  const candidates = wanted ? [wanted] : config.engine.initPaths
  const found = candidates.find(isProgram)
  if (!found) throw new Failure('unsupported', `--init: no init program at ${candidates.join(', ')}`, { hint: 'install catatonit or tini, or name one with --init-path' })
  return found
}
