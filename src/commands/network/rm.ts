import { flag, integer } from '../../cli/option.ts'
import { removeContainer } from '../../engine/remove-container.ts'
import { Failure, isFailure } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { forEach, removalCode } from '../each.ts'
import { usedNetworks } from './network-filters.ts'

export const spec = defineCommand({
  name: 'rm',
  summary: 'Remove networks',
  args: [{ name: 'network', arity: 'some', complete: 'network' }],
  options: { force: flag('-f, --force', 'Remove the containers that use it first'), time: integer('-t, --time <seconds>', 'With --force: seconds before SIGKILL') },
  examples: ['network rm backend'],
  async run({ args, options, out, engine: open }) {
    const engine = await open()
    const networks = await engine.networks()
    const failed = await forEach({
      items: args, out,
      act: async (typed) => {
        try {
          const { name } = await networks.get(typed)
          const users = (await usedNetworks(engine)).get(name) ?? []
          if (users.length > 0 && !options.force) throw new Failure('inUse', `network ${name} is used by container ${users.join(', ')}`, { hint: 'remove it first, or both with --force' })
          for (const user of users) {
            const { id } = await engine.state.containers.find(user)
            await removeContainer(engine, id, { force: true, ...(options.time === undefined ? {} : { stopTimeoutSeconds: options.time }) })
          }
          await networks.remove(name)
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
