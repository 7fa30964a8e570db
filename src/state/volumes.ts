import { Failure } from '../errors.ts'
import type { Database } from './database.ts'
import { addEvent } from './events.ts'

export interface VolumeRecord {
  readonly name: string
  readonly driver: string
  readonly mountpoint: string
  readonly labels: Readonly<Record<string, string>>
  readonly options: Readonly<Record<string, string>>
  readonly createdAtMs: number
  /** Made for one container without a name. */
  readonly anonymous: boolean
  readonly uid?: number
  readonly gid?: number
}

const event = (db: Database, status: string, name: string): void =>
  addEvent(db, { type: 'volume', status, id: name, name, image: '', attributes: {}, timeMs: Date.now() })

export const getVolume = (db: Database, name: string): VolumeRecord | undefined => {
  const row = db.get<{ record: string }>('SELECT record FROM volumes WHERE name = ?', name)
  return row && (JSON.parse(row.record) as VolumeRecord)
}

/** By name, or by a beginning that only one volume has. */
export function findVolume(db: Database, nameOrPrefix: string): VolumeRecord {
  const exact = getVolume(db, nameOrPrefix)
  if (exact) return exact
  const matches = db.all<{ record: string }>('SELECT record FROM volumes WHERE substr(name, 1, length(?)) = ? LIMIT 2', nameOrPrefix, nameOrPrefix)
  if (!matches[0] || nameOrPrefix === '') throw new Failure('notFound', `no volume with name "${nameOrPrefix}" found: no such volume`)
  if (matches.length > 1) throw new Failure('invalid', `more than one volume has a name that starts with ${nameOrPrefix}`)
  return JSON.parse(matches[0].record) as VolumeRecord
}

/** @returns whether it was made: false when one of that name exists */
export function putVolume(db: Database, record: VolumeRecord): boolean {
  if (getVolume(db, record.name)) return false
  db.run('INSERT INTO volumes (name, record, created_at, anonymous) VALUES (?, ?, ?, ?)', record.name, JSON.stringify(record), record.createdAtMs, record.anonymous ? 1 : 0)
  event(db, 'create', record.name)
  return true
}

export const listVolumes = (db: Database): VolumeRecord[] =>
  db.all<{ record: string }>('SELECT record FROM volumes ORDER BY name').map(({ record }) => JSON.parse(record) as VolumeRecord)

/** Ids of the containers that use it. */
export const volumeUsers = (db: Database, name: string): string[] =>
  db.all<{ container_id: string }>('SELECT container_id FROM volume_uses WHERE volume = ?', name).map((row) => row.container_id)

export const usedVolumes = (db: Database): string[] =>
  db.all<{ volume: string }>('SELECT DISTINCT volume FROM volume_uses').map(({ volume }) => volume)

/** @throws inUse while a container uses it */
export function removeVolume(db: Database, name: string): void {
  const users = volumeUsers(db, name)
  if (users.length) throw new Failure('inUse', `volume ${name} is being used by the following container(s): ${users.join(', ')}: volume is being used`)
  if (db.run('DELETE FROM volumes WHERE name = ?', name) > 0) event(db, 'remove', name)
}
