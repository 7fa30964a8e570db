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

/** What is to be taken, as the policy names it. */
export interface PolicyIdentity {
  readonly transport: string
  /** Narrowest first; the last is '', all. */
  readonly scopes: readonly string[]
  /** For messages. */
  readonly what: string
}

/** @throws denied: the policy refuses the image, or wants a signature of it */
export function checkPolicy(found: Found | undefined, { transport, scopes, what }: PolicyIdentity): void {
  if (!found) return
  const { policy, path } = found
  const known = policy.transports[transport] ?? {}
  const scope = scopes.find((name) => Object.hasOwn(known, name))
  const wanted = (scope === undefined ? policy.default : known[scope]!).find(({ type }) => type !== 'insecureAcceptAnything')
  if (!wanted) return
  if (wanted.type === 'reject') throw new Failure('denied', `${what}: the policy of ${path} rejects it`, { hint: 'ask who keeps that file' })
  throw new Failure('denied', `${what}: the policy of ${path} wants a signature (${wanted.type.slice(0, 40)}), which cannot be checked yet`, { hint: `allow it there with insecureAcceptAnything if you trust where it comes from` })
}

/** The image, its repository, what is above that, the host, wildcards of its domain. */
export function registryIdentity(reference: Reference): PolicyIdentity {
  const repository = repositoryOf(reference)
  const parts = repository.split('/')
  const above = parts.map((_, index) => parts.slice(0, parts.length - index).join('/'))
  const labels = reference.domain.replace(/:\d+$/, '').split('.')
  const wildcards = labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`)
  const what = canonical(reference)
  return { transport: 'docker', scopes: [what, ...above, ...wildcards, ''], what }
}

/** Of what lies at an absolute path: `PATH:IMAGE`, the path, the directories above it. Of a docker-archive the policy knows no path. */
export function pathIdentity({ transport, path, image }: { transport: string; path: string; image?: string | undefined }): PolicyIdentity {
  const parts = path.split('/').filter((part) => part !== '')
  const above = parts.map((_, index) => `/${parts.slice(0, parts.length - index).join('/')}`)
  return { transport, scopes: transport === 'docker-archive' ? [''] : [...(image === undefined ? [] : [`${path}:${image}`]), ...above, ''], what: `${transport}:${path}` }
}
