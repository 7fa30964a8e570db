import { chmodSync, statSync } from 'node:fs'
import { hostname as hostName } from 'node:os'
import { dirname } from 'node:path'
import { Failure, isFailure } from '../errors.ts'
import { makeDir } from '../fs/remove-tree.ts'
import type { Digest } from '../image/digest.ts'
import type { ImageSettings } from '../image/image-config.ts'
import { neededContainers, withNeeded } from './needed-containers.ts'
import { commandOf, isSystemdMode, workdirOf } from '../spec/process.ts'
import type { ContainerRequest } from '../spec/request.ts'
import { signalNumber } from '../signals.ts'
import type { ContainerRecord } from '../state/container-record.ts'
import type { ImageRecord } from '../state/images.ts'
import { both } from './both.ts'
import { summarize } from './container-summary.ts'
import { settleVolumes, type SettledVolumes } from './container-volumes.ts'
import type { Engine } from './engine.ts'
import { allNames, nameMeant } from './find-image.ts'
import { randomId, randomName } from './random-name.ts'
import { releaseCreation } from './release-creation.ts'
import { recoverDead } from './recover.ts'
import type { MadeContainer } from './settle-spec.ts'
import { withUndo } from './undo.ts'

type Parts = Pick<Engine, 'config' | 'paths' | 'state' | 'self' | 'storage' | 'runtime' | 'networks'>

export interface CreateContainer {
  readonly request: ContainerRequest
  /** The image, already here; absent with request.rootfs. */
  readonly image?: ImageRecord
  /** For `inspect`. */
  readonly createCommand?: readonly string[]
  readonly pod?: { readonly id: string; readonly name: string }
  /** Kept in the record: the caller's own words of what is wanted. */
  readonly source?: string
  /** The CRI gives its own. */
  readonly id?: string
  /** Has the last word before there is a container. */
  readonly check?: (container: MadeContainer) => Promise<void>
}

export const NAME_PATTERN = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/

/**
 * Makes a container that can be started: name, writable layer, volumes, record. Killed at any point, the next command
 * that writes takes away what it had made.
 * @returns its id
 * @throws invalid, exists (name), notFound (volume's or volumes-from container)
 */
export async function createContainer(engine: Parts, creation: CreateContainer): Promise<string> {
  await recoverDead(engine)
  const { request, needs } = await settleNeeds(engine, creation)
  const { image, pod } = creation
  if (request.name !== undefined && !NAME_PATTERN.test(request.name)) {
    throw new Failure('invalid', `invalid container name "${request.name}"`, { hint: 'use letters, digits, "_", "." and "-", and begin with a letter or digit' })
  }
  if (request.rootfs && !statSync(request.rootfs.path, { throwIfNoEntry: false })?.isDirectory()) throw new Failure('notFound', `--rootfs ${request.rootfs.path}: no such directory`)
  const name = request.runtime ?? engine.config.engine.runtime
  const runtime = { name, path: (await engine.runtime(name)).path }
  const id = creation.id ?? randomId()
  const durable = !request.autoRemove
  const storage = await engine.storage()
  return withUndo(async (undo) => {
    const settled = await settleVolumes(engine, { request, image })
    const intentId = await reserve(engine, { id, request, image, anonymous: settled.made })
    undo('take back what was made', () => releaseCreation(engine, { id, intentId, anonymous: settled.made }))
    await settled.make()
    const { idMappings: idmap } = request
    makeOwnDir(engine.paths.container(id).dir, { forOthers: idmap !== undefined })
    const record = makeRecord(engine, { id, creation: { ...creation, request }, settled, storageDriver: storage.driver, runtime, hostname: await hostnameOf(engine, id, request) })
    await both(
      request.rootfs ? Promise.resolve() : storage.containers.create(id, (image?.chainIds ?? []) as Digest[], { volatile: !durable, ...(idmap ? { idmap } : {}) }),
      creation.check?.({ id, name: request.name ?? id, podId: pod?.id, record }) ?? Promise.resolve(),
    )
    await engine.state.containers.insert({ record, summary: { ...summarize(record), ...(pod ? { pod: pod.name } : {}) }, intentId, ...(pod ? { podId: pod.id } : {}), needs }, { durable })
    return id
  })
}

/** Names of other containers become ids, which no renaming changes. In a pod its server knows who comes and goes first. */
async function settleNeeds(engine: Parts, { request, pod }: CreateContainer): Promise<{ request: ContainerRequest; needs: string[] }> {
  const named = pod ? [] : neededContainers(request)
  if (named.length === 0) return { request, needs: [] }
  const ids = new Map<string, string>()
  for (const name of named) ids.set(name, (await engine.state.containers.find(name)).id)
  return { request: withNeeded(request, (name) => ids.get(name)!), needs: [...new Set(ids.values())] }
}

