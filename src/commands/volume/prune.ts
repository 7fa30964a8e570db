import { flag, list } from '../../cli/option.ts'
import { pruneVolumes } from '../../engine/prune.ts'
import { defineCommand } from '../command.ts'
import { confirm } from '../confirm.ts'
import { volumeFilter } from './volume-filters.ts'

export const spec = defineCommand({
  name: 'prune',
  summary: 'Remove all volumes that no container uses',
  options: { filter: list('--filter <filter>', 'Those that match, as of volume ls', { complete: 'volumeFilter' }), force: flag('-f, --force', 'Do not ask') },
  examples: ['volume prune', 'volume prune -f --filter label=temporary'],
  async run({ options, out, engine: open }) {
    const engine = await open()
    const matches = volumeFilter(options.filter, { all: await engine.state.volumes.list(), used: new Set(await engine.state.volumes.used()) })
    if (!options.force && !await confirm(out, 'WARNING! This will remove all volumes that no container uses, with what is in them.')) return
    for (const name of await pruneVolumes(engine, matches)) out.line(name)
  },
})
