// Small shared readings of option texts.
import { Failure } from '../../../errors.ts'

export const invalid = (flag: string, text: string, why: string): Failure => new Failure('invalid', `invalid value "${text}" for ${flag}: ${why}`)

/** Splits at commas; a double-quoted element may hold commas (CSV). */
export function splitCsv(text: string): string[] {
  const fields: string[] = []
  let field = ''
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!
    if (quoted && char === '"' && text[at + 1] === '"') { field += '"'; at++ }
    else if (char === '"' && (quoted || field === '')) quoted = !quoted
    else if (char === ',' && !quoted) { fields.push(field); field = '' }
    else field += char
  }
  return [...fields, field]
}

/** `true`, `1`, nothing: yes; `false`, `0`: no. */
export function readSwitch(value: string | undefined, wrong: () => Failure): boolean {
  if (value === undefined || value === '' || /^(1|t|true)$/i.test(value)) return true
  if (/^(0|f|false)$/i.test(value)) return false
  throw wrong()
}
