// What registries.conf makes of a name: which references a short one may mean, and which endpoints serve a full one.
import { Failure } from '../errors.ts'
import { canonical, DEFAULT_DOMAIN, onRegistry, parseReference, parseTyped, withDefaultTag, type Reference, type TypedReference } from '../image/reference.ts'
import type { Endpoint } from './endpoint.ts'
import type { RegistriesConf, RegistryRule } from './registries-conf.ts'
import type { Candidates } from './registry.ts'

/** Failure invalid for a bad name, notFound for a short one that nothing decides about. */
export function candidatesFor(text: string, conf: RegistriesConf): Candidates {
  const typed = withDefaultTag(parseTyped(text))
  if (typed.domain !== undefined) return { references: [onRegistry(typed, typed.domain)], short: false }
  const alias = conf.aliases.get(typed.path)
  if (alias !== undefined) return { references: [named(alias, typed)], short: true }
  const search = conf.searchRegistries ?? [DEFAULT_DOMAIN]
  if (search.length === 0) {
    throw new Failure('notFound', `the short name "${text}" is no alias, and no registry is to be searched for it`, {
      hint: `write the registry too (docker.io/library/${typed.path}), or set unqualified-search-registries in registries.conf`,
    })
  }
  const references = search.map((registry) => named(`${registry}/${typed.path}`, typed))
  const undecided = search.length > 1 && conf.shortNameMode !== 'disabled' ? { undecided: { name: typed.path, mustAsk: conf.shortNameMode === 'enforcing' } } : {}
  return { references, short: true, ...undecided }
}

/** `registry/path` with the tag and digest that were typed. */
const named = (name: string, { tag, digest }: TypedReference): Reference => {
  const { domain, path } = parseReference(name)
  return { domain, path, ...(tag !== undefined && { tag }), ...(digest && { digest }) }
}

interface Matched {
  readonly rule: RegistryRule
  /** Of the name's beginning that the rule's location takes the place of. */
  readonly length: number
}

/** The rule of registries.conf with the longest prefix; undefined where none is about this name. */
export function ruleFor(reference: Reference, conf: RegistriesConf): Matched | undefined {
  const name = canonical(reference)
  return conf.rules
    .map((rule) => ({ rule, length: matchLength(name, rule.prefix) }))
    .filter(({ length }) => length > 0)
    .sort((a, b) => b.length - a.length || b.rule.prefix.length - a.rule.prefix.length)[0]
}

/** Mirrors that may be asked, then the registry. Failure denied when it is blocked. */
export function routesFor(reference: Reference, conf: RegistriesConf): Endpoint[] {
  const name = canonical(reference)
  const best = ruleFor(reference, conf)
  if (best === undefined) return [{ host: reference.domain, path: reference.path, insecure: false, mirror: false }]
  const { rule, length } = best
  if (rule.blocked) throw new Failure('denied', `${name}: the registry ${rule.prefix} is blocked by registries.conf`, { hint: 'remove blocked = true there, or use another registry' })
  const rest = name.slice(length)
  const mirrors = rule.mirrors
    .filter(({ pull }) => pull === 'all' || (pull === 'digest-only') === (reference.digest !== undefined))
    .map(({ location, insecure }): Endpoint => ({ ...place(location + rest), insecure, mirror: true }))
  return [...mirrors, { ...primary(reference, rule, rest), insecure: rule.insecure, mirror: false }]
}

const primary = (reference: Reference, { prefix, location }: RegistryRule, rest: string) =>
  location === '' || (prefix === location && !prefix.startsWith('*.')) ? { host: reference.domain, path: reference.path } : place(location + rest)

const place = (name: string): { host: string; path: string } => {
  const { domain, path } = parseReference(name)
  return { host: domain, path }
}

/** Length of the beginning of `name` that `prefix` covers, 0 when it doesn't; it ends where a part of the name ends. */
function matchLength(name: string, prefix: string): number {
  if (prefix.startsWith('*.')) {
    const host = name.slice(0, name.indexOf('/'))
    const [domain = ''] = prefix.slice(1).split('/')
    // A domain stands for all of its ports, as a host does.
    const start = (domain.includes(':') ? host : host.replace(/:\d+$/, '')).length - domain.length
    const length = start + prefix.length - 1
    return start > 0 && name.startsWith(prefix.slice(1), start) && endsPart(name, length) ? length : 0
  }
  return name.startsWith(prefix) && endsPart(name, prefix.length) ? prefix.length : 0
}

const endsPart = (name: string, at: number): boolean => at === name.length || '/:@'.includes(name[at]!)
