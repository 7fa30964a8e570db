// `--filter KEY=VALUE`: one key given twice is either, but labels must all match; different keys must all match.
import { goRegExp } from '../go-regexp.ts'
import { Failure } from '../errors.ts'

/** Decides about one row for one value. */
export type Match<R> = (row: R, value: string) => boolean

export interface Filters<R> {
  readonly matches: Readonly<Record<string, Match<R>>>
  /** Keys whose values must all match. */
  readonly all?: readonly string[]
  /** Prepares a value once: checks it, or looks something up. */
  readonly check?: Readonly<Record<string, (value: string) => string>>
}

const ALWAYS_ALL = ['label', 'label!']

/** @throws Failure invalid for a filter without `=` or an unknown key */
export function compileFilters<R>(texts: readonly string[], { matches, all = [], check = {} }: Filters<R>): (row: R) => boolean {
  const groups = new Map<string, string[]>()
  for (const text of texts) {
    const { key, value } = splitFilter(text)
    if (!(key in matches)) throw new Failure('invalid', `invalid filter "${text}": unknown key "${key}"`, { hint: `use one of ${Object.keys(matches).join(', ')}` })
    groups.set(key, [...(groups.get(key) ?? []), check[key]?.(value) ?? value])
  }
  return (row) => [...groups].every(([key, values]) => {
    const match = matches[key]!
    return ALWAYS_ALL.includes(key) || all.includes(key) ? values.every((value) => match(row, value)) : values.some((value) => match(row, value))
  })
}

export function splitFilter(text: string): { key: string; value: string } {
  const equals = text.indexOf('=')
  if (equals <= 0) throw new Failure('invalid', `invalid filter "${text}"`, { hint: 'a filter looks like KEY=VALUE' })
  return { key: text.slice(0, equals), value: text.slice(equals + 1) }
}

/** `label=key` or `label=key=value`. */
export const hasLabel = (labels: Readonly<Record<string, string>> | undefined, filter: string): boolean => {
  const equals = filter.indexOf('=')
  const [key, value] = equals < 0 ? [filter, undefined] : [filter.slice(0, equals), filter.slice(equals + 1)]
  const pattern = new RegExp(`^${escaped(key).replaceAll('\\*', '.*')}$`)
  return Object.entries(labels ?? {}).some(([name, text]) => pattern.test(name) && (value === undefined || text === value))
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** A regular expression as users write it. @throws Failure invalid */
export function pattern(text: string): RegExp {
  try {
    return goRegExp(text)
  } catch {
    throw new Failure('invalid', `invalid filter value "${text}": not a regular expression`)
  }
}

/** Shell pattern: `*` and `?`. */
export const glob = (text: string): RegExp => new RegExp(`^${escaped(text).replaceAll('\\*', '.*').replaceAll('\\?', '.')}$`)

/** `true` or `false`. @throws Failure invalid */
export const truth = (key: string) => (value: string): string => {
  if (!/^(true|false|1|0)$/i.test(value)) throw new Failure('invalid', `invalid filter "${key}=${value}": expected true or false`)
  return /^(true|1)$/i.test(value) ? 'true' : 'false'
}
