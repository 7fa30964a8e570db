// Answers the challenges of one registry: basic, or bearer tokens of the distribution project's token specification
// (GET with basic credentials or none, POST oauth2 with an identity token).
import * as v from 'valibot'
import { Failure, isFailure } from '../errors.ts'
import { checked, parseJson } from '../image/checked.ts'
import { discardBody } from './body.ts'
import { parseChallenges, preferredChallenge, type Challenge } from './challenge.ts'
import type { Credentials } from './credentials.ts'
import { readReply } from './read-reply.ts'
import { replyFailure } from './registry-failure.ts'
import type { Exchange, Reply } from './transport.ts'

export interface Authenticator {
  /** Value of the Authorization header for a scope, from what is known so far; undefined: try without. */
  header(scope: string, signal?: AbortSignal): Promise<string | undefined>
  /** Takes up the challenge of a 401. False when nothing better can be sent than was. Failure denied (credentials refused). */
  challenged(reply: Reply, asked: { scope: string; sent: string | undefined; signal?: AbortSignal | undefined }): Promise<boolean>
}

export interface AuthenticatorSetup {
  readonly host: string
  readonly credentials: () => Promise<Credentials | undefined>
  /** Requests to the token server: with retries, and redirects that never take credentials along. */
  readonly send: (exchange: Omit<Exchange, 'tls'>) => Promise<Reply>
  /** Whether credentials may go to this address over plain HTTP. */
  readonly mayBePlain: (url: URL) => boolean
}

interface Token { readonly value: string; readonly expiresAtMs: number }

const MAX_TOKEN_BYTES = 1024 * 1024
/** A token server that says nothing grants a minute, by the specification; also the least that is believed. */
const MIN_LIFETIME_MS = 60_000
/** Tokens are renewed this long before they end. */
const MARGIN_MS = 10_000

const tokenSchema = v.object({
  token: v.optional(v.nullable(v.string('is not a text'))),
  access_token: v.optional(v.nullable(v.string('is not a text'))),
  expires_in: v.optional(v.nullable(v.number('is not a number'))),
}, 'is not an object')

