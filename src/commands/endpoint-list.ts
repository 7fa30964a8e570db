// The part of docs/cri.md that says what each command does with --endpoint.
import type { OptionSpec } from '../cli/command.ts'
import { longName } from '../cli/words.ts'
import { ALL } from './all.ts'
import { ABILITIES } from './remote/abilities.ts'
import { MOUNTS } from './table.ts'

const BEGIN = '<!-- made by `node src/commands/generate.ts`; edit src/commands/remote/abilities.ts -->'
const END = '<!-- until here -->'

/** The page with the list between its marks made anew. */
export function withEndpointList(page: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (from < 0 || to < from) throw new Error('docs/cri.md has lost the marks of its generated list')
  return `${page.slice(0, from)}${BEGIN}\n${endpointList().join('\n')}\n${page.slice(to)}`
}

const cell = (text: string): string => text.replaceAll('|', '\\|')

function endpointList(): string[] {
  const commands = MOUNTS.flatMap(({ file, names }) => (ABILITIES[file] && ALL[file] && !ALL[file].hidden ? [{ file, name: names[0]!, ...ABILITIES[file] }] : []))
  const able = commands.filter(({ kind }) => kind === 'yes')
  const refused = Map.groupBy(commands.filter(({ kind }) => kind === 'no'), ({ instead }) => instead!)
  return [
    '| command | what to know |', '|---|---|',
    ...able.map(({ name, note = 'as here' }) => `| \`${name}\` | ${cell(note)} |`), '',
    'Flags that end with one line and exit code 125, since the CRI cannot express them:', '', '| command | flags | instead |', '|---|---|---|', ...able.flatMap(({ file, name, without = {} }) => flagRows(file, name, without)), '',
    'Commands that end so:', '', '| command | instead |', '|---|---|', ...[...refused].map(([instead, of]) => `| ${of.map(({ name }) => `\`${name}\``).join(', ')} | ${cell(instead)} |`),
  ]
}

/** `create` has the flags of `run`. */
function flagRows(file: string, name: string, without: Readonly<Record<string, string>>): string[] {
  if (file === 'container/create') return Object.keys(without).length > 0 ? ['| `create` | as `run` | |'] : []
  const options = ALL[file]!.options as Readonly<Record<string, OptionSpec<unknown>>>
  const groups = Map.groupBy(Object.keys(without).filter((key) => options[key]), (key) => without[key]!)
  return [...groups].map(([instead, keys]) => `| \`${name}\` | ${keys.map((key) => `\`--${longName(options[key]!)}\``).join(', ')} | ${cell(instead)} |`)
}
