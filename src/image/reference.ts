// What a user types to name an image, in the grammar of the distribution project, normalised as the ecosystem
// does: a name without a registry belongs to docker.io, and one without a slash to docker.io/library.
import { Failure } from '../errors.ts'
import { isDigest, type Digest } from './digest.ts'

export interface Reference {
  /** Registry host, with its port where given: `docker.io`, `localhost`, `127.0.0.1:5000`, `[::1]:5000`. */
  readonly domain: string
  /** Repository inside the registry: `library/busybox`. */
  readonly path: string
  readonly tag?: string
  readonly digest?: Digest
}

/** A name as typed: `domain` is absent from a short name, which registries.conf decides about. */
export interface TypedReference extends Omit<Reference, 'domain'> {
  readonly domain?: string
}

const MAX_NAME = 255
const HOST = /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?$/
const COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/
const HEX_ID = /^[0-9a-f]{64}$/

export const DEFAULT_DOMAIN = 'docker.io'
export const DEFAULT_TAG = 'latest'
const LEGACY_DOMAIN = 'index.docker.io'
const OFFICIAL = 'library/'

const refuse = (text: string, why: string): never => {
  const shown = text.length > 300 ? `${text.slice(0, 300)}...` : text
  throw new Failure('invalid', `invalid reference "${shown}": ${why}`, {
    hint: 'a reference looks like [REGISTRY[:PORT]/]NAME[:TAG][@DIGEST]',
  })
}

/** The first component is a registry when it cannot be part of a path: a dot, a port, localhost, or upper case. */
const splitDomain = (name: string): { domain?: string; path: string } => {
  const slash = name.indexOf('/')
  if (slash === -1) return { path: name }
  const first = name.slice(0, slash)
  const looksLikeHost = /[.:[]/.test(first) || first === 'localhost' || first !== first.toLowerCase()
  return looksLikeHost ? { domain: first, path: name.slice(slash + 1) } : { path: name }
}

const splitTag = (text: string): { name: string; tag?: string } => {
  const colon = text.lastIndexOf(':')
  return colon > text.lastIndexOf('/') ? { name: text.slice(0, colon), tag: text.slice(colon + 1) } : { name: text }
}

const splitDigest = (text: string): { rest: string; digest?: Digest } => {
  const at = text.indexOf('@')
  if (at === -1) return { rest: text }
  const digest = text.slice(at + 1)
  return isDigest(digest) ? { rest: text.slice(0, at), digest } : refuse(text, `"${digest.slice(0, 150)}" is not a digest`)
}

const checkName = (text: string, { domain, path }: { domain?: string; path: string }): void => {
  if (path === '') refuse(text, 'it names no repository')
  if (domain !== undefined && !HOST.test(domain)) refuse(text, `"${domain}" is not a registry host`)
  if (path !== path.toLowerCase()) refuse(text, 'a repository name must be lower case')
  if (!path.split('/').every((component) => COMPONENT.test(component))) refuse(text, `"${path}" is not a repository name`)
  if ((domain === undefined ? 0 : domain.length + 1) + path.length > MAX_NAME) refuse(text, `a name has at most ${MAX_NAME} characters`)
}

/** Keeps apart what was typed: no registry and no tag is added. Fails with `invalid`. */
export function parseTyped(text: string): TypedReference {
  if (text === '') refuse(text, 'it is empty')
  if (HEX_ID.test(text)) refuse(text, '64 hexadecimal digits are an image id, not a name')
  const { rest, digest } = splitDigest(text)
  const { name, tag } = splitTag(rest)
  const parts = splitDomain(name)
  checkName(text, parts)
  if (tag !== undefined && !TAG.test(tag)) refuse(text, `"${tag.slice(0, 150)}" is not a tag`)
  return { ...parts, ...(tag !== undefined && { tag }), ...(digest && { digest }) }
}

/** Puts a name that was typed onto a registry: `nginx` on docker.io becomes library/nginx. Fails with `invalid`. */
export function onRegistry(typed: TypedReference, domain: string): Reference {
  const host = domain === LEGACY_DOMAIN ? DEFAULT_DOMAIN : domain
  const path = host === DEFAULT_DOMAIN && !typed.path.includes('/') ? OFFICIAL + typed.path : typed.path
  checkName(`${host}/${path}`, { domain: host, path })
  return { ...typed, domain: host, path }
}

/** The reference in full; without a registry it is docker.io's. Fails with `invalid`. */
export function parseReference(text: string): Reference {
  const typed = parseTyped(text)
  return onRegistry(typed, typed.domain ?? DEFAULT_DOMAIN)
}

/** Adds `:latest` where there is neither tag nor digest. */
export const withDefaultTag = <R extends TypedReference>(reference: R): R =>
  reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: DEFAULT_TAG } : reference

/** `docker.io/library/busybox`: registry and repository. */
export const repositoryOf = ({ domain, path }: Reference): string => `${domain}/${path}`

const suffix = ({ tag, digest }: TypedReference): string =>
  (tag === undefined ? '' : `:${tag}`) + (digest === undefined ? '' : `@${digest}`)

/** `docker.io/library/busybox:1`: in full, as records and podman show it. */
export const canonical = (reference: Reference): string => repositoryOf(reference) + suffix(reference)

/** `docker.io/library/busybox:1`: the name that an image is known by; a digest is no part of it. */
export const canonicalName = (reference: Reference): string => `${repositoryOf(reference)}:${reference.tag ?? DEFAULT_TAG}`

/** `docker.io/library/busybox@sha256:...`: the name of an image that is asked for by its digest. */
export const digestName = (reference: Reference, digest: Digest): string => `${repositoryOf(reference)}@${digest}`

/** `busybox:1`: as docker shows it. */
export const familiar = (reference: Reference): string => {
  if (reference.domain !== DEFAULT_DOMAIN) return canonical(reference)
  const { path } = reference
  const short = path.startsWith(OFFICIAL) && !path.slice(OFFICIAL.length).includes('/') ? path.slice(OFFICIAL.length) : path
  // A first component that looks like a host would be read as one without its registry.
  return (splitDomain(short).domain === undefined ? short : repositoryOf(reference)) + suffix(reference)
}

/** The hex digits of an image id, `[sha256:]HEX` of 1 to 64 digits, or undefined when it can only be a name. */
export const imageIdIn = (text: string): string | undefined => /^(?:sha256:)?([0-9a-f]{1,64})$/.exec(text)?.[1]
