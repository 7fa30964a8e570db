import { flag, list } from '../../cli/option.ts'
import { isFailure } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { confirm } from '../confirm.ts'
import { networkFilter, usedNetworks } from './network-filters.ts'

export const spec = defineCommand({
  name: 'prune',
  summary: 'Remove all networks that no container uses',
  options: { filter: list('--filter <filter>', 'Those that match: label, label!, until'), force: flag('-f, --force', 'Do not ask') },
  examples: ['network prune -f'],
  async run({ options, out, engine: open }) {
    const engine = await open()
    const used = await usedNetworks(engine)
    const matches = networkFilter(options.filter, used)
    if (!options.force && !await confirm(out, 'WARNING! This will remove all networks that no container uses.')) return
    const networks = await engine.networks()
    for (const network of await networks.list()) {
      if (used.has(network.name) || !matches(network)) continue
      try {
        out.line((await networks.remove(network.name)).name)
      } catch (error) {
        // the default network and those of other programs stay
        if (!isFailure(error, 'wrongState')) throw error
      }
    }
  },
})
