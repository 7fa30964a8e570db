// Credentials as podman and docker keep them: containers-auth.json(5), docker's config.json, and --creds.
import * as v from 'valibot'
import { Failure } from '../errors.ts'
import { checked, parseJson } from '../image/checked.ts'
import { readSmallFile } from './read-small-file.ts'
import type { AuthFile } from './registry-files.ts'

export interface Credentials {
  readonly username: string
  readonly password: string
  /** Instead of a password: exchanged for access tokens by the token server. */
  readonly identityToken?: string
  /** Instead of a password: sent to the registry as it is. */
  readonly registryToken?: string
}

/** Runs docker-credential-`helper`; undefined when it knows nothing of `server`. */
export type AskHelper = (helper: string, server: string) => Promise<Credentials | undefined>

export interface CredentialSources {
  readonly files: readonly AuthFile[]
  /** credential-helpers of registries.conf, in order; `containers-auth.json` stands for the files. */
  readonly helpers?: readonly string[] | undefined
  readonly askHelper: AskHelper
}

const DOCKER_SERVER = 'https://index.docker.io/v1/'

/** In the place of a helper's name: the files. */
export const FILES_HELPER = 'containers-auth.json'

/** Messages must not show what they are about: each schema has words of its own, for the library's quote what they got. */
const secret = v.string('is not a text')
const NO_OBJECT = 'is not an object'
const token = v.optional(v.nullable(v.pipe(secret, v.regex(/^[\x21-\x7e]*$/, 'is not a token'))))

/** Anything but a text or a list of them; an array is an object to the library. */
const object = v.custom<Record<string, unknown>>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), NO_OBJECT)

const entrySchema = v.object({
  auth: v.optional(v.nullable(secret)),
  username: v.optional(v.nullable(secret)),
  password: v.optional(v.nullable(secret)),
  identitytoken: token,
  registrytoken: token,
}, NO_OBJECT)
const authsSchema = v.pipe(object, v.record(v.string(), entrySchema))
const fileSchema = v.object({
  auths: v.optional(v.nullable(authsSchema)),
  credHelpers: v.optional(v.nullable(v.pipe(object, v.record(v.string(), secret)))),
  credsStore: v.optional(v.nullable(secret)),
})
type Entry = v.InferOutput<typeof entrySchema>

/** Reads `user[:password]`. */
export function parseCreds(text: string): Credentials {
  const colon = text.indexOf(':')
  const username = colon === -1 ? text : text.slice(0, colon)
  if (username === '') throw new Failure('invalid', 'the credentials name no user', { hint: 'give them as USER:PASSWORD' })
  return { username, password: colon === -1 ? '' : text.slice(colon + 1) }
}

interface Place { readonly host: string; readonly path: string }

/**
 * Credentials for `host`/`path` from the first helper or file that has some, the most specific entry of a file. A helper of
 * registries.conf that fails is passed over where a later one knows more.
 */
export async function findCredentials(place: Place, sources: CredentialSources): Promise<Credentials | undefined> {
  let failure: unknown
  for (const helper of sources.helpers ?? [FILES_HELPER]) {
    try {
      const found = helper === FILES_HELPER ? await inFiles(place, sources) : await firstKnown(serversOf(place.host), (server) => sources.askHelper(helper, server))
      if (found) return found
    } catch (error) {
      failure ??= error
    }
  }
  if (failure !== undefined) throw failure
  return undefined
}

async function firstKnown<T>(places: readonly T[], ask: (place: T) => Promise<Credentials | undefined>): Promise<Credentials | undefined> {
  for (const place of places) {
    const found = await ask(place)
    if (found) return found
  }
  return undefined
}

/** docker's own programs know docker.io by a URL. */
const serversOf = (host: string): string[] => (host === 'docker.io' ? [DOCKER_SERVER, host] : [host])

const inFiles = (place: Place, { files, askHelper }: CredentialSources): Promise<Credentials | undefined> =>
  firstKnown(files, async (file) => {
    const content = await readAuthFile(file)
    return content && inFile(content, { ...place, file: file.path, askHelper })
  })

/** A file that the user named is read whether or not the registry asks for credentials. Failure invalid. */
export const checkAuthFile = async (path: string): Promise<void> => void await readAuthFile({ path, required: true })

async function readAuthFile({ path, required, legacy }: AuthFile): Promise<v.InferOutput<typeof fileSchema> | undefined> {
  const what = `the credentials file ${path}`
  const bytes = await readSmallFile(path, what, { optional: !required })
  if (bytes === undefined || (!required && bytes.toString().trim() === '')) return undefined
  const document = parseJson(bytes, bytes.length, what)
  const content = checked(object, document, what)
  return checked(fileSchema, legacy ? { auths: content } : content, what)
}

interface Lookup { readonly host: string; readonly path: string; readonly file: string; readonly askHelper: AskHelper }

async function inFile(content: v.InferOutput<typeof fileSchema>, { host, path, file, askHelper }: Lookup): Promise<Credentials | undefined> {
  for (const key of [...specificity(host, path), ...(host === 'docker.io' ? [DOCKER_SERVER, 'index.docker.io'] : [])]) {
    const helper = own(content.credHelpers, key)
    const found = helper && await askHelper(helper, key)
    if (found) return found
  }
  const stored = content.credsStore ? await firstKnown(serversOf(host), (server) => askHelper(content.credsStore!, server)) : undefined
  if (stored) return stored
  const entries = new Map(Object.entries(content.auths ?? {}).map(([key, entry]) => [normalKey(key), entry] as const))
  for (const [key, entry] of Object.entries(content.auths ?? {})) entries.set(key, entry)
  for (const key of specificity(host, path)) {
    const entry = entries.get(key)
    const found = entry && decode(entry, file, key)
    if (found) return found
  }
  return undefined
}

const own = (table: Record<string, string> | null | undefined, key: string): string | undefined =>
  table && Object.hasOwn(table, key) ? table[key] : undefined

/** host/a/b, host/a, host. */
function specificity(host: string, path: string): string[] {
  const parts = path === '' ? [] : path.split('/')
  return [...parts.map((_, index) => [host, ...parts.slice(0, parts.length - index)].join('/')), host]
}

/** docker wrote URLs: `https://host/v1/` means the host, and index.docker.io is docker.io. */
function normalKey(key: string): string {
  const isUrl = /^https?:\/\//.test(key)
  const bare = key.replace(/^https?:\/\//, '').replace(/\/+$/, '')
  const host = bare.split('/')[0] ?? ''
  if (host === 'index.docker.io' || host === 'registry-1.docker.io') return 'docker.io'
  return isUrl || /\/v[12](\/|$)/.test(bare) ? host : bare
}

function decode({ auth, username, password, identitytoken, registrytoken }: Entry, file: string, key: string): Credentials | undefined {
  const decoded = auth ? Buffer.from(auth, 'base64').toString() : undefined
  const colon = decoded?.indexOf(':') ?? -1
  if (decoded !== undefined && colon === -1) throw new Failure('invalid', `the credentials for ${key} in ${file} are not base64 of USER:PASSWORD`)
  const user = decoded === undefined ? username ?? '' : decoded.slice(0, colon)
  // docker pads with NUL bytes.
  const secret = decoded === undefined ? password ?? '' : decoded.slice(colon + 1).replace(/\0+$/, '')
  if (registrytoken) return { username: user, password: '', registryToken: registrytoken }
  if (identitytoken) return { username: user, password: '', identityToken: identitytoken }
  return user === '' ? undefined : { username: user, password: secret }
}
