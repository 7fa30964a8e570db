import { Failure } from '../../errors.ts'
import { compileFilters, hasLabel, pattern, truth } from '../filter.ts'
import type { Volume } from './volume-view.ts'
import { until } from '../until.ts'

/** The filters of volume ls and volume prune. @throws Failure invalid, notFound */
export function volumeFilter(texts: readonly string[], { all, used }: { all: readonly Volume[]; used: ReadonlySet<string> }): (volume: Volume) => boolean {
  const createdAt = (name: string): number => {
    const found = all.find((volume) => volume.name === name)
    if (!found) throw new Failure('notFound', `no volume with name "${name}" found: no such volume`)
    return found.createdAtMs
  }
  return compileFilters<Volume>(texts, {
    matches: {
      name: (volume, value) => pattern(value).test(volume.name),
      driver: (volume, value) => volume.driver === value,
      scope: (_, value) => value === 'local',
      label: (volume, value) => hasLabel(volume.labels, value),
      'label!': (volume, value) => !hasLabel(volume.labels, value),
      opt: (volume, value) => hasLabel(volume.options, value),
      until: (volume, value) => volume.createdAtMs < Number(value),
      dangling: (volume, value) => String(!used.has(volume.name)) === value,
      anonymous: (volume, value) => String(volume.anonymous) === value,
      after: (volume, value) => volume.createdAtMs > createdAt(value),
      since: (volume, value) => volume.createdAtMs > createdAt(value),
    },
    check: {
      name: (value) => (pattern(value), value), dangling: truth('dangling'), anonymous: truth('anonymous'),
      after: (value) => (createdAt(value), value), since: (value) => (createdAt(value), value),
      until,
    },
  })
}
