import { Failure } from '../errors.ts'
import type { AnyCommand, OptionSpec } from './command.ts'
import { longName, type Words } from './words.ts'

/** The values of all options by key, for words that `readWords` accepted. @throws Failure invalid */
export function readOptions(spec: AnyCommand, words: Words, title: string): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const [key, option] of Object.entries(spec.options as Record<string, OptionSpec<any>>)) {
    values[key] = words.switches.get(key) ?? (words.assigned.get(key) ?? []).reduce((previous: unknown, text) => parsed(option, { text, previous, title }), option.initial)
  }
  return values
}

function parsed(option: OptionSpec<any>, { text, previous, title }: { text: string; previous: unknown; title: string }): unknown {
  try {
    return option.parse(text, previous)
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure('invalid', `invalid argument "${text}" for --${longName(option)}: ${(error as Error).message}`, { hint: `see '${title} --help'` })
  }
}
