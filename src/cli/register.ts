// The only importer of commander: makes a commander command of a spec, for its help and for the values of its options.
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { Failure } from '../errors.ts'
import type { AnyCommand, ArgumentSpec, OptionSpec } from './command.ts'
import { longName, type Words } from './words.ts'

/** `title` is the whole name, such as `scow container ls`. */
export function toCommander(spec: AnyCommand, title: string): Command {
  const command = new Command(title).description(spec.description ?? spec.summary).exitOverride()
  command.configureOutput({ writeErr: () => {} })
  for (const argument of spec.args ?? []) command.addArgument(new Argument(placeholder(argument)))
  for (const [key, option] of Object.entries(spec.options as Record<string, OptionSpec<any>>)) command.addOption(toOption(key, option))
  const short = Object.values(spec.options as Record<string, OptionSpec<any>>).some(({ flags }) => flags.startsWith('-h,'))
  command.helpOption(short ? '--help' : '-h, --help', 'Show this help')
  if (spec.passThrough) command.passThroughOptions()
  if (spec.examples?.length) command.addHelpText('after', `\nExamples:\n${spec.examples.map((line) => `  scow ${line}`).join('\n')}`)
  return command
}

/** The values of all options by key, for words that `readWords` accepted. @throws Failure invalid */
export function readOptions(spec: AnyCommand, words: Words, title: string): Record<string, unknown> {
  const command = toCommander(spec, title).allowExcessArguments().action(() => {})
  command.parseOptions(checked(command, words.canonical, title))
  const values: Record<string, unknown> = {}
  for (const [key, { initial }] of Object.entries(spec.options as Record<string, OptionSpec<any>>)) values[key] = words.switches.get(key) ?? command.getOptionValue(key) ?? initial
  return values
}

function checked(command: Command, canonical: readonly string[], title: string): string[] {
  for (const option of command.options) {
    const parse = option.parseArg
    if (!parse) continue
    option.argParser((value: string, previous: unknown) => {
      try {
        return parse(value, previous as never)
      } catch (error) {
        if (error instanceof Failure || error instanceof CommanderError) throw error
        throw new Failure('invalid', `invalid argument "${value}" for ${option.long}: ${(error as Error).message}`, { hint: `see '${title} --help'` })
      }
    })
  }
  return [...canonical]
}

export const placeholder = ({ name, arity }: ArgumentSpec): string =>
  ({ one: `<${name}>`, optional: `[${name}]`, some: `<${name}...>`, many: `[${name}...]`, words: `[${name}...]` })[arity]

function toOption(key: string, spec: OptionSpec<any>): Option {
  const option = new Option(spec.flags, spec.refused ? `${spec.summary} (not supported yet)` : spec.summary)
  // commander would read --no-trunc as the opposite of --trunc
  option.negate = false
  if (spec.initial === true) option.default(true)
  if (!spec.isSwitch) option.argParser((value: string, previous: unknown) => spec.parse(value, previous ?? spec.initial))
  if (option.attributeName() !== key) throw new InvalidArgumentError(`option key "${key}" does not match --${longName(spec)}`)
  if (spec.values) option.argChoices = [...spec.values]
  return option
}
