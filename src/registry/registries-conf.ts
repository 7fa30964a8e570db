// containers-registries.conf(5), version 2 and the older version 1, and registries.conf.d.
import { access, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { Failure, reasonOf } from '../errors.ts'
import { checked } from '../image/checked.ts'
import { parseTyped } from '../image/reference.ts'
import { readSmallFile } from './read-small-file.ts'
import type { RegistryFiles } from './registry-files.ts'

export type PullFromMirror = 'all' | 'digest-only' | 'tag-only'

export interface Mirror {
  /** host[:port][/namespace], put in the place of the registry's prefix. */
  readonly location: string
  readonly insecure: boolean
  readonly pull: PullFromMirror
}

export interface RegistryRule {
  /** host[:port][/namespace[/repository[:tag|@digest]]], or `*.domain`. */
  readonly prefix: string
  /** Empty: as written. */
  readonly location: string
  readonly insecure: boolean
  readonly blocked: boolean
  readonly mirrors: readonly Mirror[]
}

export interface RegistriesConf {
  /** undefined: no file says anything. */
  readonly searchRegistries: readonly string[] | undefined
  readonly shortNameMode: 'enforcing' | 'permissive' | 'disabled'
  /** Short name (without tag) to `registry/path`. */
  readonly aliases: ReadonlyMap<string, string>
  /** Where credentials are looked for, in order; undefined: in the files alone. */
  readonly credentialHelpers: readonly string[] | undefined
  readonly rules: readonly RegistryRule[]
}

const text = v.pipe(v.string(), v.maxLength(1024))
const flag = v.optional(v.boolean(), false)
const hosts = v.array(text)
const version1List = v.exactOptional(v.object({ registries: v.optional(hosts, []) }))

const fileSchema = v.object({
  'unqualified-search-registries': v.exactOptional(hosts),
  'short-name-mode': v.exactOptional(v.picklist(['', 'enforcing', 'permissive', 'disabled'])),
  'credential-helpers': v.exactOptional(v.pipe(v.array(v.pipe(v.string(), v.regex(/^[A-Za-z0-9._-]{1,128}$/, 'is not the name of a helper'))), v.maxLength(32))),
  aliases: v.optional(v.record(v.string(), text), {}),
  registry: v.optional(v.array(v.object({
    prefix: v.optional(text, ''), location: v.optional(text, ''), insecure: flag, blocked: flag, 'mirror-by-digest-only': flag,
    mirror: v.optional(v.array(v.object({
      location: text, insecure: flag, 'pull-from-mirror': v.optional(v.picklist(['', 'all', 'digest-only', 'tag-only']), ''),
    })), []),
  })), []),
  registries: v.exactOptional(v.object({ search: version1List, insecure: version1List, block: version1List })),
})
type FileContent = v.InferOutput<typeof fileSchema>

/** The main file, then the drop-ins by name; a later file replaces keys, rules of the same prefix and aliases. */
export async function readRegistriesConf(files: RegistryFiles): Promise<RegistriesConf> {
  const main = await firstOf(files)
  const isUsers = !files.registriesConfRequired && main !== undefined && main === files.user?.registriesConf
  const dropIns = (await Promise.all((isUsers ? [files.user!.dropIns] : files.dropIns).map(confFiles))).flat()
  let conf: RegistriesConf = { searchRegistries: undefined, shortNameMode: 'permissive', aliases: new Map(), credentialHelpers: undefined, rules: [] }
  for (const path of [...(main === undefined ? [] : [main]), ...dropIns]) conf = merge(conf, await readConf(path))
  const cached = await readConf(files.aliasCache, { optional: true })
  return { ...conf, aliases: withAliases(conf.aliases, cached.aliases) }
}

async function firstOf({ registriesConf, registriesConfRequired }: RegistryFiles): Promise<string | undefined> {
  if (registriesConfRequired) return registriesConf[0]
  for (const path of registriesConf) {
    if (await access(path).then(() => true, (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR')) return path
  }
  return undefined
}

async function confFiles(dir: string): Promise<string[]> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
    throw new Failure('invalid', `the directory ${dir} cannot be read: ${reasonOf(error)}`, { cause: error })
  })
  return names.filter((name) => name.endsWith('.conf')).sort().map((name) => join(dir, name))
}

async function readConf(path: string, { optional = false } = {}): Promise<ReturnType<typeof interpret>> {
  const bytes = await readSmallFile(path, path, { optional })
  if (bytes === undefined) return interpret(v.parse(fileSchema, {}), path)
  const { parseToml } = await import('../toml.ts')
  return interpret(checked(fileSchema, parseToml(bytes.toString(), path), path), path)
}

function interpret(content: FileContent, path: string) {
  const { registries: old } = content
  const mode = content['short-name-mode']
  const searchRegistries = content['unqualified-search-registries'] ?? old?.search?.registries
  return {
    searchRegistries: searchRegistries?.map((host) => location(host, path)),
    shortNameMode: mode === '' ? undefined : mode,
    credentialHelpers: content['credential-helpers'],
    aliases: Object.entries(content.aliases).map(([name, target]) => alias({ name, target, path })),
    rules: [...content.registry.map((registry) => rule(registry, path)), ...versionOneRules(old, path)],
  }
}

/** Checked where it is read: a wrong one is found before its name is used. */
function alias({ name, target, path }: { name: string; target: string; path: string }): readonly [string, string] {
  const wrong = (why: string): Failure => new Failure('invalid', `${path}: the alias "${name.slice(0, 255)}" = "${target}" ${why}`, { hint: 'an alias looks like "fedora" = "registry.example.com/fedora"' })
  const parsed = (text: string, what: string) => {
    try {
      return parseTyped(text)
    } catch {
      throw wrong(`has ${what} that is no name`)
    }
  }
  const short = parsed(name, 'a short name')
  if (short.domain !== undefined) throw wrong('is for a name that has a registry')
  const full = target === '' ? undefined : parsed(target, 'a target')
  if (full && full.domain === undefined) throw wrong('names no registry')
  if ([short, full].some((one) => one?.tag !== undefined || one?.digest !== undefined)) throw wrong('may have no tag and no digest')
  return [name, target]
}

function rule(registry: FileContent['registry'][number], path: string): RegistryRule {
  const to = location(registry.location, path)
  const prefix = location(registry.prefix === '' ? registry.location : registry.prefix, path)
  if (prefix === '') throw new Failure('invalid', `${path}: a [[registry]] has neither prefix nor location`)
  if (prefix.startsWith('*.') ? prefix.slice(2).includes('*') : prefix.includes('*')) throw new Failure('invalid', `${path}: the prefix "${prefix}" may have * only as its first part, as in *.example.com`)
  const byDigest = registry['mirror-by-digest-only']
  const mirrors = registry.mirror.map((mirror): Mirror => {
    const own = mirror['pull-from-mirror']
    if (byDigest && own !== '') throw new Failure('invalid', `${path}: "${prefix}" sets both mirror-by-digest-only and pull-from-mirror`)
    if (mirror.location === '') throw new Failure('invalid', `${path}: a mirror of "${prefix}" has no location`)
    return { location: location(mirror.location, path), insecure: mirror.insecure, pull: own !== '' ? own : byDigest ? 'digest-only' : 'all' }
  })
  return { prefix, location: to, insecure: registry.insecure, blocked: registry.blocked, mirrors }
}

function versionOneRules(old: FileContent['registries'], path: string): RegistryRule[] {
  const rules = new Map<string, RegistryRule>()
  const add = (host: string, change: Partial<RegistryRule>): void => {
    const prefix = location(host, path)
    rules.set(prefix, { ...(rules.get(prefix) ?? { prefix, location: '', insecure: false, blocked: false, mirrors: [] }), ...change })
  }
  for (const host of old?.insecure?.registries ?? []) add(host, { insecure: true })
  for (const host of old?.block?.registries ?? []) add(host, { blocked: true })
  return [...rules.values()]
}

function location(value: string, path: string): string {
  if (/^https?:\/\//.test(value)) throw new Failure('invalid', `${path}: "${value}" must be written without http:// or https://`, { hint: 'write host[:port][/namespace]; plain HTTP is insecure = true' })
  return value.replace(/\/+$/, '')
}

function merge(conf: RegistriesConf, file: ReturnType<typeof interpret>): RegistriesConf {
  const replaced = new Set(file.rules.map(({ prefix }) => prefix))
  return {
    searchRegistries: file.searchRegistries ?? conf.searchRegistries,
    shortNameMode: file.shortNameMode ?? conf.shortNameMode,
    credentialHelpers: file.credentialHelpers ?? conf.credentialHelpers,
    aliases: withAliases(conf.aliases, file.aliases),
    rules: [...conf.rules.filter(({ prefix }) => !replaced.has(prefix)), ...file.rules],
  }
}

/** An alias to the empty text takes an earlier one away. */
function withAliases(known: ReadonlyMap<string, string>, added: readonly (readonly [string, string])[]): ReadonlyMap<string, string> {
  const all = new Map(known)
  for (const [name, target] of added) {
    if (target === '') all.delete(name)
    else all.set(name, target)
  }
  return all
}
