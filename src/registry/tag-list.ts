import * as v from 'valibot'
import { checked, parseJson } from '../image/checked.ts'

const schema = v.object({ tags: v.optional(v.nullable(v.array(v.pipe(v.string(), v.maxLength(128))))) })

/** One page of a repository's tags. */
export function parseTags(bytes: Uint8Array, what: string): string[] {
  const name = `the tag list of ${what}`
  return checked(schema, parseJson(bytes, bytes.length, name), name).tags ?? []
}

/** Path of the next page (RFC 8288), undefined at the last. Only the same server is followed: our token goes with it. */
export function nextPage(link: string | string[] | undefined, from: URL): string | undefined {
  const target = /<([^>]{1,4096})>\s*;[^,]*\brel="?next"?/i.exec([link ?? ''].flat().join(','))?.[1]
  const url = target === undefined ? null : URL.parse(target, from.href)
  return url?.origin === from.origin ? url.pathname + url.search : undefined
}
