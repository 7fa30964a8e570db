import { Failure } from '../errors.ts'
import type { Reference } from '../image/reference.ts'
import type { Place } from './ask-endpoints.ts'
import { readBody } from './body.ts'
import { replyFailure } from './registry-failure.ts'
import { nextPage, parseTags } from './tag-list.ts'

const MAX_PAGE_BYTES = 4 * 1024 * 1024
const MAX_TAGS = 200_000
const MAX_PAGES = 1000

/** Every tag of a repository, page by page. */
export async function tagsAt({ endpoint, session }: Place, { reference, signal, retries }: { reference: Reference; signal: AbortSignal | undefined; retries: number | undefined }): Promise<string[]> {
  const what = `${reference.domain}/${reference.path}`
  const tags: string[] = []
  let path: string | undefined = `${endpoint.path}/tags/list?n=1000`
  for (let page = 0; path !== undefined; page++) {
    const reply = await session.request({ method: 'GET', path, repository: endpoint.path, what, signal, retries })
    if (reply.status !== 200) throw await replyFailure(reply, session.host, what)
    for (const tag of parseTags(await readBody(reply.body, MAX_PAGE_BYTES), what)) tags.push(tag)
    if (page === MAX_PAGES || tags.length > MAX_TAGS) throw new Failure('invalid', `the tag list of ${what} does not end`)
    path = nextPage(reply.headers.link, reply.url)
  }
  return tags
}
