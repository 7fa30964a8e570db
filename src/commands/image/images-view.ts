// An image as `images` shows it: a row for each of its names.
import { humanDuration, humanSize } from '../../cli/human.ts'
import { GoTime, mapOrNil, sliceOrNil, struct } from '../../cli/template/values.ts'
import type { Engine } from '../../engine/engine.ts'
import { allNames } from '../../engine/find-image.ts'

export type Image = Awaited<ReturnType<Engine['state']['images']['list']>>[number]

export interface ImageRow {
  readonly image: Image
  /** Canonical, with a tag or else a digest; undefined for an image without names. */
  readonly name: string | undefined
  readonly nowMs: number
  readonly truncate: boolean
  readonly containers: number
}

export const settings = (image: Image): Readonly<Record<string, any>> => (image.config as { config?: Record<string, unknown> } | undefined)?.config ?? {}
export const labelsOf = (image: Image): Readonly<Record<string, string>> => settings(image)['Labels'] ?? {}
export const createdMs = ({ createdAt = '' }: Image): number => Date.parse(createdAt) || 0
const createdText = (image: Image): string => (createdMs(image) === 0 ? '1970-01-01T00:00:00Z' : image.createdAt!)

/** Each name of the image with its digest. */
export const repoDigests = ({ names, digests, digest }: Image): string[] =>
  [...new Set([...digests, ...names.map((name) => `${name.slice(0, name.lastIndexOf(':'))}@${digest}`)])].sort()
/** Names, the last that it got first. */
export const history = (image: Image): string[] => allNames(image).reverse()
export const isDangling = (image: Image): boolean => allNames(image).length === 0

const NONE = '<none>'
/** Without the tag or the digest. */
export const repository = ({ name }: ImageRow): string => (name === undefined ? NONE : name.includes('@') ? name.slice(0, name.indexOf('@')) : name.slice(0, name.lastIndexOf(':')))
export const tag = ({ name }: ImageRow): string => (name === undefined || name.includes('@') ? NONE : name.slice(name.lastIndexOf(':') + 1))
export const imageId = ({ image, truncate }: ImageRow): string => (truncate ? image.id.slice(0, 12) : `sha256:${image.id}`)
export const created = ({ image, nowMs }: ImageRow): string => `${humanDuration(nowMs - createdMs(image))} ago`
export const size = ({ image }: ImageRow): string => humanSize(image.sizeBytes, ' ')

export const imageView = (row: ImageRow) => {
  const { image } = row
  const at = new GoTime(createdText(image))
  return struct('images.imageReporter', {
    ID: imageId(row), Id: image.id, ImageID: imageId(row), Repository: repository(row), Tag: tag(row), Digest: image.digest, Digests: image.digests, Created: created(row), CreatedSince: created(row), CreatedAt: at.toString(),
    CreatedTime: at, Size: size(row), VirtualSize: image.sizeBytes, SharedSize: 0, Containers: row.containers, Labels: mapOrNil(Object.entries(labelsOf(image))), Names: allNames(image), RepoTags: image.names,
    RepoDigests: repoDigests(image), ParentId: '', Dangling: isDangling(image), History: history(image).join(', '), ReadOnly: false, ConfigDigest: `sha256:${image.id}`,
  })
}

export const imageJson = ({ image, containers }: ImageRow) => ({
  Id: image.id, ParentId: '', RepoTags: null, RepoDigests: sliceOrNil(repoDigests(image)), Size: image.sizeBytes, SharedSize: 0, VirtualSize: image.sizeBytes,
  Labels: mapOrNil(Object.entries(labelsOf(image))), Containers: containers, ...(isDangling(image) ? { Dangling: true } : { Names: allNames(image) }), Digest: image.digest,
  ...(isDangling(image) ? {} : { History: history(image) }), Created: Math.floor(createdMs(image) / 1000), CreatedAt: `${new Date(createdMs(image)).toISOString().slice(0, 19)}Z`,
})
