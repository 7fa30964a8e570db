import { flag, list } from '../../cli/option.ts'
import { pruneNetworks } from '../../engine/remove-network.ts'
import { defineCommand } from '../command.ts'
import { confirm } from '../confirm.ts'
import { networkFilter, usedNetworks } from './network-filters.ts'

export const spec = defineCommand({
  name: 'prune',
  summary: 'Remove all networks that no container uses',
  options: { filter: list('--filter <filter>', 'Those that match: label, label!, until', { complete: 'networkFilter' }), force: flag('-f, --force', 'Do not ask') },
  examples: ['network prune -f'],
  async run({ options, out, engine: open }) {
    const engine = await open()
    const matches = networkFilter(options.filter, await usedNetworks(engine))
    if (!options.force && !await confirm(out, 'WARNING! This will remove all networks that no container uses.')) return
    for (const name of await pruneNetworks(engine, matches)) out.line(name)
  },
})
