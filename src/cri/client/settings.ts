// Which runtime is asked, and how patiently: flags win over the environment, that over crictl.yaml, that over the defaults.
import { readFileSync } from 'node:fs'
import { environment } from '../../environment.ts'
import { Failure, reasonOf } from '../../errors.ts'

export interface CriSettings {
  /** Empty: the usual sockets are tried. */
  readonly runtimeEndpoint: string
  /** Empty: the same as the runtime's. */
  readonly imageEndpoint: string
  /** Undefined: what fits each call. */
  readonly timeoutMs: number | undefined
  readonly debug: boolean
  readonly pullImageOnCreate: boolean
  readonly disablePullOnRun: boolean
}

/** Values of the global flags, by their long name; undefined where they were not given. */
export interface CriFlags {
  readonly config?: string | undefined
  readonly runtimeEndpoint?: string | undefined
  readonly imageEndpoint?: string | undefined
  readonly timeout?: string | undefined
  readonly debug?: string | undefined
}

export const DEFAULT_CONFIG = '/etc/crictl.yaml'

/** @throws Failure invalid, notFound: a file that was named and is not there */
export async function readSettings(flags: CriFlags): Promise<CriSettings> {
  const env = environment().all
  const file = await readConfigFile(configFile(flags))
  const timeout = flags.timeout ?? env['CONTAINER_RUNTIME_TIMEOUT']
  return {
    runtimeEndpoint: flags.runtimeEndpoint ?? (env['CONTAINER_RUNTIME_ENDPOINT'] || file.runtimeEndpoint),
    imageEndpoint: flags.imageEndpoint ?? (env['IMAGE_SERVICE_ENDPOINT'] || file.imageEndpoint),
    timeoutMs: timeout === undefined || timeout === '' ? file.timeoutMs : parseTimeout(timeout, flags.timeout === undefined ? 'CONTAINER_RUNTIME_TIMEOUT' : undefined),
    debug: flags.debug === undefined ? file.debug : /^(1|t|true)$/i.test(flags.debug),
    pullImageOnCreate: file.pullImageOnCreate,
    disablePullOnRun: file.disablePullOnRun,
  }
}

/** The file in use, and whether it must be there. */
export function configFile(flags: CriFlags): { readonly path: string; readonly isNamed: boolean } {
  const named = flags.config ?? (environment().all['CRI_CONFIG_FILE'] || undefined)
  return { path: named ?? DEFAULT_CONFIG, isNamed: named !== undefined }
}

const DURATION = /^(\d+(?:\.\d*)?)(ms|s|m|h)$/
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** `2s`, `1m30s`, `5`: milliseconds; nothing for zero and below. `variable`: where it was read. @throws Failure invalid */
export function parseTimeout(text: string, variable?: string): number | undefined {
  if (/^-?\d+$/.test(text)) return Number(text) > 0 ? Number(text) * 1000 : undefined
  const parts = text.replace(/^-/, '').match(/\d+(?:\.\d*)?(?:ms|s|m|h)/g)
  if (!parts || parts.join('') !== text.replace(/^-/, '')) throw new Failure('invalid', `invalid timeout "${text}"${variable === undefined ? '' : ` in ${variable}`}`, { hint: 'give a duration such as 10s or 1m' })
  const totalMs = parts.reduce((sum, part) => { const [, number, unit] = DURATION.exec(part)!; return sum + Number(number) * UNIT_MS[unit!]! }, 0)
  return text.startsWith('-') || totalMs <= 0 ? undefined : totalMs
}

export type FileSettings = Omit<CriSettings, 'timeoutMs'> & { readonly timeoutMs: number | undefined }

const NOTHING: FileSettings = { runtimeEndpoint: '', imageEndpoint: '', timeoutMs: undefined, debug: false, pullImageOnCreate: false, disablePullOnRun: false }

const readConfigFile = async ({ path, isNamed }: { path: string; isNamed: boolean }): Promise<FileSettings> => parseConfig(readText(path, isNamed) ?? '', path)

/** The settings in the text of a file. @throws Failure invalid */
export async function parseConfig(text: string, path: string): Promise<FileSettings> {
  if (text.trim() === '') return NOTHING
  const { parseYaml } = await import('../../yaml.ts')
  const content = parseYaml(text, path) ?? {}
  if (typeof content !== 'object' || Array.isArray(content)) throw new Failure('invalid', `${path} holds no settings`, { hint: 'write lines such as runtime-endpoint: unix:///run/containerd/containerd.sock' })
  return Object.entries(content).reduce<FileSettings>((settings, [key, value]) => ({ ...settings, ...setting(path, key, value) }), NOTHING)
}

function readText(path: string, isNamed: boolean): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && !isNamed) return undefined
    throw new Failure(code === 'ENOENT' ? 'notFound' : 'denied', `cannot read the configuration ${path}: ${code === 'ENOENT' ? 'it does not exist' : reasonOf(error)}`, { cause: error })
  }
}

/** Keys of crictl.yaml and what they hold. */
export const KEYS = {
  'runtime-endpoint': 'text', 'image-endpoint': 'text', timeout: 'seconds', debug: 'boolean', 'pull-image-on-create': 'boolean', 'disable-pull-on-run': 'boolean',
} as const
export type Key = keyof typeof KEYS

const FIELD: Readonly<Record<Exclude<Key, 'timeout'>, keyof CriSettings>> = {
  'runtime-endpoint': 'runtimeEndpoint', 'image-endpoint': 'imageEndpoint', debug: 'debug', 'pull-image-on-create': 'pullImageOnCreate', 'disable-pull-on-run': 'disablePullOnRun',
}

export const isKey = (text: string): text is Key => Object.hasOwn(KEYS, text)

/** @throws Failure invalid */
function setting(path: string, key: string, value: unknown): Partial<FileSettings> {
  const wrong = (expected: string): Failure => new Failure('invalid', `${path}: ${key} must be ${expected}, not ${JSON.stringify(value)}`, { hint: `correct the file ${path}` })
  if (!isKey(key)) throw new Failure('invalid', `${path}: unknown setting "${key}"`, { hint: `known are ${Object.keys(KEYS).join(', ')}` })
  if (value === null || value === undefined) return {}
  if (key === 'timeout') {
    // in quotes too: crictl's parser takes them for the same
    if (!/^-?\d+$/.test(String(value))) throw wrong('a whole number of seconds')
    return { timeoutMs: Number(value) > 0 ? Number(value) * 1000 : undefined }
  }
  const type = KEYS[key] === 'boolean' ? 'boolean' : 'string'
  if (typeof value !== type) throw wrong(type === 'boolean' ? 'true or false' : 'a text')
  return { [FIELD[key]]: value }
}
