// What a multi-step act is about to do, written before its first side effect, so that whoever comes after a
// `kill -9` can undo or finish it from the row alone.
import type { ProcessStamp } from './container-status.ts'
import type { Database } from './database.ts'

export type IntentKind = 'create' | 'start' | 'remove' | 'teardown' | 'volume' | 'pull' | 'collect' | 'pod'

export interface NewIntent {
  readonly kind: IntentKind
  /** Id or name of the object. */
  readonly target: string
  readonly owner: ProcessStamp
  /** Kept from removal while the intent lives. */
  readonly imageId?: string
  /** What its undo needs to know. */
  readonly data: Readonly<Record<string, unknown>>
}
export interface Intent extends NewIntent {
  readonly id: number
  readonly createdAtMs: number
}

interface Stored { id: number; kind: IntentKind; target: string; owner_pid: number; owner_start: number; owner_boot: string; owner_pidns: number | null; image_id: string | null; data: string; created_at: number }

export const openIntent = (db: Database, { kind, target, owner, imageId, data }: NewIntent): number =>
  db.insert('INSERT INTO intents (kind, target, owner_pid, owner_start, owner_boot, owner_pidns, image_id, data, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    kind, target, owner.pid, owner.startTime, owner.bootId, owner.pidNamespace ?? null, imageId ?? null, JSON.stringify(data), Date.now())

export const closeIntent = (db: Database, id: number): void => { db.run('DELETE FROM intents WHERE id = ?', id) }

/** Adds to what the undo of an open intent knows. */
export function extendIntent(db: Database, { id, data }: { id: number; data: Readonly<Record<string, unknown>> }): void {
  const row = db.get<{ data: string }>('SELECT data FROM intents WHERE id = ?', id)
  if (row) db.run('UPDATE intents SET data = ? WHERE id = ?', JSON.stringify({ ...JSON.parse(row.data), ...data }), id)
}

/** Takes a dead process's intent over; false when somebody else was faster. */
export const adoptIntent = (db: Database, { intent, owner }: { intent: Intent; owner: ProcessStamp }): boolean =>
  db.run('UPDATE intents SET owner_pid = ?, owner_start = ?, owner_boot = ?, owner_pidns = ? WHERE id = ? AND owner_pid = ? AND owner_start = ? AND owner_boot = ? AND owner_pidns IS ?',
    owner.pid, owner.startTime, owner.bootId, owner.pidNamespace ?? null,
    intent.id, intent.owner.pid, intent.owner.startTime, intent.owner.bootId, intent.owner.pidNamespace ?? null) === 1

export const listIntents = (db: Database): Intent[] => db.all<Stored>('SELECT * FROM intents ORDER BY id').map((row) => ({
  id: row.id, kind: row.kind, target: row.target, createdAtMs: row.created_at,
  owner: { pid: row.owner_pid, startTime: row.owner_start, bootId: row.owner_boot, ...(row.owner_pidns === null ? {} : { pidNamespace: row.owner_pidns }) },
  ...(row.image_id ? { imageId: row.image_id } : {}), data: JSON.parse(row.data),
}))
