// The functions of templates: Go's own and the ones podman adds.
import { TemplateError } from './lex.ts'
import { goType, show, sprintf } from './print.ts'
import { isJsonNumber, toPlain } from './values.ts'

/** Go's truth: not zero, not empty, not nil. */
export const isTrue = (value: unknown): boolean => {
  if (value === undefined || value === null || value === false || value === 0 || value === '') return false
  if (Array.isArray(value)) return value.length > 0
  return !(value instanceof Map) || value.size > 0
}

const length = (value: unknown): number => {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (Array.isArray(value)) return value.length
  if (value instanceof Map) return value.size
  throw new TemplateError(value === null || value === undefined ? 'len of nil pointer' : `len of type ${goType(value)}`)
}

function index(item: unknown, ...keys: readonly unknown[]): unknown {
  return keys.reduce((value: unknown, key) => {
    // an empty map is taken for one of texts: labels, annotations, options
    if (value instanceof Map) return value.get(key) ?? (typeof ([...value.values()][0] ?? '') === 'string' ? '' : undefined)
    if (!Array.isArray(value) && typeof value !== 'string') throw new TemplateError(value === undefined || value === null ? 'index of untyped nil' : `can't index item of type ${goType(value)}`)
    if (typeof key !== 'number') throw new TemplateError(`cannot index slice/array with type ${goType(key)}`)
    if (key < 0 || key >= value.length) throw new TemplateError(`index out of range: ${key}`)
    return typeof value === 'string' ? value.charCodeAt(key) : value[key]
  }, item)
}

const slice = (item: unknown, from = 0, to?: number): unknown => {
  if (typeof item !== 'string' && !Array.isArray(item)) throw new TemplateError(`can't slice item of type ${goType(item)}`)
  const end = to ?? item.length
  if (from < 0 || end > item.length || from > end) throw new TemplateError(`index out of range: ${end}`)
  return item.slice(from, end)
}

const comparable = (value: unknown): string | number | boolean => {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  throw new TemplateError('invalid type for comparison')
}
/** A json.Number is a text beside a text; beside a number it is one, where Go would refuse it. */
const beside = (value: unknown, other: unknown): string | number | boolean =>
  (isJsonNumber(value) ? (typeof other === 'string' ? String(value) : Number(value)) : comparable(value))
function same(a: unknown, b: unknown): boolean {
  if (a === null || a === undefined || b === null || b === undefined) return (a ?? null) === (b ?? null)
  const [left, right] = [beside(a, b), beside(b, a)]
  if (typeof left !== typeof right) throw new TemplateError('incompatible types for comparison')
  return left === right
}
const less = (a: unknown, b: unknown): boolean => {
  const [left, right] = [beside(a, b), beside(b, a)]
  if (typeof left !== typeof right || typeof left === 'boolean') throw new TemplateError('incompatible types for comparison')
  return left < right
}

const HTML: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;', '\0': '\uFFFD' }
const joined = (values: readonly unknown[]): string => values.map(show).join('')
const print = (...values: readonly unknown[]): string =>
  values.map((value, at) => (at > 0 && typeof value !== 'string' && typeof values[at - 1] !== 'string' ? ' ' : '') + show(value ?? null)).join('')
const text = (value: unknown): string => (typeof value === 'string' ? value : show(value))

const titled = (value: unknown): string => text(value).replace(/(^|[\s_-])(\p{Ll})/gu, (_, before: string, letter: string) => before + letter.toUpperCase())

export type Functions = Readonly<Record<string, (...args: any[]) => unknown>>

export const FUNCTIONS: Functions = {
  // `and` and `or` are evaluated by evaluate.ts, which stops at the first that decides
  and: () => undefined,
  or: () => undefined,
  not: (value) => !isTrue(value),
  len: length,
  index,
  slice,
  print,
  println: (...values) => `${values.map((value) => show(value ?? null)).join(' ')}\n`,
  printf: (format, ...values) => sprintf(text(format), values),
  html: (...values) => joined(values).replace(/[&<>"'\0]/g, (char) => HTML[char]!),
  js: (...values) => joined(values).replace(/[\\'"<>&=\n\r\t]/g, (char) => JS[char]!),
  urlquery: (...values) => encodeURIComponent(joined(values)).replaceAll('%20', '+').replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`),
  call: (callee, ...values) => callee(...values),
  eq: (first, ...others) => {
    if (others.length === 0) throw new TemplateError('missing argument for comparison')
    return others.some((other) => same(first, other))
  },
  ne: (a, b) => !same(a, b),
  lt: less,
  le: (a, b) => less(a, b) || same(a, b),
  gt: (a, b) => less(b, a),
  ge: (a, b) => less(b, a) || same(a, b),
  json: (value) => JSON.stringify(toPlain(value)),
  join: (items, separator) => (Array.isArray(items) ? items.map(text).join(text(separator)) : text(items)),
  split: (value, separator) => text(value).split(text(separator)),
  lower: (value) => text(value).toLowerCase(),
  upper: (value) => text(value).toUpperCase(),
  title: titled,
  pad: (value, before: number, after: number) => (text(value) === '' ? '' : ' '.repeat(before) + text(value) + ' '.repeat(after)),
  truncate: (value, limit: number) => [...text(value)].slice(0, Math.max(0, limit)).join(''),
}

const JS: Record<string, string> = {
  '\\': '\\\\', "'": "\\'", '"': '\\"', '<': '\\u003C', '>': '\\u003E', '&': '\\u0026', '=': '\\u003D', '\n': '\\u000A', '\r': '\\u000D', '\t': '\\u0009',
}
