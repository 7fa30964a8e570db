import { renameContainer } from '../../engine/rename-container.ts'
import { defineCommand } from '../command.ts'

export const spec = defineCommand({
  name: 'rename',
  summary: 'Give a container another name',
  args: [{ name: 'container', arity: 'one', complete: 'container' }, { name: 'name', arity: 'one' }],
  options: {},
  examples: ['rename web old-web'],
  async run({ args, engine }) {
    await renameContainer(await engine(), args[0]!, args[1]!)
  },
})
