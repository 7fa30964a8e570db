import { isFailure } from '../../errors.ts'
import { defineCommand } from '../command.ts'

export const spec = defineCommand({
  name: 'exists',
  summary: 'Say by the exit code whether a network exists: 0 yes, 1 no',
  args: [{ name: 'network', arity: 'one', complete: 'network' }],
  options: {},
  examples: ['network exists backend'],
  async run({ args, engine }) {
    try {
      await (await (await engine()).networks()).get(args[0]!)
      return 0
    } catch (error) {
      if (isFailure(error, 'notFound')) return 1
      throw error
    }
  },
})
