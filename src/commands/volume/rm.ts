import { flag, patience } from '../../cli/option.ts'
import { removeVolume } from '../../engine/remove-volume.ts'
import { Failure, isFailure } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { forEach, removalCode } from '../each.ts'

export const spec = defineCommand({
  name: 'rm',
  summary: 'Remove volumes',
  args: [{ name: 'volume', arity: 'some', complete: 'volume' }],
  argsOptionalWith: ['all'],
  options: {
    all: flag('-a, --all', 'Every volume'),
    force: flag('-f, --force', 'Remove the containers that use it first; a missing volume is no error'),
    time: patience('-t, --time <seconds>', 'With --force: seconds before SIGKILL'),
  },
  examples: ['volume rm data', 'volume rm --all'],
  async run({ args, options, out, engine: open }) {
    if (options.all && args.length > 0) throw new Failure('invalid', '--all and names exclude each other')
    const engine = await open()
    const items = options.all ? (await engine.state.volumes.list()).map(({ name }) => name) : args
    const failed = await forEach({
      items, out,
      act: async (typed) => {
        try {
          return await removeVolume(engine, typed, { force: options.force, ...(options.time === undefined ? {} : { stopTimeoutSeconds: options.time }) })
        } catch (error) {
          if (options.force && isFailure(error, 'notFound')) return undefined
          throw error
        }
      },
    })
    return removalCode(failed)
  },
})
