import { Failure } from '../errors.ts'
import type { VolumeRecord } from '../state/volumes.ts'
import type { Engine } from './engine.ts'
import { makeVolume } from './make-volume.ts'
import { randomId } from './random-name.ts'
import { recoverAll } from './recover.ts'
import { volumeRecord, type NewVolume } from './volume-record.ts'

export interface CreateVolume extends Omit<NewVolume, 'name' | 'anonymous'> {
  readonly name?: string
  readonly driver?: string
  /** An existing one of that name is fine. */
  readonly ignoreExisting?: boolean
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/

/** @throws invalid, exists, unsupported */
export async function createVolume(engine: Engine, request: CreateVolume): Promise<VolumeRecord> {
  await recoverAll(engine)
  const { name = randomId(), driver = 'local' } = request
  if (!NAME.test(name)) throw new Failure('invalid', `invalid volume name "${name}"`, { hint: 'use letters, digits, "_", "." and "-", and begin with a letter or digit' })
  if (driver !== 'local') throw new Failure('unsupported', `volume driver "${driver}" is not supported`, { hint: 'only "local" is' })
  const record = volumeRecord(engine, { ...request, name, anonymous: request.name === undefined })
  const known = await engine.state.volumes.get(name)
  if (known && request.ignoreExisting) return known
  if (known) throw new Failure('exists', `volume with name ${name} already exists: volume already exists`)
  if (!await makeVolume(engine, record)) throw new Failure('exists', `volume with name ${name} already exists: volume already exists`)
  return record
}
