import { Failure } from '../errors.ts'
import type { Database } from './database.ts'
import { addEvent } from './events.ts'

/** An image whose blobs and layers are all in the storage. */
export interface ImageRecord {
  /** Hex digits of the config's digest. */
  readonly id: string
  /** Digest of the manifest. */
  readonly digest: string
  /** Digest of the index through which it was chosen. */
  readonly indexDigest?: string
  /** Canonical `domain/path:tag`, unique over all images. */
  readonly names: readonly string[]
  /** Canonical `domain/path@digest` by which it was asked for, unique over all images: names too, until they are taken off. */
  readonly digestNames: readonly string[]
  /** Canonical `domain/path@digest` of all that it was found as. */
  readonly digests: readonly string[]
  /** Bottom first. */
  readonly chainIds: readonly string[]
  readonly diffIds: readonly string[]
  /** The OCI image configuration, checked when it was pulled. */
  readonly config: unknown
  readonly manifestMediaType: string
  readonly sizeBytes: number
  readonly createdAt?: string
  readonly pulledAt: string
  readonly layers: readonly { readonly mediaType: string; readonly digest: string; readonly size: number }[]
  readonly annotations?: Readonly<Record<string, string>>
}

const load = (db: Database, row: { id: string; record: string }): ImageRecord =>
  named(row, db.all<{ name: string }>('SELECT name FROM image_names WHERE image_id = ? ORDER BY position', row.id).map(({ name }) => name))

const named = ({ record }: { record: string }, names: readonly string[]): ImageRecord => ({
  ...(JSON.parse(record) as ImageRecord),
  names: names.filter((name) => !name.includes('@')),
  digestNames: names.filter((name) => name.includes('@')),
})

export const getImage = (db: Database, id: string): ImageRecord | undefined => {
  const row = db.get<{ id: string; record: string }>('SELECT id, record FROM images WHERE id = ?', id)
  return row && load(db, row)
}

/** Adds the image, or adds its names and digests to the one with the same id; names move from the images that had them. */
export function putImage(db: Database, { record, status = 'pull' }: { record: ImageRecord; status?: string }): ImageRecord {
  const known = getImage(db, record.id)
  const merged: ImageRecord = { ...record, digests: [...new Set([...(known?.digests ?? []), ...record.digests])] }
  db.run('INSERT INTO images (id, record, created_at) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET record = excluded.record',
    record.id, JSON.stringify(merged), Date.now())
  for (const name of [...record.names, ...record.digestNames]) nameImage(db, { id: record.id, name })
  addEvent(db, { type: 'image', status, id: record.id, name: record.names[0] ?? record.digests[0] ?? '', image: '', attributes: {}, timeMs: Date.now() })
  return getImage(db, record.id)!
}

export function nameImage(db: Database, { id, name }: { id: string; name: string }): void {
  const order = (db.get<{ last: number | null }>('SELECT MAX(position) AS last FROM image_names')?.last ?? 0) + 1
  db.run('INSERT INTO image_names (name, image_id, position) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET image_id = excluded.image_id', name, id, order)
}

export const tagImage = (db: Database, { id, name, status = 'tag' }: { id: string; name: string; status?: string }): void => {
  nameImage(db, { id, name })
  addEvent(db, { type: 'image', status, id, name, image: '', attributes: {}, timeMs: Date.now() })
}

export function untagImage(db: Database, { id, names }: { id: string; names: readonly string[] }): void {
  for (const name of names) {
    db.run('DELETE FROM image_names WHERE name = ? AND image_id = ?', name, id)
    addEvent(db, { type: 'image', status: 'untag', id, name, image: '', attributes: {}, timeMs: Date.now() })
  }
}

export const listImages = (db: Database): ImageRecord[] => {
  const names = new Map<string, string[]>()
  for (const { name, image_id } of db.all<{ name: string; image_id: string }>('SELECT name, image_id FROM image_names ORDER BY position')) {
    names.set(image_id, [...(names.get(image_id) ?? []), name])
  }
  return db.all<{ id: string; record: string }>('SELECT id, record FROM images ORDER BY created_at DESC, id')
    .map((row) => named(row, names.get(row.id) ?? []))
}

export const imageByName = (db: Database, name: string): ImageRecord | undefined => {
  const row = db.get<{ image_id: string }>('SELECT image_id FROM image_names WHERE name = ?', name)
  return row && getImage(db, row.image_id)
}

/** Canonical names that end in `/suffix` (a short name's `path:tag`), oldest first. */
export const namesEndingIn = (db: Database, suffix: string): string[] =>
  db.all<{ name: string }>("SELECT name FROM image_names WHERE substr(name, -length(?)) = ? ORDER BY position", `/${suffix}`, `/${suffix}`).map(({ name }) => name)

export const imagesByIdPrefix = (db: Database, prefix: string): ImageRecord[] =>
  db.all<{ id: string; record: string }>('SELECT id, record FROM images WHERE id >= ? AND id < ? LIMIT 2', prefix, `${prefix}g`).map((row) => load(db, row))

/** Containers and unfinished acts that need it. */
export const imageUsers = (db: Database, id: string): { containers: string[]; busy: boolean } => ({
  containers: db.all<{ id: string }>('SELECT id FROM containers WHERE image_id = ?', id).map((row) => row.id),
  busy: db.get('SELECT 1 FROM intents WHERE image_id = ? LIMIT 1', id) !== undefined,
})

/** Removes the row, unless a container or an unfinished create leans on it. @throws inUse */
export function removeImage(db: Database, { id }: { id: string }): void {
  const users = imageUsers(db, id)
  if (users.containers.length || users.busy) throw new Failure('inUse', `image ${id.slice(0, 12)} is used by container ${users.containers[0]?.slice(0, 12) ?? '(being created)'}`)
  const record = getImage(db, id)
  db.run('DELETE FROM image_names WHERE image_id = ?', id)
  db.run('DELETE FROM images WHERE id = ?', id)
  if (record) addEvent(db, { type: 'image', status: 'remove', id, name: record.names[0] ?? '', image: '', attributes: {}, timeMs: Date.now() })
}
