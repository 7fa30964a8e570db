import { Failure } from '../errors.ts'
import { addEvent } from './events.ts'
import type { ContainerRecord, ContainerSummary } from './container-record.ts'
import type { ContainerStatus, Phase, PublishedPort } from './container-status.ts'
import type { Database } from './database.ts'
import { getImage } from './images.ts'
import { closeIntent, openIntent, type NewIntent } from './intents.ts'
import { claimName, freeName } from './names.ts'

/** A container as listings see it: everything but the record. */
export interface ContainerRow {
  readonly id: string
  readonly name: string
  readonly createdAtMs: number
  readonly imageId: string | undefined
  readonly podId: string | undefined
  readonly phase: Phase
  readonly starts: number
  readonly status: ContainerStatus
  readonly summary: ContainerSummary
}
export interface Container extends ContainerRow {
  readonly record: ContainerRecord
}

interface Stored {
  id: string; name: string; created_at: number; image_id: string | null; pod_id: string | null
  record: string; summary: string; phase: Phase; status: string; starts: number
}

const LIGHT = 'c.id, n.name, c.created_at, c.image_id, c.pod_id, c.summary, c.phase, c.status, c.starts'
const FROM = "FROM containers c JOIN names n ON n.id = c.id AND n.kind = 'container'"

const toRow = (row: Stored): ContainerRow => ({
  id: row.id, name: row.name, createdAtMs: row.created_at, imageId: row.image_id ?? undefined, podId: row.pod_id ?? undefined,
  phase: row.phase, starts: row.starts, status: JSON.parse(row.status), summary: JSON.parse(row.summary),
})
const toContainer = (row: Stored): Container => ({ ...toRow(row), record: JSON.parse(row.record) })

/** Takes the name and leaves an intent, in one step. The intent holds the image against removal. */
export function reserveContainer(db: Database, { id, name, intent }: { id: string; name: string; intent: NewIntent }): number {
  if (intent.imageId && !getImage(db, intent.imageId)) throw new Failure('notFound', `image ${intent.imageId.slice(0, 12)} was removed meanwhile`, { hint: 'try again: it is pulled anew' })
  claimName(db, { name, kind: 'container', id })
  return openIntent(db, intent)
}

export interface NewContainer {
  readonly record: ContainerRecord
  readonly summary: ContainerSummary
  readonly podId?: string
  /** The intent of `reserveContainer`, fulfilled by this. */
  readonly intentId: number
  /** Ids of containers that are not to go before it. */
  readonly needs?: readonly string[]
}

