// Typed look-ups in layered configuration files. The last file that has a key wins; a wrong type names file and key.
import { isOurs, type ConfigSource } from './files.ts'
import { Failure } from '../errors.ts'
import { log } from '../log.ts'
import { nearestWord } from '../nearest-word.ts'
import type { Pairs } from '../spec/request.ts'

/** Reads keys of one section. */
export interface SectionReader {
  text(key: string, fallback: string): string
  flag(key: string, fallback: boolean): boolean
  count(key: string, fallback: number): number
  /** A list; `{ append = true }` as its last element adds to what earlier files say. */
  list(key: string, fallback: readonly string[]): readonly string[]
  /** A list of `name=value`. */
  pairs(key: string, fallback: Pairs): Pairs
  choice<T extends string>(key: string, choices: readonly T[], fallback: T): T
  /** A number of bytes, or text like 64m. */
  size(key: string, fallback: number): number
  /** A table of lists of texts. */
  lists(key: string): Readonly<Record<string, readonly string[]>>
  /** A table of texts. */
  texts(key: string): Readonly<Record<string, string>>
  /** The values of a key in every file that has it, lowest priority first. */
  raw(key: string): readonly { readonly file: string; readonly value: unknown }[]
  fail(key: string, expected: string): Failure
  /** What in scow.toml nobody asked for and is none of `elsewhere`, which others ask for: a line for each file. */
  misspelled(elsewhere?: readonly string[]): string[]
  /** Warns of these, and says at debug level what of the other files is not used. */
  reportUnused(elsewhere?: readonly string[]): void
}

export function readSection(sources: readonly ConfigSource[], section: string): SectionReader {
  const tables = sources.flatMap(({ file, table }) => {
    const found = section === '' ? table : section.split('.').reduce<unknown>((at, part) => (isTable(at) ? at[part] : undefined), table)
    if (found === undefined) return []
    if (!isTable(found)) throw new Failure('invalid', `${file}: ${section} must be a table`, { hint: `write it as [${section}]` })
    return [{ file, table: found }]
  })
  const asked = new Set<string>()
  const raw = (key: string) => {
    asked.add(key)
    return tables.filter(({ table }) => table[key] !== undefined).map(({ file, table }) => ({ file, value: table[key] }))
  }
  const fail = (key: string, expected: string) => {
    const { file, value } = raw(key).at(-1)!
    return new Failure('invalid', `${file}: ${section && `[${section}] `}${key} must be ${expected}, not ${short(value)}`, { hint: `correct the file ${file}` })
  }
  const typed = <T>(key: string, fallback: T, check: (value: unknown) => value is T, expected: string): T => {
    const value = raw(key).at(-1)?.value
    if (value === undefined) return fallback
    if (!check(value)) throw fail(key, expected)
    return value
  }
  const list = (key: string, fallback: readonly string[]) => raw(key).reduce<readonly string[]>((before, { value }) => {
    if (!Array.isArray(value)) throw fail(key, 'a list of strings')
    const append = isTable(value.at(-1)) && (value.at(-1) as { append?: unknown }).append === true
    const items = value.filter((item) => !isTable(item))
    if (!items.every(isText)) throw fail(key, 'a list of strings')
    return append ? [...before, ...items] : items
  }, fallback)
  const unused = (elsewhere: readonly string[]) => tables
    .map(({ file, table }) => ({ file, keys: Object.keys(table).filter((key) => !asked.has(key) && !elsewhere.includes(key) && (isOurs(file) || !isTable(table[key]))) }))
    .filter(({ keys }) => keys.length > 0)
  const misspelled = (elsewhere: readonly string[] = []) => unused(elsewhere).filter(({ file }) => isOurs(file)).map(({ file, keys }) =>
    `${file}: ${section && `[${section}] has `}no such setting: ${keys.map((key) => withNearest(key, [...asked, ...elsewhere])).join(', ')}`)
  return {
    raw, fail, list, misspelled,
    text: (key, fallback) => typed(key, fallback, isText, 'a string'),
    flag: (key, fallback) => typed(key, fallback, (value) => typeof value === 'boolean', 'true or false'),
    count: (key, fallback) => typed(key, fallback, (value): value is number => Number.isSafeInteger(value), 'a whole number'),
    choice: <T extends string>(key: string, choices: readonly T[], fallback: T): T =>
      typed(key, fallback, (value): value is T => choices.includes(value as T), `one of ${choices.filter((each) => each !== '').join(', ')}`),
    pairs: (key, fallback) => (raw(key).length === 0 ? fallback : list(key, fallback.map(([name, value]) => `${name}=${value}`)).map((text) => {
      const at = text.indexOf('=')
      if (at < 1) throw fail(key, 'a list of "name=value"')
      return [text.slice(0, at), text.slice(at + 1)] as const
    })),
    size: (key, fallback) => {
      const value = raw(key).at(-1)?.value
      if (value === undefined) return fallback
      const bytes = typeof value === 'number' ? value : isText(value) ? parseSize(value) : undefined
      if (bytes === undefined || !Number.isSafeInteger(bytes)) throw fail(key, 'a size like 64m')
      return bytes
    },
    lists: (key) => Object.assign({}, ...raw(key).map(({ value }) => {
      if (!isTable(value) || !Object.values(value).every((each) => Array.isArray(each) && each.every(isText))) throw fail(key, 'a table of lists of strings')
      return value
    })) as Record<string, readonly string[]>,
    texts: (key) => Object.assign({}, ...raw(key).map(({ value }) => {
      if (!isTable(value) || !Object.values(value).every(isText)) throw fail(key, 'a table of strings')
      return value
    })) as Record<string, string>,
    reportUnused: (elsewhere = []) => {
      for (const line of misspelled(elsewhere)) log.warn(line)
      for (const { file, keys } of unused(elsewhere)) if (!isOurs(file)) log.debug(`${file}: not used by scow: ${keys.map((key) => (section ? `${section}.${key}` : key)).join(', ')}`)
    },
  }
}

function withNearest(key: string, known: readonly string[]): string {
  const nearest = nearestWord(key, known)
  return nearest === undefined ? key : `${key} (${nearest}?)`
}

const isTable = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
const isText = (value: unknown): value is string => typeof value === 'string'
const short = (value: unknown): string => {
  const text = typeof value === 'bigint' ? String(value) : JSON.stringify(value) ?? String(value)
  return text.length > 40 ? `${text.slice(0, 40)}...` : text
}

const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 }

/** Bytes of `64m`, `1.5g`, `65536k`, `10MiB`; undefined when it is no size. */
export function parseSize(text: string): number | undefined {
  const match = /^(-?\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?$/i.exec(text.trim())
  return match ? Math.floor(Number(match[1]) * UNITS[match[2]!.toLowerCase()]!) : undefined
}
