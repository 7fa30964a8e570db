import { Failure } from '../errors.ts'
import type { Database } from './database.ts'
import { addEvent } from './events.ts'
import { closeIntent, openIntent, type NewIntent } from './intents.ts'
import { claimName, freeName } from './names.ts'
import type { PodPhase, PodRecord, PodStatus } from './pod-record.ts'

export interface Pod {
  readonly id: string
  readonly name: string
  readonly createdAtMs: number
  readonly phase: PodPhase
  readonly record: PodRecord
  readonly status: PodStatus
}

interface Stored { id: string; created_at: number; phase: PodPhase; record: string; status: string }

const toPod = ({ id, created_at, phase, record, status }: Stored): Pod => {
  const parsed = JSON.parse(record) as PodRecord
  return { id, name: parsed.request.name, createdAtMs: created_at, phase, record: parsed, status: JSON.parse(status) as PodStatus }
}

/** Takes the name and says what is about to be made. @throws exists @returns the intent's id */
export function reservePod(db: Database, { id, name, intent }: { id: string; name: string; intent: NewIntent }): number {
  claimName(db, { name, kind: 'pod', id })
  return openIntent(db, intent)
}

/** The pod becomes visible; the intent is gone in the same transaction. */
export function insertPod(db: Database, { record, status, intentId }: { record: PodRecord; status: PodStatus; intentId: number }): void {
  db.run('INSERT INTO pods (id, created_at, phase, record, status) VALUES (?, ?, ?, ?, ?)',
    record.id, record.createdAtMs, 'ready' satisfies PodPhase, JSON.stringify(record), JSON.stringify(status))
  closeIntent(db, intentId)
  podEvent(db, record.id, 'create')
  podEvent(db, record.id, 'start')
}

/** Oldest first. */
export const listPods = (db: Database): Pod[] => db.all<Stored>('SELECT * FROM pods ORDER BY created_at, id').map(toPod)

export const getPod = (db: Database, id: string): Pod | undefined => {
  const row = db.get<Stored>('SELECT * FROM pods WHERE id = ?', id)
  return row && toPod(row)
}

/** By name, full id or a prefix of the id that only one has. @throws notFound, invalid (ambiguous) */
export function findPod(db: Database, nameOrId: string): Pod {
  const named = db.get<{ id: string }>("SELECT id FROM names WHERE name = ? AND kind = 'pod'", nameOrId)
  const found = named ? getPod(db, named.id) : undefined
  if (found) return found
  const matches = /^[0-9a-f]{1,64}$/.test(nameOrId) ? db.all<Stored>('SELECT * FROM pods WHERE id >= ? AND id < ? LIMIT 2', nameOrId, `${nameOrId}g`) : []
  if (matches.length > 1) throw new Failure('invalid', `more than one pod has an id that starts with ${nameOrId}`, { hint: 'give more digits' })
  if (!matches[0]) throw new Failure('notFound', `no pod with name or ID "${nameOrId}" found: no such pod`)
  return toPod(matches[0])
}

export interface PodChange {
  readonly id: string
  readonly phase?: PodPhase
  /** Merged into the status. */
  readonly status?: Partial<PodStatus>
  readonly event?: string
}

/** Nothing happens to a pod that is gone. @returns whether it was there */
export function changePod(db: Database, { id, phase, status, event }: PodChange): boolean {
  const pod = getPod(db, id)
  if (!pod) return false
  db.run('UPDATE pods SET phase = ?, status = ? WHERE id = ?', phase ?? pod.phase, JSON.stringify({ ...pod.status, ...status }), id)
  if (event) podEvent(db, id, event)
  return true
}

/** Row and name go, with the intent. */
export function removePod(db: Database, { id, intentId }: { id: string; intentId?: number }): void {
  podEvent(db, id, 'remove')
  db.run('DELETE FROM pods WHERE id = ?', id)
  freeName(db, id)
  if (intentId !== undefined) closeIntent(db, intentId)
}

function podEvent(db: Database, id: string, status: string): void {
  const pod = getPod(db, id)
  if (pod) addEvent(db, { type: 'pod', status, id, name: pod.name, image: '', attributes: { ...pod.record.request.labels }, timeMs: Date.now() })
}
