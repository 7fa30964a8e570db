// One connection to the state: SQLite in WAL mode, shared by any number of processes.
import { chmodSync, closeSync, existsSync, openSync, statSync } from 'node:fs'
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { Failure } from '../errors.ts'
import { keepReserve, releasePiece } from './reserve.ts'
import { migrate, newerSchema } from './schema.ts'

/** What a transaction body may use. Every result is materialised: an open iterator would pin the WAL. */
export interface Database {
  all<Row>(sql: string, ...values: SQLInputValue[]): Row[]
  get<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined
  /** @returns the number of rows changed */
  run(sql: string, ...values: SQLInputValue[]): number
  /** Runs an INSERT and returns its row id. */
  insert(sql: string, ...values: SQLInputValue[]): number
}

export interface Connection {
  read<T>(body: (db: Database) => T): T
  /** BEGIN IMMEDIATE ... COMMIT; `durable` waits for the disk before it returns; `reserve`: on a full disk it may take of the reserve. */
  write<T>(body: (db: Database) => T, options: { durable: boolean; reserve: boolean }): T
  /** Another number whenever another connection has written, of whatever process. */
  version(): number
  /** Moves the write-ahead log into the file. Costs syncs: for cleanup and prune. `waits` false: not while others are at it. */
  checkpoint(options?: { waits?: boolean }): void
  /** Nothing was in the file, or it was not there. */
  readonly isNew: boolean
  /** Whether this connection has written what waits for the disk. */
  hasSynced(): boolean
  close(): void
}

/** So long is waited while another process writes. */
export const BUSY_TIMEOUT_MS = 20_000

/** @param waits false: an operation that would have to wait for another process fails at once with what `isBusy` knows */
export function openDatabase(file: string, { waits = true }: { waits?: boolean } = {}): Connection {
  const sqlite = process.getBuiltinModule('node:sqlite') // loaded only when the state is opened
  const raw = attempt(file, () => withReserve(file, () => {
    keepPrivate(file)
    const opened = new sqlite.DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS })
    // Small pages: a commit appends whole pages to the log, and who opens the file first reads the whole log. Mapped: a
    // system call for each page took most of the time of a long list. Nobody makes the file shorter, which would be fatal.
    opened.exec('PRAGMA page_size=1024; PRAGMA mmap_size=67108864; PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; PRAGMA foreign_keys=ON; PRAGMA journal_size_limit=4194304')
    return opened
  }))
  const { writable, isNew } = attempt(file, () => withReserve(file, () => migrate(raw)))
  if (!waits) raw.exec('PRAGMA busy_timeout=0')
  if (writable) keepReserve(file)
  return { ...connectionOf(raw, file, writable), isNew }
}

/** Environments of containers have passwords in them. SQLite gives its further files the mode of the first. */
function keepPrivate(file: string): void {
  try {
    const mode = statSync(file, { throwIfNoEntry: false })?.mode
    if (mode === undefined) closeSync(openSync(file, 'a', 0o600))
    else if ((mode & 0o077) !== 0) for (const name of [file, `${file}-wal`, `${file}-shm`]) if (existsSync(name)) chmodSync(name, 0o600)
  } catch { /* who may not do that may perhaps read it; if not, SQLite says so */ }
}

