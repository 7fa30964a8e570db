// Reads a command line as podman's parser does: switches may carry a value
// (`--rm=false`), a short flag may carry `=`, several short switches may stand together, `--` ends the flags,
// and the flags of `run`, `create` and `exec` end at the first argument.
import { Failure } from '../errors.ts'
import type { AnyCommand, OptionSpec } from './command.ts'
import { parseBoolean } from './value.ts'

interface Known { readonly key: string; readonly option: OptionSpec<any> }

export interface Words {
  readonly args: readonly string[]
  /** What options that take a value were given, in order. */
  readonly assigned: ReadonlyMap<string, readonly string[]>
  /** Switches with the value they were last given. */
  readonly switches: ReadonlyMap<string, boolean>
  /** Keys of all options that were given. */
  readonly given: ReadonlySet<string>
  readonly globals: ReadonlyMap<string, string>
  readonly help: boolean
}

/** The last one of the flags: commander names the option after it. */
export const longName = (option: OptionSpec<any>): string => [...option.flags.matchAll(/--([\w-]+)/g)].at(-1)![1]!
const names = (option: OptionSpec<any>): string[] => option.flags.match(/(?<![\w-])--?[\w-]+/g) ?? []

const index = (spec: AnyCommand): Map<string, Known> => {
  const known = new Map<string, Known>()
  for (const [key, option] of Object.entries(spec.options as Record<string, OptionSpec<any>>)) {
    for (const name of names(option)) known.set(name, { key, option })
  }
  return known
}

export interface ReadingOptions {
  /** `scow run`, for the hint. */
  readonly title: string
  /** Global flags (`--root`): true when it takes a value. They may follow the command's name too. */
  readonly globals: ReadonlyMap<string, boolean>
  /** Long names may have one dash, as Go's flags do. */
  readonly singleDash?: boolean
}

/** @throws Failure invalid: unknown flag, missing or wrong value. */
export function readWords(spec: AnyCommand, words: readonly string[], { title, globals, singleDash = false }: ReadingOptions): Words {
  const known = index(spec)
  const args: string[] = []
  const assigned = new Map<string, string[]>()
  const switches = new Map<string, boolean>()
  const given = new Set<string>()
  const globalValues = new Map<string, string>()
  let help = false
  const wrong = (message: string): Failure => new Failure('invalid', message, { hint: `see '${title} --help'` })
  const valueAfter = (position: number, name: string): string => {
    if (position + 1 >= words.length) throw wrong(`flag needs an argument: ${name}`)
    return words[position + 1]!
  }
  const turn = ({ key }: Known, name: string, value: string | undefined): void => {
    given.add(key)
    try {
      switches.set(key, value === undefined ? true : parseBoolean(value))
    } catch (error) {
      throw wrong(`invalid argument "${value}" for ${name}: ${(error as Error).message}`)
    }
  }
  const assign = ({ key }: Known, value: string): void => {
    given.add(key)
    assigned.set(key, [...(assigned.get(key) ?? []), value])
  }
  /** Returns how many further words were used. */
  const long = (word: string, position: number): number => {
    const equals = word.indexOf('=')
    const name = equals < 0 ? word : word.slice(0, equals)
    const value = equals < 0 ? undefined : word.slice(equals + 1)
    const found = known.get(name)
    if (found?.option.isSwitch) { turn(found, name, value); return 0 }
    if (found) { assign(found, value ?? valueAfter(position, name)); return value === undefined ? 1 : 0 }
    if (name === '--help') { help = true; return 0 }
    const isValued = globals.get(name)
    if (isValued === undefined) throw wrong(`unknown flag: ${name}`)
    globalValues.set(name, value ?? (isValued ? valueAfter(position, name) : 'true'))
    return isValued && value === undefined ? 1 : 0
  }
  const short = (word: string, position: number): number => {
    for (let at = 1; at < word.length; at++) {
      const name = `-${word[at]}`
      const rest = word.slice(at + 1)
      const found = known.get(name)
      if (!found && name === '-h') { help = true; continue }
      if (!found) throw wrong(`unknown shorthand flag: '${word[at]}' in ${word}`)
      if (found.option.isSwitch && !rest.startsWith('=')) { turn(found, name, undefined); continue }
      if (found.option.isSwitch) { turn(found, name, rest.slice(1)); return 0 }
      if (rest !== '') { assign(found, rest.startsWith('=') ? rest.slice(1) : rest); return 0 }
      assign(found, valueAfter(position, name))
      return 1
    }
    return 0
  }
  const isLong = (word: string): boolean => word.startsWith('--') || (singleDash && word.length > 2 && known.has(`-${word.split('=', 1)[0]}`))
  for (let position = 0; position < words.length; position++) {
    const word = words[position]!
    if (word === '--') { args.push(...words.slice(position + 1)); break }
    if (isLong(word)) position += long(word.replace(/^-?-/, '--'), position)
    else if (word.startsWith('-') && word !== '-') position += short(word, position)
    else if (spec.passThrough) { args.push(...words.slice(position)); break }
    else args.push(word)
  }
  return { assigned, args, switches, given, globals: globalValues, help }
}
