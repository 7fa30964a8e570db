import { flag, list } from '../../cli/option.ts'
import { pruneImages } from '../../engine/prune.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { confirm } from '../confirm.ts'
import { imageFilter } from './image-filters.ts'
import { engineImages } from './source.ts'

export const spec = defineCommand({
  name: 'prune',
  summary: 'Remove images that no container uses',
  description: 'Remove images without a name that no container uses, and layers that nothing needs.',
  options: {
    all: flag('-a, --all', 'Images with a name too'),
    buildCache: flag('--build-cache', 'Accepted for compatibility: there is no build cache'),
    external: flag('--external', 'Accepted for compatibility'),
    filter: list('--filter <filter>', 'Those that match, as of images', { complete: 'imageFilter' }),
    force: flag('-f, --force', 'Do not ask'),
  },
  examples: ['image prune', 'image prune -a -f --filter until=240h'],
  async run(call) {
    const { options, out } = call
    const { images, pruneImages: prune } = await openBackend(call, (engine) => ({ images: engineImages(engine), pruneImages: async (how) => (await pruneImages(engine, how)).map(({ id }) => id) }))
    const chosen = await imageFilter(images, options.filter)
    const what = options.all ? 'all images that no container uses' : 'all images without a name that no container uses'
    if (!options.force && !await confirm(out, `WARNING! This will remove ${what}.`)) return
    for (const id of await prune({ all: options.all, chosen })) out.line(id)
  },
})
