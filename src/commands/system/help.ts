import { commandHelp, overview } from '../../cli/help.ts'
import { Failure } from '../../errors.ts'
import { ALL } from '../all.ts'
import { defineCommand } from '../command.ts'
import { ABOUT, criFlags, globalFlags, groupCommands, topCommands } from '../overview.ts'
import { GROUPS, MOUNTS } from '../table.ts'

export const spec = defineCommand({
  name: 'help',
  summary: 'Show help',
  args: [{ name: 'command', arity: 'words' }],
  passThrough: true,
  options: {},
  async run({ args, out, globals }) {
    const titled = (words: string): string => (globals.get('--called') === 'crictl' ? words.replace(/^cri/, 'crictl') : `scow ${words}`)
    const words = args.filter((word) => !word.startsWith('-'))
    if (words.length === 0) return out.write(overview('scow', ABOUT, topCommands(), globalFlags()))
    const name = words.slice(0, 2).join(' ')
    const mount = MOUNTS.find(({ names }) => names.includes(name)) ?? MOUNTS.find(({ names }) => names.includes(words[0]!))
    if (mount && ALL[mount.file]) return out.write(commandHelp(ALL[mount.file]!, titled(mount.names.includes(name) ? name : words[0]!)))
    const group = words[0]!
    if (!(group in GROUPS)) throw new Failure('invalid', `unrecognized command 'scow ${name}'`, { hint: "see 'scow --help'" })
    out.write(overview(titled(group), GROUPS[group]!, groupCommands(group), group === 'cri' ? criFlags() : []))
  },
})
