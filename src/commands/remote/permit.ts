// Refuses, before anything is asked of a runtime, what a command cannot do there.
import type { AnyCommand, OptionSpec } from '../../cli/command.ts'
import { GLOBAL_FLAGS } from '../../cli/globals.ts'
import { longName, type Words } from '../../cli/words.ts'
import { Failure } from '../../errors.ts'
import { ABILITIES } from './abilities.ts'

export interface Asked {
  /** As the table of commands names it. */
  readonly file: string
  /** Such as `scow pause`. */
  readonly title: string
  readonly spec: AnyCommand
  readonly words: Words
  readonly globals: ReadonlyMap<string, string>
}

/** Global flags that mean something there too. */
const ANYWHERE: readonly string[] = ['--endpoint', '--log-level', '--debug', '--runtime']

/** @throws Failure unsupported: names the command or the flag, and what to use instead */
export function permit({ file, title, spec, words, globals }: Asked): void {
  const ability = ABILITIES[file]
  if (!ability || ability.kind === 'local') return
  if (ability.kind === 'no') throw new Failure('unsupported', `${title} cannot be done over the CRI (--endpoint)`, { hint: ability.instead! })
  for (const key of words.given) {
    const instead = ability.without?.[key]
    const option = spec.options[key] as OptionSpec<unknown>
    // a switch that is given as it is anyway asks for nothing
    if (instead === undefined || (option.isSwitch && words.switches.get(key) === option.initial)) continue
    throw new Failure('unsupported', `--${longName(option)} cannot be expressed over the CRI (--endpoint)`, { hint: instead })
  }
  const ours = GLOBAL_FLAGS.find(({ flags, summary }) => globals.has(flags) && !ANYWHERE.includes(flags) && !summary.startsWith('Accepted for compatibility'))
  if (ours) throw new Failure('unsupported', `${ours.flags} is about this machine's own engine and does nothing with --endpoint`, { hint: 'drop one of them' })
}
