// Checks a value against the JSON schemas (draft 4) of the OCI runtime specification, as Debian ships them.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export const SCHEMA_DIR = '/usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema'

type Schema = Readonly<Record<string, unknown>>
interface Place { readonly schema: Schema; readonly file: string }

const files = new Map<string, Schema>()
const load = (file: string): Schema => {
  const known = files.get(file) ?? JSON.parse(readFileSync(file, 'utf8')) as Schema
  files.set(file, known)
  return known
}

/** Problems of a config.json; empty when it is right. */
export const configProblems = (value: unknown): string[] => {
  const file = join(SCHEMA_DIR, 'config-schema.json')
  return problems(value, { schema: load(file), file }, '')
}

function follow(reference: string, from: string): Place {
  const [path = '', pointer = ''] = reference.split('#')
  const file = path ? join(dirname(from), path) : from
  const schema = pointer.split('/').filter(Boolean).reduce<unknown>((at, key) => (at as Schema)[key], load(file))
  if (schema === undefined) throw new Error(`${from} points to nothing: ${reference}`)
  return { schema: schema as Schema, file }
}

const UNDERSTOOD = new Set(['$ref', '$schema', 'id', 'description', 'definitions', 'title', 'type', 'properties', 'required', 'items', 'enum', 'minimum', 'maximum',
  'pattern', 'patternProperties', 'additionalProperties', 'oneOf', 'anyOf', 'allOf', 'minItems', 'uniqueItems', 'format', 'minLength', 'media'])

/** `open`: names that this schema lacks may be in another that holds for the same value. */
function problems(value: unknown, { schema, file }: Place, path: string, open = false): string[] {
  const unknown = Object.keys(schema).find((key) => !UNDERSTOOD.has(key))
  if (unknown) throw new Error(`${file}: this check doesn't understand '${unknown}'`)
  if (typeof schema['$ref'] === 'string') return problems(value, follow(schema['$ref'], file), path, open)
  const inner = (each: unknown) => problems(value, { schema: each as Schema, file }, path, true)
  const list = (key: string) => (schema[key] as unknown[] | undefined) ?? []
  return [
    ...(schema['type'] !== undefined && !isType(value, schema['type'] as string) ? [`${path}: not ${String(schema['type'])}: ${JSON.stringify(value)}`] : []),
    ...(schema['enum'] && !list('enum').includes(value) ? [`${path}: ${JSON.stringify(value)} is none of ${list('enum').join(' ')}`] : []),
    ...(typeof value === 'number' ? numberProblems(value, schema, path) : []),
    ...(typeof value === 'string' && schema['pattern'] && !new RegExp(schema['pattern'] as string).test(value) ? [`${path}: '${value}' is unlike ${String(schema['pattern'])}`] : []),
    ...list('allOf').flatMap(inner),
    ...(schema['anyOf'] && !list('anyOf').some((each) => inner(each).length === 0) ? [`${path}: no anyOf holds: ${list('anyOf').flatMap(inner).join('; ')}`] : []),
    ...(schema['oneOf'] && list('oneOf').filter((each) => inner(each).length === 0).length !== 1 ? [`${path}: not exactly one of oneOf holds`] : []),
    ...(Array.isArray(value) && schema['items'] ? value.flatMap((item, index) => problems(item, { schema: schema['items'] as Schema, file }, `${path}[${index}]`)) : []),
    ...(isType(value, 'object') ? objectProblems(value as Record<string, unknown>, { schema, file }, path, open) : []),
  ]
}

const numberProblems = (value: number, { minimum = -Infinity, maximum = Infinity }: { minimum?: number; maximum?: number }, path: string): string[] =>
  (value < minimum || Math.min(value, 2 ** 64) > maximum ? [`${path}: ${value} is out of range`] : [])

/** A name that the schema lacks is a problem too: it would be a misspelling. */
function objectProblems(value: Record<string, unknown>, { schema, file }: Place, path: string, open: boolean): string[] {
  const properties = (schema['properties'] ?? {}) as Record<string, Schema>
  const patterns = Object.entries((schema['patternProperties'] ?? {}) as Record<string, Schema>)
  return [
    ...((schema['required'] as string[] | undefined) ?? []).filter((key) => !(key in value)).map((key) => `${path}: ${key} is missing`),
    ...Object.entries(value).flatMap(([key, each]) => {
      const found = properties[key] ?? patterns.find(([pattern]) => new RegExp(pattern).test(key))?.[1]
      if (found) return problems(each, { schema: found, file }, `${path}.${key}`)
      return !open && schema['properties'] && schema['additionalProperties'] === undefined ? [`${path}: the schema has no ${key}`] : []
    }),
  ]
}

function isType(value: unknown, type: string): boolean {
  switch (type) {
    case 'object': return typeof value === 'object' && value !== null && !Array.isArray(value)
    case 'array': return Array.isArray(value)
    case 'integer': return Number.isInteger(value) || value === Infinity
    default: return typeof value === type
  }
}
