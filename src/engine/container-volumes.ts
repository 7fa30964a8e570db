import { posix } from 'node:path'
import { Failure } from '../errors.ts'
import type { ImageSettings } from '../image/image-config.ts'
import type { ContainerRequest, MountRequest, VolumeMount } from '../spec/request.ts'
import type { VolumeUse } from '../state/container-record.ts'
import type { ImageRecord } from '../state/images.ts'
import type { VolumeRecord } from '../state/volumes.ts'
import type { Engine } from './engine.ts'
import { makeVolume } from './make-volume.ts'
import { randomId } from './random-name.ts'
import { volumeRecord } from './volume-record.ts'

type Parts = Pick<Engine, 'config' | 'paths' | 'state' | 'self'>

export interface SettledVolumes {
  /** The request's mounts with every volume named, plus those of the image and of --volumes-from. */
  readonly mounts: readonly MountRequest[]
  readonly uses: readonly VolumeUse[]
  /** Anonymous volumes that `make` makes: an undo removes them. */
  readonly made: readonly string[]
  /** Makes the volumes that aren't there yet. */
  make(): Promise<void>
}

/** Decides which volumes a new container uses, without making any. */
export async function settleVolumes(engine: Parts, { request, image }: { request: ContainerRequest; image: ImageRecord | undefined }): Promise<SettledVolumes> {
  const mounts: MountRequest[] = []
  const taken = () => new Set(mounts.map(({ target }) => clean(target)))
  mounts.push(...request.mounts)
  for (const from of request.volumesFrom ?? []) mounts.push(...(await mountsFrom(engine, from)).filter(({ target }) => !taken().has(clean(target))))
  const volumes = (image?.config as { config?: ImageSettings } | undefined)?.config?.Volumes ?? {}
  for (const target of Object.keys(volumes).map(clean)) if (!taken().has(target)) mounts.push(...imageVolume(target, request.imageVolumes ?? engine.config.engine.imageVolumeMode))
  const uses: VolumeUse[] = []
  const records: VolumeRecord[] = []
  const named = mounts.map((mount): MountRequest => {
    if (mount.type !== 'volume') return mount
    const name = mount.name ?? randomId()
    uses.push({ name, target: mount.target, anonymous: mount.name === undefined })
    records.push(volumeRecord(engine, { name, anonymous: mount.name === undefined, ...(mount.volumeOptions ? { options: mount.volumeOptions } : {}) }))
    return { ...mount, name }
  })
  return {
    mounts: named, uses, made: uses.filter(({ anonymous }) => anonymous).map(({ name }) => name),
    make: async () => { for (const record of records) if (!await engine.state.volumes.get(record.name)) await makeVolume(engine, record, { durable: !record.anonymous }) },
  }
}

/** `/data/` and `/a/../data` are /data. */
const clean = (target: string): string => posix.resolve('/', target)

const imageVolume = (target: string, mode: 'bind' | 'tmpfs' | 'ignore'): MountRequest[] =>
  mode === 'ignore' ? [] : mode === 'tmpfs' ? [{ type: 'tmpfs', target, copyUp: true }] : [{ type: 'volume', target }]

async function mountsFrom({ state }: Parts, text: string): Promise<MountRequest[]> {
  const [nameOrId, options = ''] = text.split(':') as [string, string?]
  const wanted = options.split(',').filter((option) => option !== '')
  const unknown = wanted.find((option) => !['ro', 'rw', 'z', 'Z', 'copy', 'nocopy'].includes(option))
  if (unknown) throw new Failure('invalid', `--volumes-from ${text}: unknown option "${unknown}"`, { hint: 'use ro, rw or z' })
  const { record } = await state.containers.find(nameOrId)
  return record.request.mounts.filter((mount) => mount.type === 'volume' || mount.type === 'bind')
    .map((mount) => ({ ...mount, ...(wanted.includes('ro') ? { readOnly: true } : {}), ...(wanted.includes('z') ? { relabel: 'shared' as const } : {}) }))
}

export const isNamedVolume = (mount: MountRequest): mount is VolumeMount & { name: string } => mount.type === 'volume' && mount.name !== undefined
