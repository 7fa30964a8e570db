import { statSync } from 'node:fs'
import { Failure } from '../errors.ts'
import { buildSpecWithWarnings, type BuiltSpec, type GeneratedFiles } from '../spec/build-spec.ts'
import { cdiEdits, cdiNodePaths } from '../spec/cdi.ts'
import type { HostFacts } from '../spec/host-facts.ts'
import type { ResolvedMount } from '../spec/mounts.ts'
import type { ResolvedNamespace } from '../spec/namespaces.ts'
import type { ImageSettings } from '../image/image-config.ts'
import type { ResolvedUser } from '../spec/users.ts'
import type { Container } from '../state/containers.ts'
import { cgroupsPath } from './cgroup-path.ts'
import { blockDevices, deviceNode, isCdiName, resolveDevices } from './device-nodes.ts'
import type { Engine } from './engine.ts'
import { gatherHostFacts } from './gather-host-facts.ts'
import { loadHooks, loadCdi, loadSeccomp } from './load-spec-files.ts'
import { resolveNamespaces } from './resolve-namespaces.ts'
import type { SelinuxLabels } from './selinux-labels.ts'

/** What of a container is known before it has a row. */
export type MadeContainer = Pick<Container, 'id' | 'name' | 'podId' | 'record'>

export interface SpecParts {
  readonly container: MadeContainer
  readonly rootfsPath: string
  readonly user: ResolvedUser
  readonly mounts: readonly ResolvedMount[]
  readonly files: GeneratedFiles
  readonly network: ResolvedNamespace
  readonly selinux: SelinuxLabels | undefined
}

export interface SettledSpec extends BuiltSpec {
  readonly cgroupPath: string | undefined
}

/** The specification of a container as record, image, configuration and machine are now. Changes nothing. */
export async function settleSpec(engine: Engine, { container, rootfsPath, user, mounts, files, network, selinux }: SpecParts): Promise<SettledSpec> {
  const { id, record } = container
  const { request } = record
  const { config, environment } = engine
  const image = await imageSettings(engine, container)
  const seccompProfile = await loadSeccomp(config, request.security.seccomp)
  const cgroups = cgroupsPath(container)
  const cdi = await loadCdi(config, request.devices)
  const built = buildSpecWithWarnings({
    id, request, ...(image ? { image } : {}), rootfsPath, user, mounts, files,
    namespaces: await resolveNamespaces(engine, container, network),
    hostname: record.hostname,
    cgroupsPath: cgroups,
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
  return { ...built, cgroupPath: cgroups }
}

/** The configuration of the container's image. It is there: rmi refuses while a container leans on it. */
async function imageSettings({ state }: Pick<Engine, 'state'>, { record, name }: MadeContainer): Promise<ImageSettings | undefined> {
  if (!record.image) return undefined
  const image = await state.images.get(record.image.id)
  if (!image) throw new Failure('notFound', `image ${record.image.id.slice(0, 12)} of container ${name} is gone from the store`, { hint: `pull it again: scow pull ${record.image.name}` })
  return (image.config as { config?: ImageSettings }).config ?? {}
}

async function hostFacts(engine: Engine, { record }: MadeContainer, mounts: readonly ResolvedMount[]): Promise<HostFacts> {
  const { security, resources: { blkioWeight, blkioWeightDevice = [] } } = record.request
  const { selinux, apparmorProfile } = engine.config.containers
  const facts = gatherHostFacts({ devices: security.privileged ?? false, selinux, blockWeights: blkioWeight !== undefined || blkioWeightDevice.length > 0 })
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
