// Texts of options as numbers. Each throws an Error that says what was expected; the caller adds which flag.

export function parseInteger(text: string): number {
  if (!/^[+-]?\d{1,15}$/.test(text)) throw new Error('expected a whole number')
  return Number(text)
}

export function parseCount(text: string): number {
  const number = parseInteger(text)
  if (number < 0) throw new Error('expected a whole number, 0 or more')
  return number
}

export function parseBoolean(text: string): boolean {
  if (/^(1|t|true)$/i.test(text)) return true
  if (/^(0|f|false)$/i.test(text)) return false
  throw new Error('expected true or false')
}

const SIZE_UNITS = ['b', 'k', 'm', 'g', 't', 'p']

/** `512m`, `1.5g`, `100`, `1GiB`: bytes, units of 1024. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([bkmgtp]?)(?:i?b)?$/i.exec(text)
  if (!match) throw new Error('expected a size such as 512m or 1.5g')
  const bytes = Math.trunc(Number(match[1]) * 1024 ** Math.max(0, SIZE_UNITS.indexOf(match[2]!.toLowerCase())))
  if (!Number.isSafeInteger(bytes)) throw new Error('expected a size below 8192p')
  return bytes
}

/** As `parseSize`, but a k is 1000 bytes: sizes of logs. `10kib` is 10240. */
export function parseDecimalSize(text: string): number {
  const unit = /^[\d.]+ ?([kmgtp])b?$/i.exec(text)?.[1]
  const bytes = parseSize(text)
  return unit === undefined ? bytes : Math.trunc(bytes / 1.024 ** SIZE_UNITS.indexOf(unit.toLowerCase()))
}

/** As `parseSize`, and -1 for no limit. */
export const parseSizeOrUnlimited = (text: string): number => (text === '-1' ? -1 : parseSize(text))

const DURATION_MS: Record<string, number> = { ns: 1e-6, us: 1e-3, 'µs': 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** `10s`, `1h30m`, `1.5h`, `-5m`: milliseconds. */
export function parseDuration(text: string): number {
  const match = /^([+-]?)((?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+|0)$/.exec(text)
  if (!match) throw new Error('expected a duration such as 10s or 1h30m')
  let total = 0
  for (const [, number, unit] of match[2]!.matchAll(/([\d.]+)([a-zµ]+)/g)) total += Number(number) * DURATION_MS[unit!]!
  return match[1] === '-' ? -total : total
}

const DURATION = /^-?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/

/** As `parseMoment`, but a duration lies in the future: up to when something is shown. */
export const parseUntil = (text: string, nowMs = Date.now()): number => (DURATION.test(text) ? nowMs + parseDuration(text) : parseMoment(text, nowMs))

/** A moment: RFC 3339, a date with or without time, seconds since 1970, or a duration before `nowMs`. Milliseconds. */
export function parseMoment(text: string, nowMs = Date.now()): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000
  if (DURATION.test(text)) return nowMs - Math.abs(parseDuration(text))
  if (/^\d{4}-\d\d-\d\d([T ]\d\d(:\d\d(:\d\d(\.\d+)?)?)?)?(Z|[+-]\d\d:?\d\d)?$/.test(text)) {
    const hour = /[T ]\d\d(Z|[+-]|$)/.test(text) ? text.replace(/([T ]\d\d)/, '$1:00') : text
    const parsed = Date.parse(hour.length === 10 ? `${hour}T00:00:00` : hour.replace(' ', 'T'))
    if (!Number.isNaN(parsed)) return parsed
  }
  throw new Error('expected a time such as 2026-01-31T10:00:00Z, 1767225600 or 10m')
}
