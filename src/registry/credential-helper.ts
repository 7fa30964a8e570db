// The credential helper protocol: `docker-credential-NAME get`, the server on stdin, JSON on stdout.
import * as v from 'valibot'
import { Failure } from '../errors.ts'
import { checked, parseJson } from '../image/checked.ts'
import { findProgram } from '../process/find-program.ts'
import { runProgram } from '../process/run-program.ts'
import type { AskHelper } from './credentials.ts'

const replySchema = v.object({ Username: v.string('is not a text'), Secret: v.string('is not a text') }, 'is not an object')

const NAME = /^[A-Za-z0-9._-]+$/
const MAX_REPLY_BYTES = 1024 * 1024
const DEADLINE_MS = 30_000
/** Words of a helper that has nothing, by convention of the protocol. */
const NOTHING = /credentials not found/i
/** In place of a user: the secret is an identity token. */
const TOKEN_USER = '<token>'

export interface HelperSetup {
  readonly dirs: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

export const credentialHelper = ({ dirs, env }: HelperSetup): AskHelper => async (helper, server) => {
  if (helper === '') return undefined
  const name = `docker-credential-${helper}`
  const program = NAME.test(helper) ? findProgram(name, dirs) : undefined
  if (program === undefined) throw new Failure('notFound', `the credential helper ${JSON.stringify(name)} is not installed`, { hint: 'install it, or correct credHelpers and credsStore in the credentials file, or credential-helpers in registries.conf' })
  const variables = Object.fromEntries(Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined))
  const ended = await runProgram(program, ['get'], { input: `${server}\n`, env: variables, timeoutMs: DEADLINE_MS, maxOutputBytes: MAX_REPLY_BYTES })
  if (ended.code !== 0) {
    if (NOTHING.test(String(ended.stdout)) || NOTHING.test(String(ended.stderr))) return undefined
    // Its output may hold a secret: only the fact is told.
    throw new Failure('denied', `the credential helper ${name} failed for ${server} (exit code ${ended.code ?? ended.signal})`)
  }
  const what = `the answer of the credential helper ${name}`
  const { Username, Secret } = checked(replySchema, parseJson(ended.stdout, MAX_REPLY_BYTES, what), what)
  if (Username === '' && Secret === '') return undefined
  return Username === TOKEN_USER ? { username: '', password: '', identityToken: Secret } : { username: Username, password: Secret }
}
