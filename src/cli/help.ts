// Help texts: of one command, of a group, of the program.
import type { AnyCommand } from './command.ts'
import { toCommander } from './register.ts'

export const commandHelp = (spec: AnyCommand, title: string): string => {
  let text = ''
  const command = toCommander(spec, title)
  command.configureOutput({ writeOut: (part) => { text += part } })
  command.outputHelp()
  return text
}

export interface Listed { readonly name: string; readonly summary: string }

export const overview = (title: string, about: string, commands: readonly Listed[], globals: readonly Listed[] = []): string => {
  const width = Math.max(...[...commands, ...globals].map(({ name }) => name.length))
  const rows = (list: readonly Listed[]) => list.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)
  return [
    `Usage: ${title} ${globals.length ? '[options] ' : ''}<command>`, '', about, '', 'Commands:', ...rows(commands),
    ...(globals.length ? ['', 'Options:', ...rows(globals)] : []), '',
  ].join('\n')
}
