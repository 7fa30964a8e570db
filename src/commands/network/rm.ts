import { flag, patience } from '../../cli/option.ts'
import { removeNetwork } from '../../engine/remove-network.ts'
import { isFailure } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { forEach, removalCode } from '../each.ts'

export const spec = defineCommand({
  name: 'rm',
  summary: 'Remove networks',
  args: [{ name: 'network', arity: 'some', complete: 'network' }],
  options: { force: flag('-f, --force', 'Remove the containers that use it first'), time: patience('-t, --time <seconds>', 'With --force: seconds before SIGKILL') },
  examples: ['network rm backend'],
  async run({ args, options, out, engine: open }) {
    const engine = await open()
    const failed = await forEach({
      items: args, out,
      act: async (typed) => {
        try {
          await removeNetwork(engine, typed, { force: options.force, ...(options.time === undefined ? {} : { stopTimeoutSeconds: options.time }) })
          return typed
        } catch (error) {
          if (options.force && isFailure(error, 'notFound')) return undefined
          throw error
        }
      },
    })
    return removalCode(failed)
  },
})
