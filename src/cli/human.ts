// Times and sizes as people read them, in docker's and podman's words.

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** `Less than a second`, `2 minutes`, `About an hour`, `3 weeks`. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / SECOND)
  if (seconds < 1) return 'Less than a second'
  if (seconds === 1) return '1 second'
  if (seconds < 60) return `${seconds} seconds`
  const minutes = Math.trunc(ms / MINUTE)
  if (minutes === 1) return 'About a minute'
  if (minutes < 60) return `${minutes} minutes`
  const hours = Math.trunc(ms / HOUR + 0.5)
  if (hours === 1) return 'About an hour'
  if (hours < 48) return `${hours} hours`
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`
  return `${Math.trunc(ms / HOUR / 24 / 365)} years`
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB']

/** Decimal units, three significant digits unless told: `1.98MB`; `gap` stands between number and unit. */
export function humanSize(bytes: number, gap = '', digits = 3): string {
  let unit = 0
  let value = bytes
  while (value >= 1000 && unit < UNITS.length - 1) { value /= 1000; unit++ }
  return `${significant(value, digits)}${gap}${UNITS[unit]}`
}

/** Binary units, as limits are shown: `512MiB`. */
export function humanBinarySize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  let unit = 0
  let value = bytes
  while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit++ }
  return `${significant(value, 4)}${units[unit]}`
}

/** Like C's %.Ng: no trailing zeros, an exponent for what does not fit. */
const significant = (value: number, digits: number): string => {
  const text = value.toPrecision(digits)
  if (text.includes('e')) return text.replace(/e([+-])(\d)$/, 'e$10$2')
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}

/** `0.00s`-like durations of Go: `2.62s`, `1h0m0.5s`. */
export function goDuration(ms: number): string {
  if (ms === 0) return '0s'
  if (Math.abs(ms) < SECOND) return `${trimmed(ms)}ms`
  const sign = ms < 0 ? '-' : ''
  const rest = Math.abs(ms)
  const hours = Math.trunc(rest / HOUR)
  const minutes = Math.trunc((rest % HOUR) / MINUTE)
  const seconds = trimmed((rest % MINUTE) / SECOND)
  return `${sign}${hours ? `${hours}h` : ''}${hours || minutes ? `${minutes}m` : ''}${seconds}s`
}
const trimmed = (value: number): string => String(Number(value.toFixed(9)))
