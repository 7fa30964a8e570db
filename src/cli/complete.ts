// What may stand at the end of a command line. The shells' scripts only print what this returns.
import type { AnyCommand, CompletionKind, OptionSpec } from './command.ts'

export interface Completable {
  /** Every name it is called by, such as `container ls`. */
  readonly names: readonly string[]
  readonly spec: AnyCommand
}

export interface CompletionSource {
  readonly commands: readonly Completable[]
  readonly groups: readonly string[]
  /** Global flags: true when they take a value. */
  readonly globals: ReadonlyMap<string, boolean>
  /** Names of things of a kind; may be empty. */
  readonly lookUp: (kind: CompletionKind) => Promise<readonly string[]>
}

/** `words`: what stands after the program's name; the last one is what is being typed. */
export async function complete(words: readonly string[], source: CompletionSource): Promise<string[]> {
  const partial = words.at(-1) ?? ''
  const before = afterGlobals(words.slice(0, -1), source.globals)
  if (before === undefined) return []
  const found = findCommand(before, source.commands)
  if (!found) return matching(firstWords(before, source), partial)
  const { command, rest } = found
  return matching(await candidates(command.spec, { rest, partial, source }), partial)
}

const matching = (texts: readonly string[], partial: string): string[] => [...new Set(texts)].filter((text) => text.startsWith(partial)).sort()

/** Undefined where the value of a global flag is being typed. */
function afterGlobals(words: readonly string[], globals: ReadonlyMap<string, boolean>): readonly string[] | undefined {
  let at = 0
  while (at < words.length && words[at]!.startsWith('-')) at += globals.get(words[at]!) ? 2 : 1
  return at > words.length ? undefined : words.slice(at)
}

function firstWords([group, more]: readonly string[], { commands, groups, globals }: CompletionSource): string[] {
  const shown = commands.filter(({ spec }) => !spec.hidden).flatMap(({ names }) => names)
  if (group === undefined) return [...shown.filter((name) => !name.includes(' ')), ...groups, ...globals.keys()]
  return more === undefined ? shown.filter((name) => name.startsWith(`${group} `)).map((name) => name.slice(group.length + 1)) : []
}

function findCommand(words: readonly string[], commands: readonly Completable[]): { command: Completable; rest: readonly string[] } | undefined {
  for (const length of [2, 1]) {
    const name = words.slice(0, length).join(' ')
    const command = words.length >= length ? commands.find(({ names }) => names.includes(name)) : undefined
    if (command) return { command, rest: words.slice(length) }
  }
  return undefined
}

interface Place { readonly rest: readonly string[]; readonly partial: string; readonly source: CompletionSource }

async function candidates(spec: AnyCommand, { rest, partial, source }: Place): Promise<readonly string[]> {
  const options = Object.values(spec.options as Record<string, OptionSpec<any>>)
  const withValue = options.find((option) => !option.isSwitch && flagNames(option).includes(rest.at(-1) ?? ''))
  if (withValue) return valuesOf(withValue, source)
  const equals = /^(--[\w-]+)=/.exec(partial)
  if (equals) {
    const option = options.find((one) => flagNames(one).includes(equals[1]!))
    return option ? (await valuesOf(option, source)).map((value) => `${equals[1]}=${value}`) : []
  }
  if (partial.startsWith('-')) return options.filter(({ refused }) => !refused).flatMap(flagNames)
  const used = countArguments(rest, options)
  const args = spec.args ?? []
  const argument = args[used] ?? args.at(-1)
  if (!argument || (used >= args.length && (argument.arity === 'one' || argument.arity === 'optional'))) return []
  if (!argument.complete || argument.complete === 'file' || argument.complete === 'directory' || argument.complete === 'command') return []
  return (await source.lookUp(argument.complete)).filter((name) => !rest.includes(name))
}

const valuesOf = async (option: OptionSpec<any>, { lookUp }: CompletionSource): Promise<readonly string[]> =>
  option.values ?? [...option.offers ?? [], ...(option.complete ? await lookUp(option.complete) : [])]

const flagNames = (option: OptionSpec<any>): string[] => option.flags.match(/(?<![\w-])--?[\w-]+/g) ?? []

function countArguments(words: readonly string[], options: readonly OptionSpec<any>[]): number {
  let count = 0
  for (let at = 0; at < words.length; at++) {
    if (!words[at]!.startsWith('-')) count++
    else if (options.some((option) => !option.isSwitch && flagNames(option).includes(words[at]!))) at++
  }
  return count
}
