import { compileFilters, glob, hasLabel, splitFilter, truth } from '../filter.ts'
import { allNames } from '../../engine/find-image.ts'
import { createdMs, isDangling, labelsOf, settings, type Image } from './images-view.ts'
import type { ImageSource } from './source.ts'
import { until } from '../until.ts'

/** Whether a canonical name is meant by a pattern of any of its shorter forms. */
export const isReference = (name: string, value: string): boolean => {
  const withoutTag = name.slice(0, name.includes('@') ? name.indexOf('@') : name.lastIndexOf(':'))
  return [...suffixes(name), ...suffixes(withoutTag)].some((form) => glob(value).test(form))
}
const suffixes = (name: string): string[] => name.split('/').map((_, at, parts) => parts.slice(at).join('/'))

/** The filters of images and image prune. @throws Failure invalid, notFound */
export async function imageFilter(source: ImageSource, texts: readonly string[]): Promise<(image: Image) => boolean> {
  const times = new Map<string, number>()
  for (const { key, value } of texts.map(splitFilter)) {
    if (/^(before|after|since)$/.test(key)) times.set(value, createdMs(await source.find(value)))
  }
  const users = await source.uses()
  return compileFilters<Image>(texts, {
    matches: {
      id: (image, value) => image.id.startsWith(value.replace(/^sha256:/, '')),
      digest: (image, value) => image.digest.startsWith(value) || image.digests.some((digest) => digest.endsWith(`@${value}`)),
      reference: (image, value) => allNames(image).some((name) => isReference(name, value)) || image.digests.some((digest) => suffixes(digest).some((form) => glob(value).test(form))),
      before: (image, value) => createdMs(image) < times.get(value)!,
      after: (image, value) => createdMs(image) > times.get(value)!,
      since: (image, value) => createdMs(image) > times.get(value)!,
      until: (image, value) => createdMs(image) < Number(value),
      label: (image, value) => hasLabel(labelsOf(image), value),
      'label!': (image, value) => !hasLabel(labelsOf(image), value),
      dangling: (image, value) => String(isDangling(image)) === value,
      readonly: (_, value) => value === 'false',
      manifest: (_, value) => value === 'false',
      intermediate: (image, value) => String(isDangling(image) && Object.keys(settings(image)).length === 0) === value,
      containers: (image, value) => (value === 'external' ? false : String(users.has(image.id)) === value),
    },
    check: {
      until,
      dangling: truth('dangling'), readonly: truth('readonly'), manifest: truth('manifest'), intermediate: truth('intermediate'),
      containers: (value) => (value === 'external' ? value : truth('containers')(value)),
    },
  })
}
