import { flag } from '../../cli/option.ts'
import { removeImage } from '../../engine/remove-image.ts'
import { Failure, isFailure } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { forEach, removalCode } from '../each.ts'

export const spec = defineCommand({
  name: 'rmi',
  summary: 'Remove images',
  args: [{ name: 'image', arity: 'some', complete: 'image' }],
  argsOptionalWith: ['all'],
  options: {
    all: flag('-a, --all', 'Every image'),
    force: flag('-f, --force', 'Remove its containers and all its names too'),
    ignore: flag('-i, --ignore', 'A missing image is no error'),
    noPrune: flag('--no-prune', 'Accepted for compatibility: layers in use always stay'),
  },
  examples: ['rmi debian:12', 'rmi --all --force'],
  async run({ args, options, out, engine: open }) {
    if (options.all && args.length > 0) throw new Failure('invalid', '--all and names exclude each other')
    const engine = await open()
    const items = options.all ? (await engine.state.images.list()).map(({ id }) => id) : args
    const failed = await forEach({
      items, out,
      act: async (text) => {
        try {
          const { untagged, removed } = await removeImage(engine, text, { force: options.force || (options.all && !(await inUse(text))) })
          for (const name of untagged) out.line(`Untagged: ${name}`)
          return removed === undefined ? undefined : `Deleted: ${removed}`
        } catch (error) {
          if ((options.ignore || options.force) && isFailure(error, 'notFound')) return undefined
          throw error
        }
      },
    })
    return removalCode(failed)

    async function inUse(id: string): Promise<boolean> {
      const { containers, busy } = await engine.state.images.users(id)
      return containers.length > 0 || busy
    }
  },
})
