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
    ...ownerIn(options), ...(request.uid !== undefined ? { uid: request.uid } : {}), ...(request.gid !== undefined ? { gid: request.gid } : {}),
  }
  if (!await makeVolume(engine, record)) throw new Failure('exists', `volume with name ${name} already exists: volume already exists`)
  return record
}

/** `uid=` and `gid=` of a plain folder, alone or among the words of `o`; with a device they are for its mount. @throws invalid */
function ownerIn({ device, o = '', ...options }: Readonly<Record<string, string>>): { uid?: number; gid?: number } {
  if (device !== undefined) return {}
  const words = o.split(',').map((word) => word.split('=', 2))
  const said = (['uid', 'gid'] as const).flatMap((key) => {
    const text = options[key] ?? words.find(([name]) => name === key)?.[1]
    if (text === undefined) return []
    if (!/^\d{1,9}$/.test(text)) throw new Failure('invalid', `invalid ${key} "${text}" of the volume: it must be a number`)
    return [[key, Number(text)] as const]
  })
  return Object.fromEntries(said)
}
