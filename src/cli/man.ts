// Man pages, of the tree that also prints --help.
import type { AnyCommand } from './command.ts'
import { toCommander } from './register.ts'
import type { Listed } from './help.ts'

/** A part of a page that does not follow from flags. */
export interface ManSection {
  /** In capitals, as man pages have it. */
  readonly heading: string
  readonly text?: string
  /** Of templates. */
  readonly fields?: readonly string[]
  /** Words and what they mean. */
  readonly terms?: readonly (readonly [term: string, meaning: string])[]
}

/** roff of one command; `title` is `scow container ls`. */
export function commandManPage(spec: AnyCommand, title: string, sections: readonly ManSection[] = []): string {
  const command = toCommander(spec, title)
  const help = command.createHelp()
  const page = title.replaceAll(' ', '-')
  const lines = [
    `.TH ${page.toUpperCase()} 1`, '.SH NAME', `${roff(page)} \\- ${roff(spec.summary)}`, '.SH SYNOPSIS', `\\fB${roff(help.commandUsage(command))}\\fR`,
    '.SH DESCRIPTION', roff(spec.description ?? spec.summary), '.SH OPTIONS',
    ...help.visibleOptions(command).flatMap((option) => ['.TP', `\\fB${roff(help.optionTerm(option))}\\fR`, roff(help.optionDescription(option))]),
    ...sections.flatMap(sectionLines),
    ...(spec.examples?.length ? ['.SH EXAMPLES', '.nf', ...spec.examples.map((line) => roff(`scow ${line}`)), '.fi'] : []),
    '.SH SEE ALSO', '\\fBscow\\fR(1)', '',
  ]
  return lines.join('\n')
}

/** roff of the program itself. */
export const programManPage = (about: string, commands: readonly Listed[], { globals, sections }: { globals: readonly Listed[]; sections: readonly ManSection[] }): string => [
  '.TH SCOW 1', '.SH NAME', `scow \\- ${roff(about)}`, '.SH SYNOPSIS', '\\fBscow [options] <command>\\fR', '.SH OPTIONS',
  ...globals.flatMap(({ name, summary }) => ['.TP', `\\fB${roff(name)}\\fR`, roff(summary)]), '.SH COMMANDS',
  ...commands.flatMap(({ name, summary }) => ['.TP', `\\fBscow\\-${roff(name.replaceAll(' ', '-'))}\\fR(1)`, roff(summary)]),
  ...sections.flatMap(sectionLines), '',
].join('\n')

const sectionLines = ({ heading, text, fields, terms }: ManSection): string[] => [
  `.SH ${heading}`, ...(text ? [roff(text)] : []), ...(fields ? ['.PP', roff(`${fields.join(', ')}.`)] : []),
  ...(terms ?? []).flatMap(([term, meaning]) => ['.TP', `\\fB${roff(term)}\\fR`, roff(meaning)]),
]

const roff = (text: string): string => text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replace(/^([.'])/gm, '\\&$1')
