import { humanDuration } from '../../cli/human.ts'
import { flag, list, oneOf, text } from '../../cli/option.ts'
import { printListing, type Column } from '../../cli/report.ts'
import { GoTime, mapOrNil, struct } from '../../cli/template/values.ts'
import { Failure } from '../../errors.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { compileFilters, hasLabel, pattern } from '../filter.ts'
import { enginePods, podStatus, type PodRow } from './pod-row.ts'
import { until } from '../until.ts'

const SORTS = ['created', 'id', 'name', 'number', 'status'] as const

export const spec = defineCommand({
  name: 'ps',
  summary: 'List pods',
  description: 'List pods: those of the kubelet, since the command line makes none yet.',
  options: {
    ctrIds: flag('--ctr-ids', 'Show the ids of its containers'),
    ctrNames: flag('--ctr-names', 'Show the names of its containers'),
    ctrStatus: flag('--ctr-status', 'Show the states of its containers'),
    filter: list('-f, --filter <filter>', 'Show those that match: id, name, label, status, ctr-names, ...', { complete: 'podFilter' }),
    format: text('--format <template>', 'json, or a Go template'),
    latest: flag('-l, --latest', 'Show the last created one'),
    noTrunc: flag('--no-trunc', 'Show ids in full'),
    noheading: flag('--noheading', 'Leave out the headings'),
    quiet: flag('-q, --quiet', 'Show ids only'),
    sort: oneOf('--sort <column>', 'Sort by a column', SORTS),
  },
  examples: ['pod ps', 'pod ps --filter name=web --format "{{.ID}} {{.Status}}"'],
  async run(call) {
    const { options, out } = call
    if (options.quiet && options.format !== undefined) throw new Failure('invalid', '--quiet and --format exclude each other')
    const { pods } = await openBackend(call, (engine) => ({ pods: () => enginePods(engine) }))
    const matches = podFilter(options.filter)
    const found = (await pods()).filter(matches)
    const rows = sorted(options.latest ? found.slice(-1) : [...found].reverse(), options.sort)
    const cut = (id: string): string => (options.noTrunc ? id : id.slice(0, SHORT_ID))
    if (options.quiet) return out.write(rows.map(({ id }) => `${cut(id)}\n`).join(''))
    const nowMs = Date.now()
    const ago = ({ createdAtMs }: PodRow): string => `${humanDuration(nowMs - createdAtMs)} ago`
    const ofContainers: Column<PodRow>[] = [
      ...(options.ctrIds ? [{ heading: 'IDS', cell: ({ containers }: PodRow) => containers.map(({ id }) => cut(id)).join(',') }] : []),
      ...(options.ctrNames ? [{ heading: 'NAMES', cell: ({ containers }: PodRow) => containers.map(({ name }) => name).join(',') }] : []),
      ...(options.ctrStatus ? [{ heading: 'STATUS', cell: ({ containers }: PodRow) => containers.map(({ phase }) => phase).join(',') }] : []),
    ]
    await printListing(out, {
      name: 'pod ps', rows, format: options.format, noHeading: options.noheading, view: (row) => podView(row, { cut, ago }), json: podJson,
      headings: { ID: 'POD ID', InfraID: 'INFRA ID', NumberOfContainers: '# OF CONTAINERS', ContainerIds: 'IDS', ContainerNames: 'NAMES', ContainerStatuses: 'STATUS' },
      columns: [
        { heading: 'POD ID', cell: ({ id }) => cut(id) }, { heading: 'NAME', cell: ({ name }) => name }, { heading: 'STATUS', cell: podStatus }, { heading: 'CREATED', cell: ago },
        { heading: 'INFRA ID', cell: ({ infraId }) => cut(infraId) }, ...(ofContainers.length ? ofContainers : [{ heading: '# OF CONTAINERS', cell: ({ containers }: PodRow) => String(containers.length) }]),
      ],
    })
  },
})

const SHORT_ID = 12

interface Shown { readonly cut: (id: string) => string; readonly ago: (row: PodRow) => string }

const podView = (row: PodRow, { cut, ago }: Shown) => struct('pods.ListPodReporter', {
  ID: cut(row.id), Id: row.id, Name: row.name, Status: podStatus(row), Created: ago(row), CreatedHuman: ago(row), InfraID: cut(row.infraId), InfraId: row.infraId, NumberOfContainers: row.containers.length,
  ContainerIds: row.containers.map(({ id }) => cut(id)).join(','), ContainerNames: row.containers.map(({ name }) => name).join(','), ContainerStatuses: row.containers.map(({ phase }) => phase).join(','),
  Labels: mapOrNil(Object.entries(row.labels)), Networks: row.networks.join(','), Namespace: '', Label: (name: string) => row.labels[name] ?? '',
})

const podJson = (row: PodRow) => ({
  Cgroup: '', Containers: row.containers.map(({ id, name, phase }) => ({ Id: id, Names: name, Status: phase })), Created: GoTime.fromMs(row.createdAtMs), Id: row.id, InfraId: row.infraId, Name: row.name,
  Namespace: '', Networks: row.networks, Status: podStatus(row), Labels: mapOrNil(Object.entries(row.labels)),
})

const podFilter = (texts: readonly string[]): ((row: PodRow) => boolean) => compileFilters<PodRow>(texts, {
  matches: {
    id: (row, value) => row.id.startsWith(value) || pattern(value).test(row.id), name: (row, value) => pattern(value).test(row.name), status: (row, value) => podStatus(row).toLowerCase() === value.toLowerCase(),
    label: (row, value) => hasLabel(row.labels, value), 'label!': (row, value) => !hasLabel(row.labels, value), until: (row, value) => row.createdAtMs < Number(value), network: (row, value) => row.networks.includes(value),
    'ctr-ids': (row, value) => row.containers.some(({ id }) => id.startsWith(value)), 'ctr-names': (row, value) => row.containers.some(({ name }) => pattern(value).test(name)),
    'ctr-number': (row, value) => String(row.containers.length) === value, 'ctr-status': (row, value) => row.containers.some(({ phase }) => phase === value),
  },
  check: { until },
})

/** Newest first unless said otherwise. */
function sorted(rows: readonly PodRow[], by: (typeof SORTS)[number] | undefined): PodRow[] {
  if (by === undefined || by === 'created') return [...rows]
  const key = { id: ({ id }: PodRow) => id, name: ({ name }: PodRow) => name, number: ({ containers }: PodRow) => containers.length, status: podStatus }[by]
  return [...rows].sort((a, b) => Number(key(a) > key(b)) - Number(key(a) < key(b)))
}
