import { chownSync, mkdirSync } from 'node:fs'
import { Failure } from '../errors.ts'
import type { VolumeRecord } from '../state/volumes.ts'
import { volumeDir } from './container-volumes.ts'
import type { Engine } from './engine.ts'
import { randomId } from './random-name.ts'
import { removeVolumes } from './remove-volumes.ts'
import { withUndo } from './undo.ts'

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
export async function createVolume(engine: Pick<Engine, 'config' | 'paths' | 'state' | 'self'>, request: CreateVolume): Promise<VolumeRecord> {
  const { name = randomId(), labels = {}, options = {}, driver = 'local' } = request
  if (!NAME.test(name)) throw new Failure('invalid', `invalid volume name "${name}"`, { hint: 'use letters, digits, "_", "." and "-", and begin with a letter or digit' })
  if (driver !== 'local') throw new Failure('unsupported', `volume driver "${driver}" is not supported`, { hint: 'only "local" is' })
  const unknown = Object.keys(options).find((option) => !OPTIONS.has(option))
  if (unknown) throw new Failure('invalid', `invalid mount option ${unknown} for driver "local"`, { hint: `use ${[...OPTIONS].join(', ')}` })
  const known = await engine.state.volumes.get(name)
  if (known && request.ignoreExisting) return known
  if (known) throw new Failure('exists', `volume with name ${name} already exists: volume already exists`)
  return withUndo(async (undo) => {
    const mountpoint = volumeDir(engine, name)
    const record: VolumeRecord = {
      name, driver, labels, options, mountpoint, createdAtMs: Date.now(), anonymous: request.name === undefined,
      ...(request.uid !== undefined ? { uid: request.uid } : {}), ...(request.gid !== undefined ? { gid: request.gid } : {}),
    }
    if (!await engine.state.volumes.put(record)) throw new Failure('exists', `volume with name ${name} already exists: volume already exists`)
    undo('remove the volume', () => removeVolumes(engine, [name]))
    mkdirSync(mountpoint, { recursive: true, mode: 0o755 })
    if (request.uid !== undefined || request.gid !== undefined) chownSync(mountpoint, request.uid ?? 0, request.gid ?? 0)
    return record
  })
}
