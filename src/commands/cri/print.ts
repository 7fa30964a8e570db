// How the CRI commands print: crictl's columns, JSON, YAML and templates.
import type { Output } from '../../cli/output.ts'
import { humanDuration } from '../../cli/human.ts'
import type { Json } from '../../cri/client/protojson.ts'
import { Failure } from '../../errors.ts'

export const FORMATS = ['json', 'yaml', 'table'] as const
export const ALL_FORMATS = ['json', 'yaml', 'go-template', 'table'] as const

/** JSON with two spaces, YAML, or a template over it. */
export async function printJson(out: Output, value: Json, { output, template }: { output?: string | undefined; template?: string | undefined } = {}): Promise<void> {
  if (output === 'yaml') {
    const { formatYaml } = await import('../../yaml.ts')
    return out.line(formatYaml(value))
  }
  if (output === 'go-template') return out.line(await renderTemplate(template ?? '', value))
  out.line(JSON.stringify(value, null, 2))
}

async function renderTemplate(source: string, value: Json): Promise<string> {
  if (source === '') throw new Failure('invalid', '--output go-template needs a --template')
  const [{ compileTemplate }, { jsonNumber, toPlain }] = await Promise.all([import('../../cli/template/template.ts'), import('../../cli/template/values.ts')])
  /** A map whose missing keys are errors, as crictl has it. */
  class Strict extends Map<string, unknown> {
    override get(key: string): unknown {
      if (!this.has(key)) throw new Failure('invalid', `template: map has no entry for key "${key}"`)
      return super.get(key)
    }
  }
  const toGo = (inner: Json): unknown => {
    if (Array.isArray(inner)) return inner.map(toGo)
    if (typeof inner === 'number') return jsonNumber(inner)
    if (typeof inner !== 'object' || inner === null) return inner
    return new Strict(Object.entries(inner).map(([key, item]) => [key, toGo(item)] as const))
  }
  // crictl's ends the line
  return compileTemplate('template', source, { json: (inner) => `${JSON.stringify(toPlain(inner))}\n` })(toGo(value))
}

const MIN_WIDTH = 20
const PADDING = 3

/** Columns at least 20 wide with three spaces between; the last is not padded. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headings, ...rows]
  const widths = headings.map((_, column) => Math.max(MIN_WIDTH, ...lines.map((cells) => [...cells[column]!].length + PADDING)))
  return lines.map((cells) => `${cells.map((cell, column) => (column === cells.length - 1 ? cell : cell + ' '.repeat(widths[column]! - [...cell].length))).join('')}\n`).join('')
}

const ID_LENGTH = 13
export const shortId = (id: string): string => id.replace(/^sha256:/, '').slice(0, ID_LENGTH)

const NS_PER_MS = 1_000_000n
export const ago = (ns: bigint): string => `${humanDuration(Date.now() - Number(ns / NS_PER_MS))} ago`

/** `Labels:` and its lines, as the verbose listings have them. */
export const pairLines = (title: string, pairs: Readonly<Record<string, string>>): string[] =>
  Object.keys(pairs).length === 0 ? [] : [`${title}:`, ...Object.keys(pairs).sort().map((key) => `\t${key} -> ${pairs[key]}`)]

/** As Go prints a map: `map[a:b c:d]`. */
export const goMapText = (pairs: Readonly<Record<string, string>>): string => `map[${Object.keys(pairs).sort().map((key) => `${key}:${pairs[key]}`).join(' ')}]`

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** Decimal units with up to four digits, as use is shown: `12.35MB`. */
export function usageSize(bytes: bigint): string {
  let value = Number(bytes)
  let unit = 0
  while (value >= 1000 && unit < UNITS.length - 1) { value /= 1000; unit++ }
  return `${Number(value.toPrecision(4))}${UNITS[unit]}`
}
