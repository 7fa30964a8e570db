// containers-policy.json(5): which images may be taken at all. Signatures cannot be checked yet, so that what asks for one is refused.
import * as v from 'valibot'
import { Failure } from '../errors.ts'
import { checked, parseJson } from '../image/checked.ts'
import { canonical, repositoryOf, type Reference } from '../image/reference.ts'
import { readSmallFile } from './read-small-file.ts'

const requirements = v.pipe(v.array(v.looseObject({ type: v.string() })), v.minLength(1))
const schema = v.object({
  default: requirements,
  transports: v.optional(v.record(v.string(), v.record(v.string(), requirements)), {}),
})

type Policy = v.InferOutput<typeof schema>
interface Found { readonly policy: Policy; readonly path: string }

/** The first file that exists; undefined where there is none: everything may be taken. @throws invalid */
export async function readPolicy(paths: readonly string[]): Promise<Found | undefined> {
  for (const path of paths) {
    const bytes = await readSmallFile(path, path, { optional: true })
    if (bytes) return { path, policy: checked(schema, parseJson(bytes, bytes.length, path), path) }
  }
  return undefined
}

/** @throws denied: the policy refuses the image, or wants a signature of it */
export function checkPolicy(found: Found | undefined, reference: Reference): void {
  if (!found) return
  const { policy, path } = found
  const scopes = policy.transports['docker'] ?? {}
  const scope = scopesOf(reference).find((name) => Object.hasOwn(scopes, name))
  const wanted = (scope === undefined ? policy.default : scopes[scope]!).find(({ type }) => type !== 'insecureAcceptAnything')
  if (!wanted) return
  const what = canonical(reference)
  if (wanted.type === 'reject') throw new Failure('denied', `${what}: the policy of ${path} rejects it`, { hint: 'ask who keeps that file' })
  throw new Failure('denied', `${what}: the policy of ${path} wants a signature (${wanted.type.slice(0, 40)}), which cannot be checked yet`, { hint: `allow it there with insecureAcceptAnything if you trust where it comes from` })
}

/** Narrowest first: the image, its repository, what is above that, the host, wildcards of its domain, all. */
function scopesOf(reference: Reference): string[] {
  const repository = repositoryOf(reference)
  const parts = repository.split('/')
  const above = parts.map((_, index) => parts.slice(0, parts.length - index).join('/'))
  const labels = reference.domain.replace(/:\d+$/, '').split('.')
  const wildcards = labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`)
  return [canonical(reference), ...above, ...wildcards, '']
}
