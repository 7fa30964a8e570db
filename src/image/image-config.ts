// The configuration blob of an image: OCI image spec config.md, with Docker's further fields. Names are those of
// the document. Docker writes null for what is absent; here it is left out.
import * as v from 'valibot'
import { Failure } from '../errors.ts'
import { checked, parseJson } from './checked.ts'
import { digestSchema } from './descriptor.ts'
import type { Digest } from './digest.ts'
import { MAX_LAYERS } from './manifest.ts'

export const MAX_CONFIG_BYTES = 4 * 1024 * 1024

/** Docker's health check: durations in nanoseconds, 0 or absent is the default. */
export interface Healthcheck {
  /** `["NONE"]`, `["CMD", ...]` or `["CMD-SHELL", command]`; empty inherits. */
  readonly Test?: readonly string[]
  readonly Interval?: number
  readonly Timeout?: number
  readonly StartPeriod?: number
  readonly StartInterval?: number
  readonly Retries?: number
}

/** What a container of the image takes over. */
export interface ImageSettings {
  readonly User?: string
  readonly ExposedPorts?: Readonly<Record<string, object>>
  readonly Env?: readonly string[]
  readonly Entrypoint?: readonly string[]
  readonly Cmd?: readonly string[]
  readonly Volumes?: Readonly<Record<string, object>>
  readonly WorkingDir?: string
  readonly Labels?: Readonly<Record<string, string>>
  readonly StopSignal?: string
  /** Seconds. */
  readonly StopTimeout?: number
  readonly ArgsEscaped?: boolean
  readonly Healthcheck?: Healthcheck
  readonly OnBuild?: readonly string[]
  readonly Shell?: readonly string[]
}

export interface HistoryEntry {
  readonly created?: string
  readonly author?: string
  readonly created_by?: string
  readonly comment?: string
  /** The step made no layer. */
  readonly empty_layer?: boolean
}

export interface ImageConfig {
  readonly architecture: string
  readonly os: string
  readonly variant?: string
  readonly 'os.version'?: string
  readonly 'os.features'?: readonly string[]
  /** RFC 3339. */
  readonly created?: string
  readonly author?: string
  readonly docker_version?: string
  readonly config: ImageSettings
  /** Digests of the uncompressed layers, bottom first. */
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly Digest[] }
  readonly history: readonly HistoryEntry[]
}

const text = v.pipe(v.string(), v.maxLength(256 * 1024))
const word = v.pipe(v.string(), v.maxLength(4096))
const list = v.pipe(v.array(text), v.maxLength(65_536))
const keys = v.record(v.string(), v.pipe(v.nullish(v.looseObject({})), v.transform((): object => ({}))))
const nanoseconds = v.pipe(v.number(), v.integer())

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/
/** Nothing depends on it, so that one that is no time is as good as none. */
const time = v.pipe(word, v.transform((said) => (RFC_3339.test(said) && !Number.isNaN(Date.parse(said)) ? said : undefined)))

/** An absent or null field is undefined here and dropped by `compact`. */
const maybe = <S extends v.GenericSchema>(schema: S) => v.optional(v.nullable(schema))

const compact = <T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], null | undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined)) as never

const healthcheckSchema = v.pipe(v.object({
  Test: maybe(list), Interval: maybe(nanoseconds), Timeout: maybe(nanoseconds), StartPeriod: maybe(nanoseconds),
  StartInterval: maybe(nanoseconds), Retries: maybe(v.pipe(v.number(), v.integer())),
}), v.transform(compact))

/** Old docker wrote one string where a list is meant. */
const command = v.union([list, v.pipe(text, v.transform((one) => (one === '' ? [] : [one])))])

const settingsSchema = v.pipe(v.object({
  User: maybe(word), ExposedPorts: maybe(keys), Env: maybe(list), Entrypoint: maybe(command), Cmd: maybe(command),
  Volumes: maybe(keys), WorkingDir: maybe(word), Labels: maybe(v.record(v.string(), text)), StopSignal: maybe(word),
  StopTimeout: maybe(v.pipe(v.number(), v.integer())), ArgsEscaped: maybe(v.boolean()), Healthcheck: maybe(healthcheckSchema),
  OnBuild: maybe(list), Shell: maybe(list),
}), v.transform(compact))

const historySchema = v.pipe(v.object({
  created: maybe(time), author: maybe(text), created_by: maybe(text), comment: maybe(text), empty_layer: maybe(v.boolean()),
}), v.transform(compact))

const configSchema = v.object({
  architecture: v.optional(word, ''),
  os: v.optional(word, 'linux'),
  variant: maybe(word),
  'os.version': maybe(word),
  'os.features': maybe(v.array(word)),
  created: maybe(time),
  author: maybe(text),
  docker_version: maybe(word),
  config: v.optional(v.nullable(settingsSchema), null),
  rootfs: v.object({
    type: v.literal('layers'),
    diff_ids: v.pipe(v.nullable(v.array(digestSchema)), v.transform((ids) => ids ?? []), v.maxLength(MAX_LAYERS)),
  }),
  history: v.pipe(v.optional(v.nullable(v.array(historySchema)), null), v.transform((entries) => entries ?? [])),
})

/** The settings alone, as schema 1 carries them in its history. */
export const parseSettings = (value: unknown, what: string): ImageSettings => checked(settingsSchema, value, `the settings of ${what}`)

/** Reads an image configuration; digest and size are checked by the caller. Fails with `invalid`. */
export function parseImageConfig(bytes: Uint8Array, what: string): ImageConfig {
  const name = `the configuration of ${what}`
  const { config, rootfs, history, architecture, os, ...rest } = checked(configSchema, parseJson(bytes, MAX_CONFIG_BYTES, name), name)
  return { architecture, os, ...compact(rest), config: config ?? {}, rootfs, history }
}

/** Each layer of the manifest has one diff id. */
export function requireLayers(config: ImageConfig, layers: number, what: string): void {
  const ids = config.rootfs.diff_ids.length
  if (ids !== layers) throw new Failure('invalid', `${what} has ${layers} layers but its configuration names ${ids}`)
}
