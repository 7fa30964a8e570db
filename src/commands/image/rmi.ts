import { flag } from '../../cli/option.ts'
import type { Engine } from '../../engine/engine.ts'
import { removeImage } from '../../engine/remove-image.ts'
import { Failure, isFailure } from '../../errors.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { forEach, removalCode } from '../each.ts'
import { engineImages } from './source.ts'

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
  async run(call) {
    const { args, options, out } = call
    if (options.all && args.length > 0) throw new Failure('invalid', '--all and names exclude each other')
    const { images, removeImage: remove } = await openBackend(call, (engine) => ({ images: engineImages(engine), removeImage: (text, how) => removeHere(engine, text, how) }))
    const items = options.all ? (await images.list()).map(({ id }) => id) : args
    const failed = await forEach({
      items, out,
      act: async (text) => {
        try {
          const { untagged, removed } = await remove(text, options)
          for (const name of untagged) out.line(`Untagged: ${name}`)
          return removed === undefined ? undefined : `Deleted: ${removed}`
        } catch (error) {
          if ((options.ignore || options.force) && isFailure(error, 'notFound')) return undefined
          throw error
        }
      },
    })
    return removalCode(failed)
  },
})

/** With `all`, an image that nothing uses goes with all its names. */
async function removeHere(engine: Engine, text: string, { force, all }: { force: boolean; all: boolean }): ReturnType<typeof removeImage> {
  const users = all && !force ? await engine.state.images.users(text) : undefined
  return removeImage(engine, text, { force: force || (users !== undefined && users.containers.length === 0 && !users.busy) })
}