/** Who is root of a user namespace alone must come through to the root file system. */
function makeOwnDir(dir: string, { forOthers }: { forOthers: boolean }): void {
  makeDir(dir, 0o700)
  if (!forOthers) return
  for (const path of [dirname(dir), dir]) chmodSync(path, 0o711)
  for (let path = dirname(dirname(dir)); path !== dirname(path); path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0) throw new Failure('denied', `${path} lets its owner alone through: a container with a user namespace could not reach its root file system below it`, { hint: `chmod o+x ${path}, or choose another --root` })
  }
}

interface Reservation { id: string; request: ContainerRequest; image: ImageRecord | undefined; anonymous: readonly string[] }

async function reserve(engine: Parts, { id, request, image, anonymous }: Reservation): Promise<number> {
  const intent = { kind: 'create' as const, target: id, owner: engine.self, data: { anonymous }, ...(image ? { imageId: image.id } : {}) }
  for (let tries = 0; ; tries++) {
    try {
      return await engine.state.containers.reserve({ id, name: request.name ?? randomName() + (tries > 5 ? `_${tries}` : ''), intent }, { durable: false })
    } catch (error) {
      if (!isFailure(error, 'exists') || tries > 50) throw error
      if (request.name !== undefined && (tries > 0 || !await freed(engine, request.name))) throw error
    }
  }
}

/** The holder of a name may have ended and be about to go. */
async function freed(engine: Parts, name: string): Promise<boolean> {
  const holder = await engine.state.names.holder(name)
  const { finishEnded } = await import('./finish-ended.ts')
  return holder === undefined || finishEnded(engine, [holder.id])
}

interface RecordInputs {
  id: string
  creation: CreateContainer
  settled: SettledVolumes
  storageDriver: string
  runtime: { name: string; path: string }
  hostname: string
}

function makeRecord(engine: Parts, { id, creation, settled, storageDriver, runtime, hostname }: RecordInputs): ContainerRecord {
  const { request, image, createCommand } = creation
  const settings = (image?.config as { config?: ImageSettings } | undefined)?.config ?? {}
  const args = commandOf(request, settings)
  const entrypoint = (request.entrypoint ?? settings.Entrypoint ?? []).filter((word) => word !== '')
  const exposed = [...Object.keys(settings.ExposedPorts ?? {}), ...(request.expose ?? [])].flatMap(singlePorts)
  return {
    version: 1, id, createdAtMs: Date.now(),
    request: { ...request, mounts: settled.mounts },
    ...(image ? { image: { id: image.id, name: imageName(image, request.image), digest: image.digest, chainIds: image.chainIds } } : {}),
    command: args.slice(entrypoint.length), entrypoint,
    workdir: workdirOf(request, settings),
    user: request.user ?? settings.User ?? '',
    hostname,
    stopSignal: knownSignal(request.stopSignal ?? (settings.StopSignal || (isSystemdMode(request, args) ? 'RTMIN+3' : 'TERM'))),
    stopTimeoutSeconds: request.stopTimeoutSeconds ?? engine.config.engine.stopTimeoutSeconds,
    labels: { ...settings.Labels, ...Object.fromEntries(request.labels) },
    volumes: settled.uses,
    exposed: [...new Set(exposed)],
    storageDriver,
    runtime: { name: runtime.name, path: runtime.path },
    cgroupManager: engine.config.engine.cgroupManager,
    logPath: request.log.path ?? engine.paths.container(id).log,
    createCommand: createCommand ?? [],
    ...(creation.source === undefined ? {} : { source: creation.source }),
  }
}

/** `90-92/udp`, as an image may say it, is three ports. */
function singlePorts(text: string): string[] {
  const [, first, last, protocol = 'tcp'] = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(\w+))?$/.exec(text) ?? []
  if (first === undefined) return [text]
  return Array.from({ length: Math.max(1, Number(last ?? first) - Number(first) + 1) }, (_, n) => `${Number(first) + n}/${protocol}`)
}

function knownSignal(text: string): number {
  const number = signalNumber(text)
  if (number === undefined) throw new Failure('invalid', `unknown signal ${JSON.stringify(text)}`, { hint: 'use a name such as TERM or a number from 1 to 64' })
  return number
}

/** Who shares a UTS namespace has the name in there; who shares the host's network is known in it by the host's name. */
async function hostnameOf(engine: Parts, id: string, { hostname, namespaces: { uts }, network }: ContainerRequest): Promise<string> {
  if (uts.kind === 'container') return (await engine.state.containers.find(uts.id)).record.hostname
  if (hostname !== undefined) return hostname
  return uts.kind === 'host' || network.kind === 'host' ? hostName() : id.slice(0, 12)
}

/** What `ps` shows: the name as stored; for an image without names what the user typed, or its id. */
const imageName = (image: ImageRecord, typed: string | undefined): string => {
  const meant = typed ? nameMeant(typed, image) : undefined
  return meant ?? allNames(image)[0] ?? (typed?.includes('@') ? typed : undefined) ?? image.id
}
