// Man pages, of the tree that also prints --help.
import type { AnyCommand } from './command.ts'
import { toCommander } from './register.ts'
import type { Listed } from './help.ts'

/** roff of one command; `title` is `scow container ls`. */
export function commandManPage(spec: AnyCommand, title: string): string {
  const command = toCommander(spec, title)
  const help = command.createHelp()
  const page = title.replaceAll(' ', '-')
  const lines = [
    `.TH ${page.toUpperCase()} 1`, '.SH NAME', `${roff(page)} \\- ${roff(spec.summary)}`, '.SH SYNOPSIS', `\\fB${roff(help.commandUsage(command))}\\fR`,
    '.SH DESCRIPTION', roff(spec.description ?? spec.summary), '.SH OPTIONS',
    ...help.visibleOptions(command).flatMap((option) => ['.TP', `\\fB${roff(help.optionTerm(option))}\\fR`, roff(help.optionDescription(option))]),
    ...(spec.examples?.length ? ['.SH EXAMPLES', '.nf', ...spec.examples.map((line) => roff(`scow ${line}`)), '.fi'] : []),
    '.SH SEE ALSO', '\\fBscow\\fR(1)', '',
  ]
  return lines.join('\n')
}

/** roff of the program itself. */
export const programManPage = (about: string, commands: readonly Listed[], globals: readonly Listed[]): string => [
  '.TH SCOW 1', '.SH NAME', `scow \\- ${roff(about)}`, '.SH SYNOPSIS', '\\fBscow [options] <command>\\fR', '.SH OPTIONS',
  ...globals.flatMap(({ name, summary }) => ['.TP', `\\fB${roff(name)}\\fR`, roff(summary)]), '.SH COMMANDS',
  ...commands.flatMap(({ name, summary }) => ['.TP', `\\fBscow\\-${roff(name.replaceAll(' ', '-'))}\\fR(1)`, roff(summary)]), '',
].join('\n')

const roff = (text: string): string => text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replace(/^([.'])/gm, '\\&$1')
