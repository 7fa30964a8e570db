import { existsSync } from 'node:fs'
import { Failure } from '../../errors.ts'
import { count, duration, flag, list, refused, text } from '../../cli/option.ts'
import type { ValuesOf } from '../../cli/command.ts'

/** How a registry is reached; run, create and pull have them. */
export const accessOptions = {
  authfile: text('--authfile <file>', 'Credentials of registries', { complete: 'file' }),
  creds: text('--creds <user[:password]>', 'Credentials of this pull'),
  certDir: text('--cert-dir <dir>', 'Certificates of the registry', { complete: 'directory' }),
  tlsVerify: flag('--tls-verify', 'Insist on a valid certificate of the registry', true),
  retry: count('--retry <times>', 'Attempts after a failed one'),
  retryDelay: duration('--retry-delay <duration>', 'Pause between attempts'),
  disableContentTrust: flag('--disable-content-trust', 'Accepted for compatibility', true),
}
export const platformOptions = {
  platform: text('--platform <os/arch>', 'Platform of the image'),
  arch: text('--arch <arch>', 'Architecture of the image'),
  os: text('--os <os>', 'Operating system of the image'),
  variant: text('--variant <variant>', 'Variant of the architecture'),
}

/** Of `pull`. */
export const pullOptions = {
  ...accessOptions, ...platformOptions,
  allTags: flag('-a, --all-tags', 'Pull every tag of the repository'),
  decryptionKey: refused(list('--decryption-key <key>', 'Key of an encrypted image'), 'encrypted images come later'),
  policy: text('--policy <policy>', 'always, missing, never or newer (default always)'),
  quiet: flag('-q, --quiet', 'Print the id only'),
}

type AccessValues = Pick<ValuesOf<typeof accessOptions>, 'authfile' | 'creds' | 'certDir' | 'tlsVerify' | 'retry' | 'retryDelay'>

/** @throws notFound: a file of credentials that nobody would miss until a registry asks */
export const toAccess = (values: AccessValues, given: ReadonlySet<string>) => {
  if (values.authfile && !existsSync(values.authfile)) throw new Failure('notFound', `--authfile ${values.authfile}: no such file`)
  return accessOf(values, given)
}

const accessOf = ({ authfile, creds, certDir, tlsVerify, retry, retryDelay }: AccessValues, given: ReadonlySet<string>) => ({
  ...(creds === undefined ? {} : { creds }), ...(authfile ? { authFile: authfile } : {}), ...(certDir === undefined ? {} : { certDir }),
  ...(given.has('tlsVerify') ? { tlsVerify } : {}), ...(retry === undefined ? {} : { retry }), ...(retryDelay === undefined ? {} : { retryDelayMs: retryDelay }),
})