const basic = ({ username, password }: Credentials): string => `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

export function makeAuthenticator(setup: AuthenticatorSetup): Authenticator {
  let challenge: Challenge | undefined
  let loaded: Promise<Credentials | undefined> | undefined
  const tokens = new Map<string, Promise<Token>>()
  /** Scopes for which our own was not enough. */
  const wider = new Map<string, readonly string[]>()
  const credentials = () => (loaded ??= setup.credentials())

  const token = async (bearer: Challenge, scope: string, signal?: AbortSignal): Promise<string> => {
    const known = await tokens.get(scope)?.catch(() => undefined)
    if (known && known.expiresAtMs - MARGIN_MS > Date.now()) return known.value
    const fetched = fetchToken({ setup, bearer, scopes: wider.get(scope) ?? [scope], credentials: await credentials(), signal })
    tokens.set(scope, fetched)
    fetched.catch(() => tokens.delete(scope))
    return (await fetched).value
  }

  const header = async (scope: string, signal?: AbortSignal): Promise<string | undefined> => {
    if (challenge === undefined) return undefined
    const found = await credentials()
    if (found?.registryToken !== undefined) return `Bearer ${found.registryToken}`
    if (challenge.scheme === 'bearer') return `Bearer ${await token(challenge, scope, signal)}`
    return found && found.identityToken === undefined ? basic(found) : undefined
  }

  /** The token server may know the repository by another name: that of the registry's challenge. False where there is none, or it was taken up. */
  const widen = (scope: string, scopes: readonly (string | undefined)[]): boolean => {
    const named = scopes.at(-1)
    if (named === undefined || named === scope || !/^[\x21-\x7e]{1,1024}$/.test(named) || wider.has(scope)) return false
    wider.set(scope, scopes as readonly string[])
    tokens.delete(scope)
    return true
  }

  return {
    header,
    async challenged(reply, { scope, sent, signal }) {
      const offered = preferredChallenge(parseChallenges(reply.headers['www-authenticate'] ?? ''))
      if (offered === undefined) return false
      // Another request may have got a fresh token meanwhile: only the one that was refused is dropped.
      if (sent?.startsWith('Bearer ')) {
        const known = await tokens.get(scope)?.catch(() => undefined)
        if (known && `Bearer ${known.value}` === sent) {
          tokens.delete(scope)
          widen(scope, [scope, offered.params['scope']])
        }
      }
      challenge = offered
      try {
        const next = await header(scope, signal)
        return next !== undefined && next !== sent
      } catch (error) {
        if (!isFailure(error, 'denied') || !widen(scope, [offered.params['scope']])) throw error
        return true
      }
    },
  }
}

interface TokenRequest {
  readonly setup: AuthenticatorSetup
  readonly bearer: Challenge
  readonly scopes: readonly string[]
  readonly credentials: Credentials | undefined
  readonly signal: AbortSignal | undefined
}

async function fetchToken({ setup, bearer, scopes, credentials, signal }: TokenRequest): Promise<Token> {
  const { host } = setup
  const realm = URL.parse(bearer.params['realm'] ?? '')
  if (realm === null || (realm.protocol !== 'https:' && realm.protocol !== 'http:')) throw new Failure('invalid', `the registry ${host} names no usable token server`)
  if (realm.protocol === 'http:' && !setup.mayBePlain(realm)) {
    throw new Failure('denied', `the registry ${host} wants a token fetched from ${realm.host} over plain HTTP`, { hint: 'use --tls-verify=false if you trust the network' })
  }
  realm.username = realm.password = ''
  const service = bearer.params['service']
  const startedMs = Date.now()
  const reply = await setup.send(credentials?.identityToken === undefined
    ? getRequest({ realm, service, scopes, credentials, signal })
    : postRequest({ realm, service, scopes, identityToken: credentials.identityToken, signal }))
  const what = `the token server of ${host}`
  if (reply.status !== 200) {
    if (reply.status !== 401 && reply.status !== 403) throw await replyFailure(reply, realm.host, what)
    await discardBody(reply.body)
    const whose = credentials?.username ? `the credentials of user "${credentials.username}"` : 'the identity token'
    throw new Failure('denied', credentials ? `the registry ${host} refuses ${whose}` : `the registry ${host} gives no access without credentials`, {
      hint: 'give credentials with --creds USER:PASSWORD, or a file that has them with --authfile',
    })
  }
  const bytes = await readReply(reply, MAX_TOKEN_BYTES).catch((error: unknown): never => {
    throw isFailure(error, 'invalid') ? new Failure('invalid', `${what}: ${error.message}`, { cause: error }) : error
  })
  const { token, access_token, expires_in } = checked(tokenSchema, parseJson(bytes, MAX_TOKEN_BYTES, `the answer of ${what}`), `the answer of ${what}`)
  const value = token || access_token || ''
  if (!/^[\x21-\x7e]+$/.test(value)) throw new Failure('invalid', `${what} gave no token`)
  return { value, expiresAtMs: startedMs + Math.max((expires_in ?? 0) * 1000, MIN_LIFETIME_MS) }
}

interface Form { readonly realm: URL; readonly service: string | undefined; readonly scopes: readonly string[]; readonly signal: AbortSignal | undefined }

function getRequest({ realm, service, scopes, credentials, signal }: Form & { credentials: Credentials | undefined }): Omit<Exchange, 'tls'> {
  const url = new URL(realm)
  if (service !== undefined) url.searchParams.set('service', service)
  for (const scope of scopes) url.searchParams.append('scope', scope)
  if (credentials?.username) url.searchParams.set('account', credentials.username)
  return { method: 'GET', url, headers: credentials ? { authorization: basic(credentials) } : {}, signal }
}

function postRequest({ realm, service, scopes, identityToken, signal }: Form & { identityToken: string }): Omit<Exchange, 'tls'> {
  const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: 'scow', scope: scopes.join(' '), refresh_token: identityToken, ...(service !== undefined && { service }) })
  const body = form.toString()
  return { method: 'POST', url: realm, headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(Buffer.byteLength(body)) }, body, signal }
}
