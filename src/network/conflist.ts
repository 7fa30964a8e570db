// Loading of network configuration (CNI specification, section 1, and the runtime's conventions for directories).
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import * as v from 'valibot'

import { Failure } from '../errors.ts'
import { log } from '../log.ts'
import type { NetworkList, PluginConfig, ScowNotes } from './cni-types.ts'
import { chooseVersion } from './versions.ts'

const MAX_BYTES = 1 << 20

/** The specification's characters of a network name. */
export const NETWORK_NAME: RegExp = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/

const pluginSchema = v.looseObject({
  type: v.pipe(v.string(), v.minLength(1), v.regex(/^[^/]+$/, 'a plugin type holds no slash')),
  capabilities: v.optional(v.record(v.string(), v.boolean())),
  ipam: v.optional(v.record(v.string(), v.unknown())),
})
const name = v.pipe(v.string(), v.maxLength(255), v.regex(NETWORK_NAME, 'a network name has letters, digits, _ . and -'))
const strings = v.record(v.string(), v.string())
const notesSchema = v.object({
  created: v.string(), driver: v.string(), interface: v.optional(v.string()), adopted: v.optional(v.boolean()), internal: v.optional(v.boolean()),
  ipv6: v.optional(v.boolean()), dns: v.optional(v.boolean()), labels: v.optional(strings), options: v.optional(strings),
})
/** Booleans may be strings: early writers of conflists quoted them. */
const flag = v.optional(v.pipe(v.union([v.boolean(), v.picklist(['true', 'false'])]), v.transform((value) => value === true || value === 'true')), false)
const listSchema = v.object({
  name,
  cniVersion: v.optional(v.string()),
  cniVersions: v.optional(v.array(v.string())),
  disableCheck: flag,
  disableGC: flag,
  loadOnlyInlinedPlugins: flag,
  plugins: v.optional(v.pipe(v.array(pluginSchema), v.maxLength(64)), []),
  scow: v.optional(notesSchema),
})
const singleSchema = v.looseObject({ ...pluginSchema.entries, name, cniVersion: v.optional(v.string()) })

/** Every valid network of `dirs`, in order of directory and file name; of two with one name the first counts. `complain` is told of each file that doesn't count. */
export const loadLists = (dirs: readonly string[], complain: (why: string) => void = log.warn): NetworkList[] => {
  const lists = new Map<string, NetworkList>()
  for (const file of dirs.flatMap(configFiles)) {
    const list = tryLoad(file, complain)
    if (!list) continue
    const earlier = lists.get(list.name)
    if (earlier) complain(`network ${list.name} of ${file} is ignored: ${earlier.file} has that name too`)
    else lists.set(list.name, list)
  }
  return [...lists.values()]
}

/** Files that may be configurations, sorted; a missing directory has none. */
export const configFiles = (dir: string): string[] => {
  try {
    return readdirSync(dir).filter((entry) => ['.conflist', '.conf', '.json'].includes(extname(entry))).sort().map((entry) => join(dir, entry))
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
}

const tryLoad = (file: string, complain: (why: string) => void): NetworkList | undefined => {
  try {
    return loadFile(file)
  } catch (error) {
    complain(`network configuration ${file} is ignored: ${error instanceof Failure ? error.message : String(error)}`)
    return undefined
  }
}

const loadFile = (file: string): NetworkList => {
  const { size } = statSync(file)
  if (size > MAX_BYTES) throw new Failure('invalid', `it has ${size} bytes, more than ${MAX_BYTES}`)
  const text = readFileSync(file, 'utf8')
  return extname(file) === '.conflist' ? parseList(text, file) : parseSingle(text, file)
}

/** Throws Failure `invalid` that says what is wrong, without the file's name. */
export const parseList = (text: string, file: string): NetworkList => {
  const raw = check(listSchema, parseJson(text))
  const plugins = raw.loadOnlyInlinedPlugins ? raw.plugins : [...raw.plugins, ...foldedPlugins(file, raw.name)]
  return finish({ ...raw, plugins, file })
}

/** A single plugin's file is a list of one; one with `plugins` is a list under the wrong suffix. */
const parseSingle = (text: string, file: string): NetworkList => {
  const json = parseJson(text)
  if (json !== null && typeof json === 'object' && 'plugins' in json) return parseList(text, file)
  const { name, cniVersion, ...plugin } = check(singleSchema, json)
  return finish({ name, cniVersion, disableCheck: false, disableGC: false, plugins: [plugin as RawPlugin], file })
}

/** Since 1.1: <directory of the list>/<name>/*.conf each hold one plugin more. */
const foldedPlugins = (file: string, name: string): RawPlugin[] =>
  configFiles(join(file, '..', name)).filter((path) => extname(path) === '.conf').map((path) => {
    try {
      return check(pluginSchema, parseJson(readFileSync(path, 'utf8')))
    } catch (error) {
      throw new Failure('invalid', `plugin file ${path}: ${(error as Error).message}`, { cause: error })
    }
  })

type RawPlugin = v.InferOutput<typeof pluginSchema>
interface Raw {
  readonly name: string
  readonly cniVersion?: string | undefined
  readonly cniVersions?: readonly string[] | undefined
  readonly disableCheck: boolean
  readonly disableGC: boolean
  readonly plugins: readonly RawPlugin[]
  readonly scow?: v.InferOutput<typeof notesSchema> | undefined
  readonly file: string
}

const finish = ({ name, cniVersion, cniVersions = [], disableCheck, disableGC, plugins, scow, file }: Raw): NetworkList => {
  const offered = [...cniVersions, ...(cniVersion ? [cniVersion] : [])]
  const chosen = chooseVersion(offered)
  if (!chosen) throw new Failure('invalid', `cniVersion ${offered.join(', ')} is not supported (1.1.0 and older are)`)
  if (plugins.length === 0) throw new Failure('invalid', 'it has no plugins')
  return {
    name, cniVersion: chosen, disableCheck, disableGC, plugins: plugins as readonly PluginConfig[], file, ...(scow ? { scow: scow as ScowNotes } : {}),
  }
}

const check = <S extends v.GenericSchema>(schema: S, value: unknown): v.InferOutput<S> => {
  const parsed = v.safeParse(schema, value)
  if (parsed.success) return parsed.output
  const issue = parsed.issues[0]!
  throw new Failure('invalid', `${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`)
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Failure('invalid', `not JSON: ${(error as Error).message.split('\n')[0]}`, { cause: error })
  }
}
