import { isatty } from 'node:tty'
import { Failure } from '../errors.ts'

interface Asking { readonly prompt: string; /** Where nobody can be asked. */ readonly hint: string }

/** @throws Failure invalid without a terminal, cancelled when no answer comes */
export async function askPassword(username: string, { prompt, hint }: Asking): Promise<string> {
  if (!isatty(0)) throw new Failure('invalid', `the password of ${username} can only be asked for on a terminal`, { hint })
  const { createInterface } = await import('node:readline/promises')
  const { Writable } = await import('node:stream')
  const reader = createInterface({ input: process.stdin, output: new Writable({ write: (_chunk, _encoding, done) => done() }), terminal: true })
  process.stderr.write(prompt) // from here on nothing that is typed is shown
  const closed = new Promise<never>((_, reject) => reader.once('close', () => reject(new Failure('cancelled', `no password of ${username} was given`))))
  closed.catch(() => {})
  try {
    return await Promise.race([reader.question(''), closed])
  } finally {
    reader.close()
    process.stderr.write('\n')
  }
}

/** `USER` or `USER:`, as podman's --creds takes them: with the password that the user is asked for. */
export async function withPassword(creds: string | undefined): Promise<string | undefined> {
  const username = /^([^:]+):?$/.exec(creds ?? '')?.[1]
  if (username === undefined) return creds
  return `${username}:${await askPassword(username, { prompt: 'Password: ', hint: 'give --creds USER:PASSWORD, or a file that has them with --authfile' })}`
}
