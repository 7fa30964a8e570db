// Finds and reads the configuration files; their meaning is in config-sections.ts.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import { parseToml } from '../toml.ts'

const MAX_BYTES = 1024 * 1024

export type Table = Readonly<Record<string, unknown>>

/** A file that was found. */
export interface ConfigSource {
  readonly file: string
  readonly table: Table
}

/** scow.toml belongs to us alone; the others have settings of other programs too. */
export const isOurs = (file: string): boolean => file.endsWith('/scow.toml')

/** Where the files lie; tests give folders of their own. */
export interface ConfigPlaces {
  /** /usr/share */
  readonly share: string
  /** /etc */
  readonly etc: string
  /** ~/.config */
  readonly home: string
}

export interface FileChoice {
  readonly places: ConfigPlaces
  readonly rootless: boolean
  /** $CONTAINERS_CONF: this file alone instead of the usual ones. */
  readonly onlyFile: string | undefined
  /** $CONTAINERS_CONF_OVERRIDE: after all others. */
  readonly lastFile: string | undefined
}

/** containers.conf and its drop-ins in rising order of priority, then scow.toml. */
export function readConfigSources({ places, rootless, onlyFile, lastFile }: FileChoice): ConfigSource[] {
  const usual = (): ConfigSource[] => [
    ...withDropIns(join(places.share, 'containers')),
    ...withDropIns(join(places.etc, 'containers')),
    ...(rootless ? withDropIns(join(places.home, 'containers')) : []),
  ]
  return [
    ...(onlyFile ? [required(onlyFile)] : usual()),
    ...(lastFile ? [required(lastFile)] : []),
    ...readSource(join(places.etc, 'scow', 'scow.toml')),
    ...readSource(join(places.home, 'scow', 'scow.toml')),
  ]
}

export interface StorageChoice {
  readonly places: ConfigPlaces
  readonly rootless: boolean
  /** $CONTAINERS_STORAGE_CONF */
  readonly onlyFile: string | undefined
}

/** The one storage.conf that counts: files of this kind replace each other. */
export function readStorageSource({ places, rootless, onlyFile }: StorageChoice): ConfigSource | undefined {
  if (onlyFile) return required(onlyFile)
  const dirs = [...(rootless ? [places.home] : []), places.etc, places.share]
  for (const dir of dirs) {
    const [source] = readSource(join(dir, 'containers', 'storage.conf'))
    if (source) return source
  }
  return undefined
}

const withDropIns = (dir: string): ConfigSource[] => [
  ...readSource(join(dir, 'containers.conf')),
  ...listFiles(join(dir, 'containers.conf.d')).filter((file) => file.endsWith('.conf')).sort().flatMap(readSource),
]

/** Asking first: an error with its stack costs more than the rest of the look-up, and most of these are never there. */
const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined

function listFiles(dir: string): string[] {
  try {
    if (!isThere(dir)) return []
    return readdirSync(dir).map((name) => join(dir, name))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return []
    throw error
  }
}

function required(file: string): ConfigSource {
  const [source] = readSource(file)
  if (source) return source
  throw new Failure('notFound', `configuration file ${file} isn't there`, { hint: 'correct CONTAINERS_CONF and its kin' })
}

/** Empty when there is no such file. */
function readSource(file: string): ConfigSource[] {
  const text = readText(file)
  if (text === undefined) return []
  return [{ file, table: parse(text, file) }]
}

function readText(file: string): string | undefined {
  try {
    if (!isThere(file)) return undefined
    const text = readFileSync(file, 'utf8')
    if (text.length <= MAX_BYTES) return text
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    if (code === 'EACCES' || code === 'EISDIR') throw new Failure('denied', `can't read configuration file ${file}: ${code === 'EISDIR' ? 'it is a directory' : 'permission denied'}`, { cause: error })
    throw error
  }
  throw new Failure('invalid', `configuration file ${file} is larger than ${MAX_BYTES} bytes`)
}

/** The files that distributions ship are nearly all comment: without it they parse in a tenth of the time. */
function parse(text: string, file: string): Table {
  const bare = /'''|"""/.test(text) ? text : text.replace(/^[ \t]*(#.*)?\r?\n/gm, '')
  if (bare.trim() === '') return {}
  try {
    return parseToml(bare, file) as Table
  } catch {
    // Once more, for the line number of the file as it is.
    return parseToml(text, file) as Table
  }
}
