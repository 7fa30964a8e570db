import { flag, list } from '../../cli/option.ts'
import { listContainers } from '../../engine/list-containers.ts'
import { pruneContainers } from '../../engine/prune.ts'
import { Failure } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { confirm } from '../confirm.ts'
import { splitFilter } from '../filter.ts'
import { containerFilter } from './container-filters.ts'

export const spec = defineCommand({
  name: 'prune',
  summary: 'Remove all containers that do not run',
  options: { filter: list('--filter <filter>', 'Those that match: label, label!, until'), force: flag('-f, --force', 'Do not ask') },
  examples: ['container prune', 'container prune -f --filter until=24h'],
  async run({ options, out, engine: open }) {
    for (const text of options.filter) {
      const { key } = splitFilter(text)
      if (!/^(label!?|until)$/.test(key)) throw new Failure('invalid', `invalid filter "${text}": unknown key "${key}"`, { hint: 'use label, label! or until' })
    }
    const engine = await open()
    const matches = await containerFilter(engine, await listContainers(engine), options.filter)
    if (!options.force && !await confirm(out, 'WARNING! This will remove all containers that do not run.')) return
    for (const { id } of await pruneContainers(engine, (row) => row.podId === undefined && matches(row))) out.line(id)
  },
})
