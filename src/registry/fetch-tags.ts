import { Failure } from '../errors.ts'
import type { Reference } from '../image/reference.ts'
import type { Place } from './ask-endpoints.ts'
import { replyFailure } from './registry-failure.ts'
import { nextPage, parseTags } from './tag-list.ts'

const MAX_PAGE_BYTES = 4 * 1024 * 1024
const MAX_TAGS = 200_000
const MAX_PAGES = 1000

/** Every tag of a repository, page by page. */
export async function tagsAt({ endpoint, session }: Place, { reference, signal, retries }: { reference: Reference; signal: AbortSignal | undefined; retries: number | undefined }): Promise<string[]> {
  const what = `${reference.domain}/${reference.path}`
  const tags: string[] = []
  const seen = new Set<string>()
  let path: string | undefined = `${endpoint.path}/tags/list?n=1000`
  while (path !== undefined) {
    const reply = await session.read({ method: 'GET', path, repository: endpoint.path, what, signal, retries }, MAX_PAGE_BYTES)
    if (reply.status !== 200) throw await replyFailure(reply, session.host, what)
    for (const tag of parseTags(reply.bytes, what)) tags.push(tag)
    if (seen.has(path) || seen.size === MAX_PAGES || tags.length > MAX_TAGS) throw new Failure('invalid', `the tag list of ${what} does not end`)
    seen.add(path)
    path = nextPage(reply.headers.link, reply.url)
  }
  return tags
}