/** The record becomes visible; the intent is gone in the same transaction. */
export function insertContainer(db: Database, { record, summary, podId, intentId, needs = [] }: NewContainer): void {
  db.run('INSERT INTO containers (id, created_at, image_id, pod_id, record, summary, phase, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    record.id, record.createdAtMs, record.image?.id ?? null, podId ?? null, JSON.stringify(record), JSON.stringify(summary), 'created', '{}')
  for (const { name } of record.volumes) db.run('INSERT OR IGNORE INTO volume_uses (volume, container_id) VALUES (?, ?)', name, record.id)
  for (const needed of needs) {
    if (!db.get("SELECT id FROM containers WHERE id = ? AND phase <> 'removing'", needed)) throw new Failure('notFound', `container ${needed.slice(0, 12)} was removed meanwhile`)
    db.run('INSERT INTO container_needs (container_id, needed) VALUES (?, ?)', record.id, needed)
  }
  closeIntent(db, intentId)
  containerEvent(db, record.id, 'create', {})
}

export const listContainers = (db: Database): ContainerRow[] =>
  db.all<Stored>(`SELECT ${LIGHT} ${FROM} ORDER BY c.created_at, c.id`).map(toRow)

/** Those that were recorded as running or paused and that no server watches. */
export const listRunning = (db: Database): Pick<ContainerRow, 'id' | 'status'>[] =>
  db.all<{ id: string; status: string }>("SELECT id, status FROM containers WHERE phase IN ('running', 'paused') AND pod_id IS NULL").map(({ id, status }) => ({ id, status: JSON.parse(status) }))

export const listPodContainers = (db: Database, podId: string): ContainerRow[] =>
  db.all<Stored>(`SELECT ${LIGHT} ${FROM} WHERE c.pod_id = ? ORDER BY c.created_at`, podId).map(toRow)

export const getContainer = (db: Database, id: string): Container | undefined => {
  const row = db.get<Stored>(`SELECT ${LIGHT}, c.record ${FROM} WHERE c.id = ?`, id)
  return row && toContainer(row)
}

export interface Need { readonly id: string; readonly needed: string }

/** Which container needs which. */
export const listNeeds = (db: Database): Need[] =>
  db.all('SELECT container_id AS id, needed FROM container_needs')

/** Those that need it, the oldest first. */
export const containersNeeding = (db: Database, id: string): { id: string; name: string }[] =>
  db.all(`SELECT c.id, n.name ${FROM} JOIN container_needs d ON d.container_id = c.id WHERE d.needed = ? ORDER BY c.created_at`, id)

/** By name, full id or a prefix of the id that only one has. @throws notFound, invalid (ambiguous) */
export function findContainer(db: Database, nameOrId: string): Container {
  const named = db.get<{ id: string }>("SELECT id FROM names WHERE name = ? AND kind = 'container'", nameOrId)
  const found = named ? getContainer(db, named.id) : undefined
  if (found) return found
  const matches = /^[0-9a-f]{1,64}$/.test(nameOrId)
    ? db.all<Stored>(`SELECT ${LIGHT}, c.record ${FROM} WHERE c.id >= ? AND c.id < ? LIMIT 2`, nameOrId, `${nameOrId}g`)
    : []
  if (matches.length > 1) throw new Failure('invalid', `more than one container has an id that starts with ${nameOrId}`, { hint: 'give more digits' })
  if (!matches[0]) throw new Failure('notFound', `no container with name or ID "${nameOrId}" found: no such container`)
  return toContainer(matches[0])
}

export interface StatusChange {
  readonly id: string
  readonly phase?: Phase
  /** Merged into the status; null removes a field. */
  readonly status?: { readonly [K in keyof ContainerStatus]?: ContainerStatus[K] | null | undefined }
  readonly event?: string
  readonly attributes?: Readonly<Record<string, string>>
}

export function changeStatus(db: Database, change: StatusChange): void {
  const row = db.get<{ status: string; phase: Phase }>('SELECT status, phase FROM containers WHERE id = ?', change.id)
  if (!row) throw new Failure('notFound', `container ${change.id.slice(0, 12)} was removed meanwhile`)
  const status = Object.fromEntries(Object.entries({ ...JSON.parse(row.status), ...change.status }).filter(([, value]) => value !== null && value !== undefined))
  db.run('UPDATE containers SET status = ?, phase = ? WHERE id = ?', JSON.stringify(status), change.phase ?? row.phase, change.id)
  if (change.event) containerEvent(db, change.id, change.event, change.attributes ?? {})
}

/** The container's process runs; closes the start's intent. */
export function markStarted(db: Database, { id, status, intentId }: { id: string; status: ContainerStatus; intentId: number }): void {
  closeIntent(db, intentId)
  db.run('UPDATE containers SET starts = starts + 1 WHERE id = ?', id)
  changeStatus(db, { id, phase: 'running', status: { finishedAtMs: null, exitCode: null, oomKilled: null, error: null, cleanedUp: null, stoppedByUser: null, ...status } })
  containerEvent(db, id, 'start', {}, status.startedAtMs === undefined ? {} : { timeMs: status.startedAtMs })
}

export interface Exit { readonly exitCode: number; readonly finishedAtMs: number; readonly oomKilled: boolean; readonly error?: string }

/** Whoever sees the end first records it; later calls for the same start change nothing. @returns whether this call did. */
export function markExited(db: Database, { id, starts, exit }: { id: string; starts: number; exit: Exit }): boolean {
  const row = db.get<{ phase: Phase; starts: number }>('SELECT phase, starts FROM containers WHERE id = ?', id)
  if (!row || row.starts !== starts || (row.phase !== 'running' && row.phase !== 'paused')) return false
  changeStatus(db, { id, phase: 'exited', status: { ...exit, process: null, monitor: null } })
  containerEvent(db, id, 'died', { containerExitCode: String(exit.exitCode), ...(exit.oomKilled ? { oomKilled: 'true' } : {}) }, { once: `${id}:${starts}:died`, timeMs: exit.finishedAtMs })
  return true
}

/** Marks it as going away, with an intent that says what to give back. From here on it never starts again. @throws inUse with `unneeded` */
export function beginRemoval(db: Database, { id, intent, unneeded }: { id: string; intent: NewIntent; unneeded?: boolean }): number {
  if (unneeded) requireUnneeded(db, id)
  if (db.run("UPDATE containers SET phase = 'removing' WHERE id = ?", id) === 0) throw new Failure('notFound', `no such container: ${id}`)
  return openIntent(db, intent)
}

/** @throws inUse when others need it */
export function requireUnneeded(db: Database, id: string): void {
  const others = containersNeeding(db, id).map(({ name }) => name)
  if (others.length === 0) return
  const { name } = db.get<{ name: string }>('SELECT name FROM names WHERE id = ?', id) ?? { name: id.slice(0, 12) }
  const them = `${others.slice(0, 5).join(', ')}${others.length > 5 ? ' ...' : ''}`
  throw new Failure('inUse', `cannot remove container ${name}: it has dependent containers: ${them}`, { hint: 'remove them first, or all together with rm --depend' })
}

/** Record, name, ports and volume uses go, with the intent. */
export function removeContainer(db: Database, { id, intentId }: { id: string; intentId?: number }): void {
  containerEvent(db, id, 'remove', {})
  db.run('DELETE FROM containers WHERE id = ?', id)
  db.run('DELETE FROM ports WHERE container_id = ?', id)
  db.run('DELETE FROM volume_uses WHERE container_id = ?', id)
  db.run('DELETE FROM container_needs WHERE container_id = ?', id)
  freeName(db, id)
  if (intentId !== undefined) closeIntent(db, intentId)
}

export function renameContainer(db: Database, { id, name }: { id: string; name: string }): void {
  freeName(db, id)
  claimName(db, { name, kind: 'container', id, isRename: true })
  containerEvent(db, id, 'rename', {})
}

/** Published host ports are unique rows. @throws inUse with the container that has it */
export function reservePorts(db: Database, { id, ports }: { id: string; ports: readonly PublishedPort[] }): void {
  db.run('DELETE FROM ports WHERE container_id = ?', id)
  for (const { protocol, hostPort, hostIp, count } of ports) {
    for (let port = hostPort; port < hostPort + count; port++) reservePort(db, { id, protocol, port, ip: hostIp })
  }
}

const isAny = (ip: string): boolean => ip === '' || ip === '0.0.0.0' || ip === '::'

function reservePort(db: Database, { id, protocol, port, ip }: { id: string; protocol: string; port: number; ip: string }): void {
  const taken = db.all<{ ip: string; container_id: string }>('SELECT ip, container_id FROM ports WHERE protocol = ? AND port = ?', protocol, port)
    .find((row) => isAny(ip) || isAny(row.ip) || row.ip === ip)
  if (taken?.container_id === id) throw new Failure('invalid', `port ${port}/${protocol} of the host is published twice`, { hint: 'drop one of them' })
  if (taken) {
    const { name } = db.get<{ name: string }>('SELECT name FROM names WHERE id = ?', taken.container_id) ?? { name: taken.container_id.slice(0, 12) }
    throw new Failure('inUse', `port ${port}/${protocol} of the host is already published by container ${name}`, { hint: 'publish another host port, or stop that container' })
  }
  db.run('INSERT INTO ports (protocol, port, ip, container_id) VALUES (?, ?, ?, ?)', protocol, port, ip, id)
}

/** Every published port of the host. */
export const publishedPorts = (db: Database): { protocol: string; port: number; ip: string; container_id: string }[] =>
  db.all('SELECT protocol, port, ip, container_id FROM ports')

export const releasePorts = (db: Database, id: string): number => db.run('DELETE FROM ports WHERE container_id = ?', id)

function containerEvent(db: Database, id: string, status: string, more: Readonly<Record<string, string>>, { once, timeMs }: { once?: string; timeMs?: number } = {}): void {
  const row = db.get<{ name: string; summary: string; image_id: string | null }>(`SELECT n.name, c.summary, c.image_id ${FROM} WHERE c.id = ?`, id)
  if (!row) return
  const { imageName, labels } = JSON.parse(row.summary) as ContainerSummary
  addEvent(db, { type: 'container', status, id, name: row.name, image: imageName, attributes: { ...labels, ...more }, ...(once ? { once } : {}), timeMs: timeMs ?? Date.now() })
}
