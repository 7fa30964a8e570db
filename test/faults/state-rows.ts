import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Box } from '../support/box.ts'
import { findLeftovers } from '../support/leftovers.ts'

const TABLES = ['names', 'containers', 'intents', 'ports', 'volume_uses', 'volumes']

/** Rows of an installation that should have no container, volume or act under way. */
function rows({ root }: Box): string[] {
  const db = new DatabaseSync(join(root, 'state.db'), { readOnly: true, timeout: 5000 })
  try {
    return TABLES.flatMap((table) => db.prepare(`SELECT * FROM ${table}`).all().map((row) => `row of ${table}: ${JSON.stringify(row).slice(0, 200)}`))
  } finally {
    db.close()
  }
}

const entries = (dir: string): string[] => (existsSync(dir) ? readdirSync(dir) : [])

/** Temporary files and directories of volumes that nobody knows. */
const strays = ({ root, runRoot }: Box): string[] => [
  ...entries(join(root, 'volumes')).map((name) => `volume folder ${name}`),
  ...[root, runRoot].flatMap((dir) => entries(dir).filter((name) => name.endsWith('.tmp')).map((name) => `file ${join(dir, name)}`)),
  ...['networks', 'cni', 'cni/results', 'blobs/sha256', 'layers', 'programs'].flatMap((folder) =>
    entries(join(root, folder)).filter((name) => name.endsWith('.tmp')).map((name) => `file ${folder}/${name}`)),
]

const known = new WeakMap<Box, Set<string>>()

/** Bridges that were not there at the first look: those of default networks, of this box and earlier ones, stay. */
function newBridges(box: Box): string[] {
  const names = spawnSync('ip', ['-o', 'link', 'show', 'type', 'bridge'], { encoding: 'utf8' }).stdout.split('\n').flatMap((line) => line.split(': ')[1] ?? [])
  const before = known.get(box) ?? new Set(names)
  known.set(box, before)
  return names.filter((name) => !before.has(name)).map((name) => `bridge ${name}`)
}

/** All that one without containers, volumes and work under way should not have; the background gets a moment. */
export async function findAnything(box: Box): Promise<string[]> {
  const left = await findLeftovers(box)
  return [...left, ...rows(box), ...strays(box), ...newBridges(box)]
}
