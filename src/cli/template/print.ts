// Go's fmt: how values print, and Printf with its verbs.
import { GoTime, isJsonNumber, isStruct, sortedKeys, structFields } from './values.ts'

/** `%v` of a value. `inside` a struct, slice or map, a nil is `<nil>` and text has no quotes, as in Go. */
export function show(value: unknown): string {
  if (value === undefined) return '<no value>'
  if (value === null) return '<nil>'
  if (typeof value === 'number') return showNumber(value)
  if (typeof value !== 'object') return typeof value === 'function' ? '<func>' : String(value)
  if (value instanceof GoTime || isJsonNumber(value)) return value.toString()
  if (Array.isArray(value)) return `[${value.map(show).join(' ')}]`
  if (value instanceof Map) return `map[${sortedKeys(value).map((key) => `${show(key)}:${show(value.get(key))}`).join(' ')}]`
  const fields = isStruct(value) ? structFields(value) : Object.keys(value)
  return `{${fields.map((key) => (value as Record<string, unknown>)[key]).filter((inner) => typeof inner !== 'function').map(show).join(' ')}}`
}

const showNumber = (value: number): string => {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return String(value)
  return String(value).replace(/e([+-])(\d)$/, 'e$10$2')
}

export const quote = (text: string): string =>
  `"${text.replace(/["\\]|[\u0000-\u001f\u007f]/g, (char) => QUOTED[char] ?? `\\x${char.codePointAt(0)!.toString(16).padStart(2, '0')}`)}"`
const QUOTED: Record<string, string> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\t': '\\t', '\r': '\\r', '\x07': '\\a', '\b': '\\b', '\f': '\\f', '\v': '\\v' }

export const goType = (value: unknown): string => {
  if (value === null || value === undefined) return '<nil>'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float64'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return 'string'
  if (isJsonNumber(value)) return 'json.Number'
  if (Array.isArray(value)) return '[]interface {}'
  if (value instanceof Map) return 'map[string]interface {}'
  return 'struct'
}

interface Verb { readonly flags: string; readonly width: number; readonly precision: number | undefined; readonly verb: string }

export function sprintf(format: string, args: readonly unknown[]): string {
  let next = 0
  const text = format.replace(/%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d*))?(.|$)/gsu, (_, flags: string, width: string | undefined, precision: string | undefined, verb: string) => {
    if (verb === '%') return '%'
    if (verb === '') return '%!(NOVERB)'
    const count = (given: string | undefined): number | undefined => (given === undefined ? undefined : given === '*' ? Number(args[next++]) : Number(given))
    const spec: Verb = { flags, width: count(width) ?? 0, precision: count(precision), verb }
    if (next >= args.length) return `%!${verb}(MISSING)`
    return padded(one(args[next++], spec), spec)
  })
  const extra = args.slice(next)
  return extra.length === 0 || /%[^%]*\*/.test(format) ? text : `${text}%!(EXTRA ${extra.map((value) => `${goType(value)}=${show(value)}`).join(', ')})`
}

function padded(text: string, { flags, width, verb }: Verb): string {
  if (flags.includes('-')) return text.padEnd(width)
  if (!flags.includes('0') || 'sqvT'.includes(verb)) return text.padStart(width)
  const sign = /^[+-]/.test(text) ? text[0]! : ''
  return sign + text.slice(sign.length).padStart(width - sign.length, '0')
}

function one(value: unknown, spec: Verb): string {
  const { verb, flags, precision } = spec
  if (Array.isArray(value) && !'vT'.includes(verb)) return `[${value.map((item) => one(item, spec)).join(' ')}]`
  switch (verb) {
    case 'v': return flags.includes('#') ? showSyntax(value) : show(value === undefined ? null : value)
    case 'T': return goType(value)
    case 't': return typeof value === 'boolean' ? String(value) : wrong(verb, value)
    case 's': return typeof value === 'number' || typeof value === 'boolean' ? wrong(verb, value) : cut(show(value ?? null), precision)
    case 'q': return typeof value === 'number' ? `'${String.fromCodePoint(value)}'` : typeof value === 'boolean' ? wrong(verb, value) : quote(cut(show(value), precision))
    case 'x': case 'X': return cased(hex(value, flags), verb)
    default: return typeof value === 'number' || isJsonNumber(value) ? number(Number(value), spec) : wrong(verb, value)
  }
}

function number(value: number, { verb, flags, precision }: Verb): string {
  const sign = value >= 0 ? (flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '') : ''
  switch (verb) {
    case 'd': return Number.isInteger(value) ? `${sign}${value}` : wrong(verb, value)
    case 'b': return value.toString(2)
    case 'o': return `${flags.includes('#') ? '0' : ''}${value.toString(8)}`
    case 'O': return `0o${value.toString(8)}`
    case 'c': return String.fromCodePoint(value)
    case 'U': return `U+${value.toString(16).toUpperCase().padStart(4, '0')}`
    case 'f': case 'F': return `${sign}${value.toFixed(precision ?? 6)}`
    case 'e': case 'E': return cased(`${sign}${value.toExponential(precision ?? 6).replace(/e([+-])(\d)$/, 'e$10$2')}`, verb)
    case 'g': case 'G': return `${sign}${precision === undefined ? showNumber(value) : showNumber(Number(value.toPrecision(Math.max(1, precision))))}`
    default: return wrong(verb, value)
  }
}

const wrong = (verb: string, value: unknown): string => (value === null || value === undefined ? `%!${verb}(<nil>)` : `%!${verb}(${goType(value)}=${show(value)})`)
const cut = (text: string, precision: number | undefined): string => (precision === undefined ? text : [...text].slice(0, precision).join(''))
const cased = (text: string, verb: string): string => (verb === verb.toUpperCase() ? text.toUpperCase() : text)
const hex = (value: unknown, flags: string): string => {
  const prefix = flags.includes('#') ? '0x' : ''
  if (typeof value === 'number') return `${value < 0 ? '-' : ''}${prefix}${Math.abs(value).toString(16)}`
  return prefix + Buffer.from(show(value)).toString('hex')
}
const showSyntax = (value: unknown): string => {
  if (typeof value === 'string') return quote(value)
  if (Array.isArray(value)) return `${goType(value)}{${value.map(showSyntax).join(', ')}}`
  if (value instanceof Map) return `${goType(value)}{${sortedKeys(value).map((key) => `${showSyntax(key)}:${showSyntax(value.get(key))}`).join(', ')}}`
  return show(value)
}
