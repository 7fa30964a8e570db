import { Failure } from '../errors.ts'
import type { VolumeRecord } from '../state/volumes.ts'
import type { Engine } from './engine.ts'
import { makeVolume, volumeDir } from './make-volume.ts'
import { randomId } from './random-name.ts'
import { recoverDead } from './recover.ts'

export interface CreateVolume {
  readonly name?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly options?: Readonly<Record<string, string>>
  readonly driver?: string
  readonly uid?: number
  readonly gid?: number
  /** An existing one of that name is fine. */
  readonly ignoreExisting?: boolean
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/
const OPTIONS = new Set(['o', 'type', 'device', 'uid', 'gid', 'nocopy'])

/** @throws invalid, exists, unsupported */
export async function createVolume(engine: Engine, request: CreateVolume): Promise<VolumeRecord> {
  await recoverDead(engine)
  const { name = randomId(), labels = {}, options = {}, driver = 'local' } = request
  if (!NAME.test(name)) throw new Failure('invalid', `invalid volume name "${name}"`, { hint: 'use letters, digits, "_", "." and "-", and begin with a letter or digit' })
  if (driver !== 'local') throw new Failure('unsupported', `volume driver "${driver}" is not supported`, { hint: 'only "local" is' })
  const unknown = Object.keys(options).find((option) => !OPTIONS.has(option))
  if (unknown) throw new Failure('invalid', `invalid mount option ${unknown} for driver "local"`, { hint: `use ${[...OPTIONS].join(', ')}` })
  const known = await engine.state.volumes.get(name)
  if (known && request.ignoreExisting) return known
  if (known) throw new Failure('exists', `volume with name ${name} already exists: volume already exists`)
  const record: VolumeRecord = {
    name, driver, labels, options, mountpoint: volumeDir(engine, name), createdAtMs: Date.now(), anonymous: request.name === undefined,
    ...(request.uid !== undefined ? { uid: request.uid } : {}), ...(request.gid !== undefined ? { gid: request.gid } : {}),
  }
  if (!await makeVolume(engine, record)) throw new Failure('exists', `volume with name ${name} already exists: volume already exists`)
  return record
}