function connectionOf(raw: DatabaseSync, file: string, writable: boolean): Omit<Connection, 'isNew'> {
  const db = statements(raw)
  let synchronous = ''
  let synced = false
  const write = <T>(body: (db: Database) => T, durable: boolean): T => {
    if (!writable) throw newerSchema(file)
    const wanted = durable ? 'FULL' : 'NORMAL'
    if (synchronous !== wanted) raw.exec(`PRAGMA synchronous=${wanted}`)
    synchronous = wanted
    raw.exec('BEGIN IMMEDIATE')
    try {
      const result = body(db)
      raw.exec('COMMIT')
      if (durable) synced = true
      return result
    } catch (error) {
      if (raw.isTransaction) raw.exec('ROLLBACK')
      throw error
    }
  }
  return {
    read: (body) => attempt(file, () => body(db)),
    write: (body, { durable, reserve }) => attempt(file, () => (reserve ? withReserve(file, () => write(body, durable)) : write(body, durable))),
    version: () => attempt(file, () => db.get<{ data_version: number }>('PRAGMA data_version')!.data_version),
    checkpoint: ({ waits = true } = {}) => {
      if (!waits) raw.exec('PRAGMA busy_timeout=0')
      attempt(file, () => withReserve(file, () => raw.exec('PRAGMA wal_checkpoint(TRUNCATE)')))
      if (!waits) raw.exec(`PRAGMA busy_timeout=${BUSY_TIMEOUT_MS}`)
    },
    hasSynced: () => synced,
    close: () => raw.close(),
  }
}

/** Runs `act` again as long as the disk is full and something of the reserve can be given for it. */
function withReserve<T>(file: string, act: () => T): T {
  for (;;) {
    try {
      return act()
    } catch (error) {
      if (!NO_ROOM.has((error as { errcode?: number }).errcode ?? 0) || !releasePiece(file)) throw error
    }
  }
}

function statements(raw: DatabaseSync): Database {
  const cache = new Map<string, StatementSync>()
  const prepare = (sql: string): StatementSync => {
    const known = cache.get(sql) ?? raw.prepare(sql)
    cache.set(sql, known)
    return known
  }
  return {
    all: <Row>(sql: string, ...values: SQLInputValue[]) => prepare(sql).all(...values) as Row[],
    get: <Row>(sql: string, ...values: SQLInputValue[]) => prepare(sql).get(...values) as Row | undefined,
    run: (sql, ...values) => Number(prepare(sql).run(...values).changes),
    insert: (sql, ...values) => Number(prepare(sql).run(...values).lastInsertRowid),
  }
}

const BUSY = 5
/** SQLITE_FULL, and SQLITE_IOERR_SHMSIZE of the file that all who have it open share: whoever is the first makes it anew. */
const NO_ROOM = new Set([13, 4874])
const BROKEN = new Set([11, 26]) // SQLITE_CORRUPT, SQLITE_NOTADB

const NOT_PERMITTED = new Set([8, 14]) // SQLITE_READONLY, SQLITE_CANTOPEN

/** Whether an operation failed because another process was at it. */
export const isBusy = (error: unknown): boolean => (((error as Error).cause as { errcode?: number } | undefined)?.errcode ?? 0) % 256 === BUSY

/** Size of the write-ahead log. */
export const logBytes = (file: string): number => statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0

function attempt<T>(file: string, body: () => T): T {
  try {
    return body()
  } catch (error) {
    const { errcode, code, message } = error as { errcode?: number; code?: string; message: string }
    if (code !== 'ERR_SQLITE_ERROR' || errcode === undefined) throw error
    if ((errcode & 0xff) === BUSY) throw new Failure('unavailable', `${file} has been locked by another process for ${BUSY_TIMEOUT_MS / 1000} s`, { cause: error, hint: 'try again' })
    if (BROKEN.has(errcode & 0xff)) throw new Failure('invalid', `${file} is damaged (${message})`, { cause: error, hint: `nothing was changed; restore it from a backup, or move it away together with ${file}-wal and ${file}-shm to start empty` })
    if (NO_ROOM.has(errcode)) throw new Failure('noSpace', `cannot write ${file}: ${message}`, { cause: error, hint: 'free some space, for example with scow image prune' })
    if (NOT_PERMITTED.has(errcode & 0xff) && process.getuid?.() !== 0) throw new Failure('denied', `cannot use ${file}: ${message}`, { cause: error, hint: 'run it as root, or choose a --root of your own' })
    throw new Failure('unavailable', `cannot use ${file}: ${message}`, { cause: error, hint: 'check that its folder exists, has free space and may be written' })
  }
}
