import { flag, list, text } from '../../cli/option.ts'
import { printListing } from '../../cli/report.ts'
import { Failure } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { volumeFilter } from './volume-filters.ts'
import { volumeView } from './volume-view.ts'

export const spec = defineCommand({
  name: 'ls',
  summary: 'List volumes',
  options: {
    filter: list('-f, --filter <filter>', 'Show those that match: name, label, driver, opt, until, dangling, ...', { complete: 'volumeFilter' }),
    format: text('--format <template>', 'json, or a Go template'),
    noheading: flag('-n, --noheading', 'Leave out the headings'),
    quiet: flag('-q, --quiet', 'Show names only'),
  },
  examples: ['volume ls', 'volume ls --filter dangling=true -q'],
  async run({ options, out, engine: open }) {
    if (options.quiet && options.format !== undefined) throw new Failure('invalid', '--quiet and --format exclude each other')
    const { state } = await open()
    const all = await state.volumes.list()
    const rows = all.filter(volumeFilter(options.filter, { all, used: new Set(await state.volumes.used()) }))
    if (options.quiet) return out.write(rows.map(({ name }) => `${name}\n`).join(''))
    await printListing(out, {
      name: 'ls', rows, format: options.format, noHeading: options.noheading, view: (volume) => volumeView(volume, 0), headings: { Name: 'VOLUME NAME' },
      columns: [{ heading: 'DRIVER', cell: ({ driver }) => driver }, { heading: 'VOLUME NAME', cell: ({ name }) => name }],
    })
  },
})
