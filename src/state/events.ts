import type { Database } from './database.ts'

export interface NewEvent {
  readonly type: 'container' | 'image' | 'volume' | 'network' | 'pod' | 'system'
  /** podman's words: create, start, died, remove, pull, ... */
  readonly status: string
  readonly id: string
  readonly name: string
  readonly image: string
  readonly attributes: Readonly<Record<string, string>>
  readonly timeMs: number
  /** A second event with the same mark is dropped. */
  readonly once?: string
}
export interface Event extends NewEvent {
  /** Grows; a follower reads on from the last one it saw. */
  readonly seq: number
}

interface Stored { seq: number; time: number; type: NewEvent['type']; status: string; id: string; name: string; image: string; attributes: string }

export const addEvent = (db: Database, event: NewEvent): void => {
  db.run('INSERT OR IGNORE INTO events (time, type, status, id, name, image, attributes, once) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    event.timeMs, event.type, event.status, event.id, event.name, event.image, JSON.stringify(event.attributes), event.once ?? null)
}

/** In order of their sequence, at most `limit`. */
export const listEvents = (db: Database, { afterSeq = 0, sinceMs = 0, untilMs = Number.MAX_SAFE_INTEGER, limit = 10_000 }: { afterSeq?: number; sinceMs?: number; untilMs?: number; limit?: number }): Event[] =>
  db.all<Stored>('SELECT * FROM events WHERE seq > ? AND time >= ? AND time <= ? ORDER BY seq LIMIT ?', afterSeq, sinceMs, untilMs, limit)
    .map(({ time, attributes, ...rest }) => ({ ...rest, timeMs: time, attributes: JSON.parse(attributes) }))

/** The exit code of a container's last recorded end; it outlives the container. */
export function lastExitCode(db: Database, id: string): number | undefined {
  const row = db.get<{ attributes: string }>("SELECT attributes FROM events WHERE id = ? AND status = 'died' ORDER BY seq DESC LIMIT 1", id)
  return row && Number((JSON.parse(row.attributes) as Record<string, string>)['containerExitCode'])
}

export const lastEventSeq = (db: Database): number => db.get<{ seq: number | null }>('SELECT MAX(seq) AS seq FROM events')?.seq ?? 0

const KEEP_ROWS = 10_000
const KEEP_MS = 30 * 24 * 3600 * 1000

/** Drops what is older than 30 days or beyond the newest 10,000. */
export const pruneEvents = (db: Database): number =>
  db.run('DELETE FROM events WHERE seq <= (SELECT MAX(seq) FROM events) - ? OR time < ?', KEEP_ROWS, Date.now() - KEEP_MS)
