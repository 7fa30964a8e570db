import { flag, list } from '../../cli/option.ts'
import { pruneContainers } from '../../engine/prune.ts'
import { Failure } from '../../errors.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { confirm } from '../confirm.ts'
import { splitFilter } from '../filter.ts'
import { containerFilter } from './container-filters.ts'
import { engineContainers } from './source.ts'

export const spec = defineCommand({
  name: 'prune',
  summary: 'Remove all containers that do not run',
  options: { filter: list('--filter <filter>', 'Those that match: label, label!, until', { offers: ['label=', 'label!=', 'until='] }), force: flag('-f, --force', 'Do not ask') },
  examples: ['container prune', 'container prune -f --filter until=24h'],
  async run(call) {
    const { options, out } = call
    for (const text of options.filter) {
      const { key } = splitFilter(text)
      if (!/^(label!?|until)$/.test(key)) throw new Failure('invalid', `invalid filter "${text}": unknown key "${key}"`, { hint: 'use label, label! or until' })
    }
    const { containers, prune } = await openBackend(call, (engine) => ({
      containers: engineContainers(engine), prune: async (chosen) => (await pruneContainers(engine, (row) => row.podId === undefined && chosen(row))).map(({ id }) => id),
    }))
    const matches = await containerFilter(containers, await containers.list(), options.filter)
    if (!options.force && !await confirm(out, 'WARNING! This will remove all containers that do not run.')) return
    for (const id of await prune(matches)) out.line(id)
  },
})
