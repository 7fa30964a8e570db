// Credentials as podman and docker keep them: containers-auth.json(5), docker's config.json, and --creds.
import { readFile } from 'node:fs/promises'
import * as v from 'valibot'
import { Failure } from '../errors.ts'
import { checked, parseJson } from '../image/checked.ts'
import type { AuthFile } from './registry-files.ts'

export interface Credentials {
  readonly username: string
  readonly password: string
  /** Instead of a password: exchanged for access tokens by the token server. */
  readonly identityToken?: string
}

/** Runs docker-credential-`helper`; undefined when it knows nothing of `server`. */
export type AskHelper = (helper: string, server: string) => Promise<Credentials | undefined>

export interface CredentialSources {
  readonly files: readonly AuthFile[]
  readonly askHelper: AskHelper
}

const MAX_AUTH_BYTES = 4 * 1024 * 1024
const DOCKER_SERVER = 'https://index.docker.io/v1/'

const entrySchema = v.object({
  auth: v.optional(v.nullable(v.string())),
  username: v.optional(v.nullable(v.string())),
  password: v.optional(v.nullable(v.string())),
  identitytoken: v.optional(v.nullable(v.string())),
})
const authsSchema = v.record(v.string(), entrySchema)
const fileSchema = v.object({
  auths: v.optional(v.nullable(authsSchema)),
  credHelpers: v.optional(v.nullable(v.record(v.string(), v.string()))),
  credsStore: v.optional(v.nullable(v.string())),
})
type Entry = v.InferOutput<typeof entrySchema>

/** Reads `user[:password]`. */
export function parseCreds(text: string): Credentials {
  const colon = text.indexOf(':')
  const username = colon === -1 ? text : text.slice(0, colon)
  if (username === '') throw new Failure('invalid', 'the credentials name no user', { hint: 'give them as USER:PASSWORD' })
  return { username, password: colon === -1 ? '' : text.slice(colon + 1) }
}

/** Credentials for `host`/`path` from the first file that has some, the most specific entry of it. */
export async function findCredentials({ host, path }: { host: string; path: string }, { files, askHelper }: CredentialSources): Promise<Credentials | undefined> {
  for (const file of files) {
    const content = await readAuthFile(file)
    const found = content && await inFile(content, { host, path, file: file.path, askHelper })
    if (found) return found
  }
  return undefined
}

async function readAuthFile({ path, required, legacy }: AuthFile): Promise<v.InferOutput<typeof fileSchema> | undefined> {
  let bytes
  try {
    bytes = await readFile(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if ((code === 'ENOENT' || code === 'ENOTDIR') && !required) return undefined
    throw new Failure('invalid', `the credentials file ${path} cannot be read (${code})`, { cause: error })
  }
  if (bytes.toString().trim() === '') return undefined
  const document = parseJson(bytes, MAX_AUTH_BYTES, `the credentials file ${path}`)
  return checked(fileSchema, legacy ? { auths: document } : document, `the credentials file ${path}`)
}

interface Lookup { readonly host: string; readonly path: string; readonly file: string; readonly askHelper: AskHelper }

async function inFile(content: v.InferOutput<typeof fileSchema>, { host, path, file, askHelper }: Lookup): Promise<Credentials | undefined> {
  const servers = host === 'docker.io' ? [DOCKER_SERVER, host] : [host]
  for (const key of specificity(host, path)) {
    const helper = own(content.credHelpers, key)
    const found = helper && await askHelper(helper, key)
    if (found) return found
  }
  for (const server of content.credsStore ? servers : []) {
    const found = await askHelper(content.credsStore!, server)
    if (found) return found
  }
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

function decode({ auth, username, password, identitytoken }: Entry, file: string, key: string): Credentials | undefined {
  const decoded = auth ? Buffer.from(auth, 'base64').toString() : undefined
  const colon = decoded?.indexOf(':') ?? -1
  if (decoded !== undefined && colon === -1) throw new Failure('invalid', `the credentials for ${key} in ${file} are not base64 of USER:PASSWORD`)
  const user = decoded === undefined ? username ?? '' : decoded.slice(0, colon)
  // docker pads with NUL bytes.
  const secret = decoded === undefined ? password ?? '' : decoded.slice(colon + 1).replace(/\0+$/, '')
  if (identitytoken) return { username: user, password: '', identityToken: identitytoken }
  return user === '' ? undefined : { username: user, password: secret }
}
