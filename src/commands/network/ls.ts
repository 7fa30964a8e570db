import { flag, list, text } from '../../cli/option.ts'
import { printListing } from '../../cli/report.ts'
import { defineCommand } from '../command.ts'
import { networkFilter, usedNetworks } from './network-filters.ts'
import { networkView } from './network-view.ts'

export const spec = defineCommand({
  name: 'ls',
  summary: 'List networks',
  options: {
    filter: list('-f, --filter <filter>', 'Show those that match: name, id, driver, label, until, dangling', { complete: 'networkFilter' }),
    format: text('--format <template>', 'json, or a Go template'),
    noTrunc: flag('--no-trunc', 'Show ids in full'),
    noheading: flag('-n, --noheading', 'Leave out the headings'),
    quiet: flag('-q, --quiet', 'Show names only'),
  },
  examples: ['network ls', 'network ls --filter driver=bridge'],
  async run({ options, out, engine: open }) {
    const engine = await open()
    const matches = networkFilter(options.filter, await usedNetworks(engine))
    const rows = (await (await engine.networks()).list()).filter(matches).sort((a, b) => Number(a.name > b.name) - Number(a.name < b.name))
    if (options.quiet) return out.write(rows.map(({ name }) => `${name}\n`).join(''))
    await printListing(out, {
      name: 'ls', rows, format: options.format, noHeading: options.noheading, view: (network) => networkView(network, { truncate: !options.noTrunc, listed: true }), json: (network) => networkView(network),
      headings: { ID: 'NETWORK ID' },
      columns: [
        { heading: 'NETWORK ID', cell: ({ id }) => (options.noTrunc ? id : id.slice(0, 12)) }, { heading: 'NAME', cell: ({ name }) => name }, { heading: 'DRIVER', cell: ({ driver }) => driver },
      ],
    })
  },
})
