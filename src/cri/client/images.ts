// Images of a runtime: listed, filtered, named.
import { Failure } from '../../errors.ts'
import { goRegExp } from '../../go-regexp.ts'
import { ImageServiceService as Service, ImageStatusRequest, ListImagesRequest, type Image } from '../wire/generated/runtime-v1.ts'
import type { Connection } from './connection.ts'

/** Sorted by first tag, then digest, then id. `filters`: `dangling=`, `reference=`, `before=`, `since=`. @throws Failure invalid */
export async function findImages(connection: Connection, name: string, filters: readonly string[]): Promise<Image[]> {
  const list = async (image: string): Promise<readonly Image[]> => (await connection.call(Service.listImages, ListImagesRequest.fromPartial({ filter: { image: { image } } }))).images
  const listed = await list(name)
  // containerd 1.x takes a name and lists everything all the same; others know whole names alone
  const named = name === '' || listed.length === 1 ? listed : (listed.length > 0 ? listed : await list('')).filter((image) => isCalled(image, name))
  return filters.reduce(filtered, [...named].sort((a, b) => compare(sortKey(a, b), sortKey(b, a))))
}

const isCalled = ({ id, repoTags, repoDigests }: Image, name: string): boolean =>
  [...repoTags, ...repoDigests].some((known) => known.includes(name)) || id.replace('sha256:', '').startsWith(name.replace('sha256:', ''))

/** What stands for an image beside another: tags where both have some, else digests, else ids. */
const sortKey = (image: Image, other: Image): string =>
  image.repoTags.length && other.repoTags.length ? image.repoTags[0]! : image.repoDigests.length && other.repoDigests.length ? image.repoDigests[0]! : image.id

const compare = (a: string, b: string): number => Number(a > b) - Number(a < b)

function filtered(images: Image[], filter: string): Image[] {
  const [, key, value] = /^(\w+)=(.*)$/s.exec(filter) ?? []
  switch (key) {
    case 'dangling': {
      if (value !== 'true' && value !== 'false') throw new Failure('invalid', `invalid filter "${filter}"`, { hint: 'use dangling=true or dangling=false' })
      return images.filter((image) => (image.repoTags.length === 0) === (value === 'true'))
    }
    case 'reference': {
      const expression = regularExpression(value!)
      return images.filter((image) => repositoryTags(image).some(([name, tag]) => expression.test(name) || expression.test(`${name}:${tag}`)))
    }
    case 'before': return [...upTo([...images].reverse(), value!)].reverse()
    case 'since': return upTo(images, value!)
    default: throw new Failure('invalid', `unknown filter "${filter}"`, { hint: 'use dangling=, reference=, before= or since=' })
  }
}

function regularExpression(text: string): RegExp {
  try {
    return goRegExp(text.replace(/^\/(.*)\/$/s, '$1'))
  } catch (error) {
    throw new Failure('invalid', `"${text}" is no regular expression: ${(error as Error).message}`)
  }
}

/** What stands before the named image. The order of a listing stands for age: the CRI does not tell it. */
function upTo(images: readonly Image[], name: string): Image[] {
  const at = images.findIndex(({ id, repoTags, repoDigests }) => repoTags.includes(name) || repoDigests.includes(name) || (name !== '' && id.replace('sha256:', '').startsWith(name.replace('sha256:', ''))))
  return images.slice(0, at < 0 ? images.length : at)
}

/** Undefined when there is no such image. */
export async function findImage(connection: Connection, name: string): Promise<Image | undefined> {
  return (await connection.call(Service.imageStatus, ImageStatusRequest.fromPartial({ image: { image: name } }))).image
}

const NONE = '<none>'

/** Name and tag of each row that an image has in a listing. */
export function repositoryTags({ repoTags, repoDigests }: Image): [string, string][] {
  const name = repoDigests[0]?.split('@')[0] ?? NONE
  if (repoTags.length === 0) return [[name, NONE]]
  return repoTags.map((tag) => {
    const colon = tag.lastIndexOf(':')
    return [tag.slice(0, colon) === NONE ? name : tag.slice(0, colon), tag.slice(colon + 1)]
  })
}

export const repositoryDigest = ({ repoDigests }: Image): string => repoDigests[0]?.split('@')[1] ?? NONE
