// Whether what a configuration file of a pod or a container holds has the types of the CRI. The encoder would take text for
// a flag and leave out what it cannot make sense of: a container would run with other rights than were written down.
import type configSchema from '../wire/config-schema.json'

export type FileKind = keyof typeof configSchema

/** What the generated schema is made of. */
interface Schema {
  readonly type?: string | readonly string[]
  readonly $ref?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly additionalProperties?: Schema | boolean
  readonly anyOf?: readonly Schema[]
  readonly minimum?: number
}

interface Check {
  readonly definitions: Readonly<Record<string, Schema>>
  /** A field's name in any spelling -> in protobuf's. */
  readonly canonical: (name: string) => string
  readonly complain: (problem: string, path: string) => never
}

const [MAX_INT32, MAX_UINT32] = [2 ** 31 - 1, 2 ** 32 - 1]
const [MIN_INT64, MAX_INT64] = [-(2n ** 63n), 2n ** 63n - 1n]

/** Fields that the schema does not have are not looked at, as with crictl. `complain` gets the first wrong one. */
export async function checkMessage(kind: FileKind, value: unknown, { canonical, complain }: Omit<Check, 'definitions'>): Promise<void> {
  const { default: schemas } = await import('../wire/config-schema.json', { with: { type: 'json' } })
  const schema = schemas[kind] as unknown as Schema & { readonly $defs: Check['definitions'] }
  check({ definitions: schema.$defs, canonical, complain }, { schema, value, path: '' })
}

interface Place { readonly schema: Schema; readonly value: unknown; readonly path: string }

function check(rules: Check, { schema, value, path }: Place): void {
  if (value === null || value === undefined) return
  const resolved = schema.$ref === undefined ? schema : rules.definitions[schema.$ref.slice('#/$defs/'.length)]!
  const { type } = resolved
  if (type === 'object') return checkObject(rules, { schema: resolved, value, path })
  if (type === 'array') {
    if (!Array.isArray(value)) rules.complain(`expected a list, not ${shown(value)}`, path)
    return value.forEach((item, at) => check(rules, { schema: resolved.items!, value: item, path: `${path}[${at}]` }))
  }
  const wanted = scalarProblem(resolved, value)
  if (wanted !== undefined) rules.complain(`expected ${wanted}, not ${shown(value)}`, path)
}

function checkObject(rules: Check, { schema, value, path }: Place): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return rules.complain(`expected an object, not ${shown(value)}`, path)
  // Of maps the values become text.
  const properties = new Map(Object.entries(schema.properties ?? {}).map(([name, inner]) => [rules.canonical(name), inner]))
  for (const [key, inner] of Object.entries(value)) {
    const field = properties.get(rules.canonical(key))
    if (field) check(rules, { schema: field, value: inner, path: `${path}.${key}` })
  }
}

/** @returns what was wanted, where `value` is something else */
function scalarProblem({ type, anyOf, minimum }: Schema, value: unknown): string | undefined {
  if (type === 'string') return typeof value === 'string' ? undefined : typeof value === 'number' ? 'a text in quotes' : 'a text'
  if (type === 'boolean') return typeof value === 'boolean' ? undefined : 'true or false'
  // Names are looked up where they become numbers.
  if (anyOf) return typeof value === 'string' || isWhole(value, { least: 0, most: MAX_INT32 }) ? undefined : 'a name or a number'
  if (type === 'integer') {
    const range = minimum === 0 ? { least: 0, most: MAX_UINT32 } : { least: -MAX_INT32 - 1, most: MAX_INT32 }
    return isWhole(value, range) ? undefined : `a whole number from ${range.least} to ${range.most}`
  }
  return isWhole64(value) ? undefined : 'a whole number of at most 64 bits'
}

const isWhole = (value: unknown, { least, most }: { least: number; most: number }): boolean => Number.isInteger(value) && (value as number) >= least && (value as number) <= most

function isWhole64(value: unknown): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value)
  return typeof value === 'string' && /^-?\d{1,20}$/.test(value) && BigInt(value) >= MIN_INT64 && BigInt(value) <= MAX_INT64
}

const MAX_SHOWN = 40
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  const text = JSON.stringify(value) ?? String(value)
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text
}
