import { commaList, count, flag, integer, oneOf, text } from '../../cli/option.ts'
import { printListing, type Column } from '../../cli/report.ts'
import { Failure } from '../../errors.ts'
import { openBackend } from '../backend.ts'
import { defineCommand, type Call } from '../command.ts'
import { splitFilter } from '../filter.ts'
import { containerFilter } from './container-filters.ts'
import { portsText } from './ports-text.ts'
import { PS_HEADINGS, commandText, createdText, idText, psJson, psView, sizeText, statusText, type Shown } from './ps-view.ts'
import type { Row } from './row.ts'
import { engineContainers, type ContainerSource } from './source.ts'

const SORTS = ['command', 'created', 'id', 'image', 'names', 'runningfor', 'size', 'status'] as const

const options = {
  all: flag('-a, --all', 'Show containers that do not run too'),
  external: flag('--external', 'Show containers of the kubelet too; so does --pod'),
  filter: commaList('-f, --filter <filter>', 'Show those that match: id, name, label, status, ancestor, ...', { complete: 'containerFilter' }),
  format: text('--format <template>', 'json, or a Go template'),
  last: integer('-n, --last <number>', 'Show the last created so many'),
  latest: flag('-l, --latest', 'Show the last created one'),
  namespace: flag('--ns, --namespace', 'Show namespaces'),
  noTrunc: flag('--no-trunc', 'Show ids and commands in full'),
  noheading: flag('--noheading', 'Leave out the headings'),
  pod: flag('-p, --pod', 'Show the pod of each, those of the kubelet too'),
  quiet: flag('-q, --quiet', 'Show ids only'),
  size: flag('-s, --size', 'Show sizes'),
  sort: oneOf('--sort <column>', 'Sort by a column', SORTS),
  sync: flag('--sync', 'Accepted for compatibility: the state is always true'),
  watch: count('-w, --watch <seconds>', 'Show again every so many seconds'),
}
type PsCall = Call<typeof options>

export const spec = defineCommand({
  name: 'ps',
  summary: 'List containers',
  options,
  examples: ['ps -a', 'ps --filter status=exited --format "{{.Names}} {{.Status}}"', 'ps -a --format json'],
  async run(call) {
    const { options: { quiet, format, watch, last, latest }, out } = call
    if (quiet && format !== undefined) throw new Failure('invalid', '--quiet and --format exclude each other')
    if (latest && last !== undefined) throw new Failure('invalid', '--latest and --last exclude each other')
    const { containers } = await openBackend(call, (engine) => ({ containers: engineContainers(engine) }))
    await show(call, containers)
    while (watch !== undefined && watch > 0 && !call.interrupt.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, watch * 1000))
      if (out.isTerminal) out.write('\x1b[H\x1b[2J')
      await show(call, containers)
    }
  },
})

async function show({ options, out }: PsCall, source: ContainerSource): Promise<void> {
  const chosen = await select(source, options)
  const rows = options.quiet && options.sort === undefined ? chosen : await source.complete(chosen)
  const nowMs = Date.now()
  const shown: Shown[] = []
  for (const row of rows) shown.push({ row, nowMs, truncate: !options.noTrunc, ...(await extras(source, row, options)) })
  const sorted = sortRows(shown, options.sort)
  if (options.quiet) return out.write(sorted.map((one) => `${idText(one)}\n`).join(''))
  await printListing(out, {
    name: 'ps', rows: sorted, columns: options.namespace ? NAMESPACE_COLUMNS : columns(options), view: psView, json: psJson,
    headings: PS_HEADINGS, noHeading: options.noheading, format: options.format,
  })
}

/** Filters that look at what only a container's status tells. */
const OF_THE_STATUS = /^(exited|command|volume)$/

async function select(source: ContainerSource, options: PsCall['options']): Promise<Row[]> {
  const { filter: texts } = options
  const listed = await source.list()
  const all = texts.some((text) => OF_THE_STATUS.test(splitFilter(text).key)) ? await source.complete(listed) : listed
  const matches = await containerFilter(source, all, texts)
  const byStatus = texts.some((text) => /^(status|exited)=/.test(text))
  const last = options.latest ? 1 : options.last !== undefined && options.last > 0 ? options.last : undefined
  const ofPods = options.external || options.pod || source.ownsAll || texts.some((text) => text.startsWith('pod='))
  const own = all.filter(({ podId }) => ofPods || podId === undefined)
  if (last !== undefined) return own.filter(matches).slice(-last)
  return own.filter((row) => (options.all || byStatus || row.phase === 'running' || row.phase === 'paused') && matches(row))
}

async function extras(source: ContainerSource, row: Row, { size, namespace }: PsCall['options']): Promise<Partial<Shown>> {
  return { ...(size ? { size: await source.size(row) } : {}), ...(namespace ? { namespaces: (await import('./ps-extras.ts')).namespaceIds(row) } : {}) }
}

const columns = ({ size, pod }: PsCall['options']): Column<Shown>[] => [
  { heading: 'CONTAINER ID', cell: idText },
  { heading: 'IMAGE', cell: ({ row }) => row.summary.imageName },
  { heading: 'COMMAND', cell: commandText },
  { heading: 'CREATED', cell: createdText },
  { heading: 'STATUS', cell: statusText },
  { heading: 'PORTS', cell: ({ row }) => portsText(row) },
  { heading: 'NAMES', cell: ({ row }) => row.name },
  ...(pod ? [{ heading: 'POD ID', cell: ({ row }: Shown) => row.podId?.slice(0, 12) ?? '' }, { heading: 'PODNAME', cell: ({ row }: Shown) => row.summary.pod ?? '' }] : []),
  ...(size ? [{ heading: 'SIZE', cell: sizeText }] : []),
]

const namespaceColumn = (heading: string, kind: string): Column<Shown> => ({ heading, cell: ({ namespaces }) => namespaces?.[kind] ?? '' })
const NAMESPACE_COLUMNS: readonly Column<Shown>[] = [
  { heading: 'CONTAINER ID', cell: idText }, { heading: 'NAMES', cell: ({ row }) => row.name }, { heading: 'PID', cell: ({ row }) => String(row.status.process?.pid ?? 0) },
  namespaceColumn('CGROUPNS', 'cgroup'), namespaceColumn('IPC', 'ipc'), namespaceColumn('MNT', 'mnt'), namespaceColumn('NET', 'net'),
  namespaceColumn('PIDNS', 'pid'), namespaceColumn('USERNS', 'user'), namespaceColumn('UTS', 'uts'),
]

function sortRows(rows: readonly Shown[], by: (typeof SORTS)[number] | undefined): Shown[] {
  const key = (one: Shown): string | number => {
    switch (by) {
      case 'command': return one.row.summary.command.join(' ')
      case 'id': return one.row.id
      case 'image': return one.row.summary.imageName
      case 'names': return one.row.name
      case 'runningfor': return one.row.status.startedAtMs ?? 0
      case 'size': return one.size?.rootfs ?? 0
      case 'status': return one.row.phase
      default: return 0
    }
  }
  if (by === undefined || by === 'created') return [...rows]
  return [...rows].sort((a, b) => Number(key(a) > key(b)) - Number(key(a) < key(b)))
}
