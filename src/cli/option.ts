// Builders of options: each says its flags, its meaning and how its text becomes a value.
import type { CompletionKind, OptionSpec } from './command.ts'
import { parseBoolean, parseCount, parseDuration, parseInteger, parseSize } from './value.ts'

interface Extra { readonly complete?: CompletionKind; readonly offers?: readonly string[] }

export const flag = (flags: string, summary: string, initial = false): OptionSpec<boolean> =>
  ({ flags, summary, isSwitch: true, initial, parse: parseBoolean })

export const text = (flags: string, summary: string, extra: Extra = {}): OptionSpec<string | undefined> =>
  ({ flags, summary, isSwitch: false, initial: undefined, parse: (value) => value, ...extra })

export const integer = (flags: string, summary: string): OptionSpec<number | undefined> =>
  ({ flags, summary, isSwitch: false, initial: undefined, parse: parseInteger })

/** A whole number, 0 or more. */
export const count = (flags: string, summary: string): OptionSpec<number | undefined> => ({ ...integer(flags, summary), parse: parseCount })

/** Seconds of waiting; -1 is without end. */
export const patience = (flags: string, summary: string): OptionSpec<number | undefined> =>
  ({ ...integer(flags, `${summary}; -1 waits without end`), parse: (value) => (value === '-1' ? WITHOUT_END_SECONDS : parseCount(value)) })

const WITHOUT_END_SECONDS = 1e9

/** Bytes: `512m`, `1.5g`, a bare number; empty is as if not given. */
export const size = (flags: string, summary: string): OptionSpec<number | undefined> =>
  ({ flags, summary, isSwitch: false, initial: undefined, parse: (value) => (value === '' ? undefined : parseSize(value)) })

/** Milliseconds: `10s`, `1h30m`. */
export const duration = (flags: string, summary: string): OptionSpec<number | undefined> =>
  ({ flags, summary, isSwitch: false, initial: undefined, parse: parseDuration })

/** May be given again; every text is one element. */
export const list = (flags: string, summary: string, extra: Extra = {}): OptionSpec<readonly string[]> =>
  ({ flags, summary, isSwitch: false, initial: [], parse: (value, previous) => [...previous, value], ...extra })

/** May be given again, and each text may hold several elements with commas between; an empty one holds none. */
export const commaList = (flags: string, summary: string, extra: Extra = {}): OptionSpec<readonly string[]> =>
  ({ flags, summary, isSwitch: false, initial: [], parse: (value, previous) => (value === '' ? previous : [...previous, ...value.split(',')]), ...extra })

export const oneOf = <const V extends string>(flags: string, summary: string, values: readonly V[]): OptionSpec<V | undefined> => ({
  flags, summary, isSwitch: false, initial: undefined, values,
  parse: (value) => {
    const found = values.find((known) => known === value.toLowerCase())
    if (found === undefined) throw new Error(`expected one of ${values.join(', ')}`)
    return found
  },
})

/** A flag whose object scow does not have yet; `harmless` values ask for nothing that is missing. */
export const refused = <T>(option: OptionSpec<T>, reason: string, harmless: readonly string[] = []): OptionSpec<T> => ({ ...option, refused: reason, harmless })
