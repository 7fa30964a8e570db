// The filters of ps, pause, restart, rm, start, stop, unpause and prune.
import { Failure } from '../../errors.ts'
import { parseMoment } from '../../cli/value.ts'
import { compileFilters, hasLabel, pattern, splitFilter, truth } from '../filter.ts'
import { namesOf, type Row } from './row.ts'
import type { ContainerSource } from './source.ts'

const STATUSES: Readonly<Record<string, string>> = {
  created: 'created', configured: 'created', initialized: 'initialized', running: 'running', stopped: 'exited', paused: 'paused',
  exited: 'exited', removing: 'removing', stopping: 'stopping', unknown: 'unknown',
}

const moment = (key: string) => (value: string): string => {
  try {
    return String(parseMoment(value))
  } catch (error) {
    throw new Failure('invalid', `invalid filter "${key}=${value}": ${(error as Error).message}`)
  }
}

/** none and host are modes, not networks. */
const isNetwork = (name: string): boolean => name !== 'none' && name !== 'host'

const named = (row: Row, value: string): boolean => row.id === value || namesOf(row).includes(value) || (value !== '' && row.id.startsWith(value))

/** Compiles filters for all containers of `rows`; looks images and other containers up once. @throws Failure invalid, notFound */
export async function containerFilter(source: Pick<ContainerSource, 'imagesOn'>, rows: readonly Row[], texts: readonly string[]): Promise<(row: Row) => boolean> {
  const ancestors = await ancestorIds(source, texts)
  const createdAt = (value: string): number => {
    const found = rows.find((row) => named(row, value))
    if (!found) throw new Failure('notFound', `no container with name or ID "${value}" found: no such container`)
    return found.createdAtMs
  }
  return compileFilters<Row>(texts, {
    matches: {
      id: (row, value) => row.id.startsWith(value) || pattern(value).test(row.id),
      name: (row, value) => namesOf(row).some((name) => pattern(value).test(name)),
      label: (row, value) => hasLabel(row.summary.labels, value),
      'label!': (row, value) => !hasLabel(row.summary.labels, value),
      exited: (row, value) => row.phase === 'exited' && String(row.status.exitCode ?? 0) === value,
      status: (row, value) => row.phase === value,
      ancestor: (row, value) => ancestors.get(value)?.has(row.imageId ?? '') || row.summary.imageName === value,
      before: (row, value) => row.createdAtMs < createdAt(value),
      since: (row, value) => row.createdAtMs > createdAt(value),
      volume: (row, value) => row.summary.volumes.includes(value) || row.summary.mounts.includes(value),
      health: (_, value) => value === 'none' || value === '',
      pod: (row, value) => row.podId !== undefined && (row.podId.startsWith(value) || row.summary.pod === value),
      network: (row, value) => (isNetwork(value) && row.summary.networks.includes(value)) || (row.status.networks ?? []).some(({ network }) => network === value),
      'restart-policy': (row, value) => row.summary.restart === value || (value === 'none' && row.summary.restart === 'no'),
      until: (row, value) => row.createdAtMs < Number(value),
      command: (row, value) => pattern(value).test(row.summary.command[0] ?? ''),
      'should-start-on-boot': (row, value) => String(row.summary.restart === 'always' || (row.summary.restart === 'unless-stopped' && !row.status.stoppedByUser)) === value,
    },
    check: {
      id: (value) => (pattern(value), value),
      name: (value) => (pattern(value), value),
      command: (value) => (pattern(value), value),
      status: (value) => {
        const known = STATUSES[value.toLowerCase()]
        if (!known) throw new Failure('invalid', `invalid filter "status=${value}": ${value} is not a status`, { hint: `use one of ${Object.keys(STATUSES).join(', ')}` })
        return known
      },
      exited: (value) => {
        if (!/^-?\d+$/.test(value)) throw new Failure('invalid', `invalid filter "exited=${value}": expected an exit code`)
        return value
      },
      before: (value) => (createdAt(value), value),
      since: (value) => (createdAt(value), value),
      until: moment('until'),
      'should-start-on-boot': truth('should-start-on-boot'),
    },
  })
}

async function ancestorIds(source: Pick<ContainerSource, 'imagesOn'>, texts: readonly string[]): Promise<Map<string, ReadonlySet<string>>> {
  const wanted = texts.map(splitFilter).filter(({ key }) => key === 'ancestor').map(({ value }) => value)
  const result = new Map<string, ReadonlySet<string>>()
  for (const text of wanted) result.set(text, await source.imagesOn(text))
  return result
}
