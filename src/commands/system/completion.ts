import { SHELLS, completionScript } from '../../cli/completion-scripts.ts'
import { Failure } from '../../errors.ts'
import { defineCommand } from '../command.ts'

export const spec = defineCommand({
  name: 'completion',
  summary: 'Print the completion script of a shell: bash, zsh or fish',
  args: [{ name: 'shell', arity: 'one' }],
  options: {},
  examples: ['completion bash > /etc/bash_completion.d/scow', 'completion zsh > "${fpath[1]}/_scow"', 'completion fish > ~/.config/fish/completions/scow.fish'],
  async run({ args, out, globals }) {
    const shell = SHELLS.find((known) => known === args[0])
    if (!shell) throw new Failure('invalid', `there is no completion for "${args[0]}"`, { hint: `use one of ${SHELLS.join(', ')}` })
    out.write(completionScript(shell, globals.get('--called') === 'crictl' ? 'crictl' : 'scow'))
  },
})
