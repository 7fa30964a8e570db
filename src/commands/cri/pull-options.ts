// Options of everything that may pull an image.
import { duration, text } from '../../cli/option.ts'
import { Failure } from '../../errors.ts'
import type { Pull } from '../../cri/client/pull.ts'
import { environment } from '../../environment.ts'
import { askPassword } from '../ask-password.ts'

export const pullOptions = {
  auth: text('--auth <base64>', 'Credentials of the registry, as its configuration files hold them'),
  creds: text('--creds <user[:password]>', 'Credentials of the registry'),
  pullTimeout: duration('--pt, --pull-timeout <duration>', 'Give up a pull after so long; by default it takes as long as it needs'),
  username: text('--username <name>', 'User of the registry; the password is asked for'),
}

/** @throws Failure invalid */
export function checkPullChoice({ noPull, withPull }: { readonly noPull: boolean; readonly withPull: boolean }): void {
  if (noPull && withPull) throw new Failure('invalid', 'give only one of --no-pull and --with-pull')
}

export interface PullFlags {
  readonly auth: string | undefined
  readonly creds: string | undefined
  readonly username: string | undefined
  readonly pullTimeout: number | undefined
}

export async function pullSettings({ auth, creds, username, pullTimeout }: PullFlags): Promise<Pick<Pull, 'auth' | 'timeoutMs'>> {
  const [{ authConfig }, { parseTimeout }] = await Promise.all([import('../../cri/client/pull.ts'), import('../../cri/client/settings.ts')])
  const { CRICTL_PULL_TIMEOUT: time, CRICTL_CREDS, CRICTL_AUTH } = environment().all
  const timeoutMs = pullTimeout ?? (time ? parseTimeout(time, 'CRICTL_PULL_TIMEOUT') : undefined)
  if (timeoutMs !== undefined && timeoutMs < 0) throw new Failure('invalid', 'a pull cannot take less than no time', { hint: 'give --pull-timeout such as 5m, or 0 for no limit' })
  const known = { creds: creds ?? (CRICTL_CREDS || undefined), auth: auth ?? (CRICTL_AUTH || undefined) }
  const password = username !== undefined && !known.creds && !known.auth ? await askPassword(username, { prompt: 'Enter Password:', hint: 'use --creds or --auth' }) : undefined
  return { auth: authConfig({ ...known, username, password }), ...(timeoutMs !== undefined && timeoutMs > 0 ? { timeoutMs } : {}) }
}
