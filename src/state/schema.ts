// The tables, and how an older file becomes today's. A migration is appended, never changed.
import type { DatabaseSync } from 'node:sqlite'
import { Failure } from '../errors.ts'

const MIGRATIONS = [`
  CREATE TABLE names (name TEXT PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL) WITHOUT ROWID;
  CREATE INDEX names_by_id ON names (id);

  CREATE TABLE containers (
    id TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL,
    image_id TEXT,
    pod_id TEXT,
    record TEXT NOT NULL,
    summary TEXT NOT NULL,
    phase TEXT NOT NULL,
    status TEXT NOT NULL,
    starts INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;
  CREATE INDEX containers_by_image ON containers (image_id);
  CREATE INDEX containers_by_pod ON containers (pod_id);
  CREATE INDEX containers_by_phase ON containers (phase);

  CREATE TABLE intents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    owner_pid INTEGER NOT NULL,
    owner_start INTEGER NOT NULL,
    owner_boot TEXT NOT NULL,
    image_id TEXT,
    data TEXT NOT NULL,
    created_at INTEGER NOT NULL
  );

  CREATE TABLE images (
    id TEXT PRIMARY KEY,
    record TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    read_only INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;
  CREATE TABLE image_names (
    name TEXT PRIMARY KEY,
    image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    position INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX image_names_by_image ON image_names (image_id);

  CREATE TABLE volumes (
    name TEXT PRIMARY KEY,
    record TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    anonymous INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE volume_uses (volume TEXT NOT NULL, container_id TEXT NOT NULL, PRIMARY KEY (volume, container_id)) WITHOUT ROWID;
  CREATE INDEX volume_uses_by_container ON volume_uses (container_id);

  CREATE TABLE ports (
    protocol TEXT NOT NULL,
    port INTEGER NOT NULL,
    ip TEXT NOT NULL,
    container_id TEXT NOT NULL,
    PRIMARY KEY (protocol, port, ip)
  ) WITHOUT ROWID;
  CREATE INDEX ports_by_container ON ports (container_id);

  CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    image TEXT NOT NULL,
    attributes TEXT NOT NULL,
    once TEXT UNIQUE
  );
  CREATE INDEX events_by_time ON events (time);
  CREATE INDEX events_by_id ON events (id);
`, `
  CREATE TABLE pods (
    id TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL,
    phase TEXT NOT NULL,
    record TEXT NOT NULL,
    status TEXT NOT NULL
  ) WITHOUT ROWID;
`, `
  CREATE TABLE container_needs (container_id TEXT NOT NULL, needed TEXT NOT NULL, PRIMARY KEY (container_id, needed)) WITHOUT ROWID;
  CREATE INDEX container_needs_by_needed ON container_needs (needed);
`, `
  ALTER TABLE intents ADD COLUMN owner_pidns INTEGER;
`]

export const SCHEMA_VERSION = MIGRATIONS.length

const versionOf = (db: DatabaseSync): number => Number((db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version)

/**
 * Brings the file to this program's schema, under the write lock.
 * @returns `writable` false when a newer one has been here (it still lists and stops); `isNew`: there was nothing in it
 */
export function migrate(db: DatabaseSync): { writable: boolean; isNew: boolean } {
  if (versionOf(db) === SCHEMA_VERSION) return { writable: true, isNew: false }
  if (versionOf(db) > SCHEMA_VERSION) return { writable: false, isNew: false }
  db.exec('BEGIN IMMEDIATE')
  try {
    const isNew = versionOf(db) === 0
    for (let version = versionOf(db); version < SCHEMA_VERSION; version++) db.exec(MIGRATIONS[version]!)
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`)
    return { writable: true, isNew }
  } catch (error) {
    db.exec('ROLLBACK')
    throw error
  }
}

export const newerSchema = (file: string): Failure => new Failure('unsupported',
  `${file} was written by a newer scow`, { hint: 'use that version to change anything; this one can still list, inspect and stop' })
