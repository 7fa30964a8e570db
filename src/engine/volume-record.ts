import { Failure } from '../errors.ts'
import type { VolumeRecord } from '../state/volumes.ts'
import type { Engine } from './engine.ts'
import { volumeDir } from './make-volume.ts'

export interface NewVolume {
  readonly name: string
  readonly anonymous: boolean
  readonly labels?: Readonly<Record<string, string>>
  /** Those of `volume create --opt`. */
  readonly options?: Readonly<Record<string, string>>
  readonly uid?: number
  readonly gid?: number
}

const OPTIONS = new Set(['o', 'type', 'device', 'uid', 'gid', 'nocopy'])

/** The record of a volume that is about to be made. @throws invalid */
export function volumeRecord(engine: Pick<Engine, 'config' | 'paths'>, { name, anonymous, labels = {}, options = {}, uid, gid }: NewVolume): VolumeRecord {
  const unknown = Object.keys(options).find((option) => !OPTIONS.has(option))
  if (unknown !== undefined) throw new Failure('invalid', `invalid mount option ${unknown} for driver "local"`, { hint: `use ${[...OPTIONS].join(', ')}` })
  return {
    name, driver: 'local', labels, options, mountpoint: volumeDir(engine, name), createdAtMs: Date.now(), anonymous,
    ...ownerIn(options), ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }),
  }
}

/** `uid=` and `gid=` of a plain folder, alone or among the words of `o`; with a device they are for its mount. @throws invalid */
function ownerIn({ device, o = '', ...options }: Readonly<Record<string, string>>): { uid?: number; gid?: number } {
  if (device !== undefined) return {}
  const words = o.split(',').filter((word) => word !== '').map((word) => word.split('=', 2))
  const [other] = words.find(([name]) => name !== 'uid' && name !== 'gid') ?? []
  if (other !== undefined) {
    const quota = other === 'size' || other === 'inodes'
    throw new Failure(quota ? 'unsupported' : 'invalid', quota ? `a volume that is a plain folder has no limit of ${other}` : `"o=${other}" is for a mount, and the volume has no device`, { hint: quota ? 'one in memory has: -o type=tmpfs -o device=tmpfs -o o=size=SIZE' : 'give type and device too' })
  }
  const said = (['uid', 'gid'] as const).flatMap((key) => {
    const text = options[key] ?? words.find(([name]) => name === key)?.[1]
    if (text === undefined) return []
    if (!/^\d{1,9}$/.test(text)) throw new Failure('invalid', `invalid ${key} "${text}" of the volume: it must be a number`)
    return [[key, Number(text)] as const]
  })
  return Object.fromEntries(said)
}
