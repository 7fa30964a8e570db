// Go's view of our values: a `Map` is a Go map, an array a slice, a struct has a type name, everything else is itself.
// Bundles have a copy of this module each, so values are known by registered symbols, never by class or identity.

const TYPE = Symbol.for('scow.go.type')
const TAGS = Symbol.for('scow.go.tags')
const NIL = Symbol.for('scow.go.nil')
const TIME = Symbol.for('scow.go.time')

/** An object with Go's field names. Fields may be functions: methods. */
export interface GoStruct { readonly [TYPE]: string; readonly [TAGS]: Readonly<Record<string, string>>; readonly [field: string]: unknown }

/** `tags`: JSON name by field name, where it isn't the field name itself; `-` leaves the field out of JSON. */
export const struct = (type: string, fields: Readonly<Record<string, unknown>>, tags: Readonly<Record<string, string>> = {}): GoStruct =>
  ({ ...fields, [TYPE]: type, [TAGS]: tags })

export const isStruct = (value: unknown): value is GoStruct => typeof value === 'object' && value !== null && TYPE in value
export const structType = (value: GoStruct): string => value[TYPE]
export const structFields = (value: GoStruct): string[] => Object.keys(value)
export const jsonName = (value: GoStruct, field: string): string => value[TAGS][field] ?? field

/** The field of that Go name, or of that JSON name. */
export const fieldOf = (value: GoStruct, name: string): string | undefined => {
  if (Object.hasOwn(value, name)) return name
  return Object.keys(value).find((field) => value[TAGS][field] === name)
}

/** Nil map and nil slice: print as empty, are `null` in JSON. */
const nil = <T extends object>(value: T): T => Object.freeze(Object.defineProperty(value, NIL, { value: true }))
export const NIL_MAP: ReadonlyMap<string, never> = nil(new Map<string, never>())
export const NIL_SLICE: readonly never[] = nil([])
export const isNil = (value: unknown): boolean => typeof value === 'object' && value !== null && NIL in value

export const goMap = (entries: Iterable<readonly [string, unknown]> | Readonly<Record<string, unknown>>): Map<string, unknown> =>
  new Map(Symbol.iterator in entries ? entries as Iterable<readonly [string, unknown]> : Object.entries(entries))

/** A map, or Go's nil map when there is nothing in it. */
export const mapOrNil = (entries: Iterable<readonly [string, unknown]>): ReadonlyMap<string, unknown> => {
  const map = new Map(entries)
  return map.size === 0 ? NIL_MAP : map
}
export const sliceOrNil = <T>(items: readonly T[]): readonly T[] => (items.length === 0 ? NIL_SLICE : items)

export const sortedKeys = (map: ReadonlyMap<unknown, unknown>): unknown[] =>
  [...map.keys()].sort((a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : compareText(String(a), String(b))))

const compareText = (a: string, b: string): number => Number(a > b) - Number(a < b)

/** A moment, from RFC 3339 text with up to nanoseconds. */
export class GoTime {
  static [Symbol.hasInstance](value: unknown): boolean { return typeof value === 'object' && value !== null && TIME in value }
  readonly [TIME] = true
  readonly text: string
  constructor(rfc3339: string) { this.text = rfc3339 }
  static fromMs(ms: number): GoTime { return new GoTime(new Date(ms).toISOString()) }
  get ms(): number { return Date.parse(this.text) }
  get Unix(): number { return Math.floor(this.ms / 1000) }
  get UnixNano(): number { return this.ms * 1e6 }
  get IsZero(): boolean { return this.text.startsWith('0001-01-01') }
  get Year(): number { return new Date(this.ms).getUTCFullYear() }
  /** As Go prints it: `2026-01-31 10:00:00.5 +0000 UTC`. */
  toString(): string {
    const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(this.text)
    if (!match) return this.text
    const fraction = (match[3] ?? '').replace(/\.?0+$/, '')
    const zone = match[4] === 'Z' || match[4] === '+00:00' ? '+0000 UTC' : `${match[4]!.replace(':', '')} ${match[4]!.replace(':', '')}`
    return `${match[1]} ${match[2]}${fraction} ${zone}`
  }
}
export const ZERO_TIME: GoTime = new GoTime('0001-01-01T00:00:00Z')

/** A number as Go's json.Number: a text for templates, a number again in JSON. */
export const jsonNumber = (value: number): String => new String(value)
export const isJsonNumber = (value: unknown): value is String => value instanceof String

/** Plain data for JSON.stringify: structs by their JSON names, maps sorted, times as text. */
export function toPlain(value: unknown): unknown {
  if (value === undefined || isNil(value)) return null
  if (typeof value === 'bigint') return Number(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof GoTime) return value.text
  if (isJsonNumber(value)) return Number(value)
  if (Array.isArray(value)) return value.map(toPlain)
  if (value instanceof Map) return Object.fromEntries(sortedKeys(value).map((key) => [String(key), toPlain(value.get(key))]))
  const entries = Object.entries(value).filter(([, inner]) => typeof inner !== 'function')
  if (!isStruct(value)) return Object.fromEntries(entries.map(([key, inner]) => [key, toPlain(inner)]))
  return Object.fromEntries(entries.filter(([key]) => jsonName(value, key) !== '-').map(([key, inner]) => [jsonName(value, key), toPlain(inner)]))
}
