// The only importer of commander: makes a commander command of a spec, for its help and its man page. The values of options are
// read without it (option-values.ts): loading it and registering the hundred flags of `run` took 8 ms of every start.
import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import type { AnyCommand, ArgumentSpec, OptionSpec } from './command.ts'
import { longName } from './words.ts'

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

export const placeholder = ({ name, arity }: ArgumentSpec): string =>
  ({ one: `<${name}>`, optional: `[${name}]`, some: `<${name}...>`, many: `[${name}...]`, words: `[${name}...]` })[arity]

function toOption(key: string, spec: OptionSpec<any>): Option {
  const option = new Option(spec.flags, spec.refused ? `${spec.summary} (not supported yet)` : spec.summary)
  // commander would read --no-trunc as the opposite of --trunc
  option.negate = false
  if (spec.initial === true) option.default(true)
  if (option.attributeName() !== key) throw new InvalidArgumentError(`option key "${key}" does not match --${longName(spec)}`)
  if (spec.values) option.argChoices = [...spec.values]
  return option
}
