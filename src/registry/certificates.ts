// containers-certs.d(5): a directory for each host with its authorities (*.crt) and our own certificates (*.cert, *.key).
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, reasonOf } from '../errors.ts'
import { readSmallFile } from './read-small-file.ts'
import type { TlsSettings } from './transport.ts'

export type Certificates = Omit<TlsSettings, 'verify'>

/** Paths of PEM files; a key may lie in the file of its certificate. */
export interface CertificateFiles {
  readonly ca: readonly string[]
  readonly own: readonly { readonly cert: string; readonly key: string }[]
}

/** From the first directory that there is; none when there is none. Failure invalid. */
export async function readCertificates(dirs: readonly string[], { required }: { required: boolean }): Promise<Certificates> {
  for (const dir of dirs) {
    const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
      if ((error.code === 'ENOENT' || error.code === 'ENOTDIR') && !required) return undefined
      throw new Failure('invalid', `the certificate directory ${dir} cannot be read: ${reasonOf(error)}`, { cause: error })
    })
    if (names) return loadCertificates(filesIn(dir, names.sort()))
  }
  return {}
}

function filesIn(dir: string, names: readonly string[]): CertificateFiles {
  const certs = names.filter((name) => name.endsWith('.cert'))
  const keys = names.filter((name) => name.endsWith('.key'))
  for (const [name, partners, other] of [...certs.map((cert) => [cert, keys, cert.replace(/cert$/, 'key')] as const), ...keys.map((key) => [key, certs, key.replace(/key$/, 'cert')] as const)]) {
    if (!partners.includes(other)) throw new Failure('invalid', `${join(dir, name)} lacks its other half ${other}`, { hint: 'a client certificate needs NAME.cert and NAME.key; an authority is called NAME.crt' })
  }
  return {
    ca: names.filter((name) => name.endsWith('.crt')).map((name) => join(dir, name)),
    own: certs.map((cert) => ({ cert: join(dir, cert), key: join(dir, cert.replace(/cert$/, 'key')) })),
  }
}

/** Failure invalid for a file that is missing or holds neither certificate nor key. */
export async function loadCertificates({ ca, own }: CertificateFiles): Promise<Certificates> {
  const [authorities, certs, keys] = await Promise.all([
    Promise.all(ca.map((path) => readPem(path, /-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/, 'certificate'))),
    Promise.all(own.map(({ cert }) => readPem(cert, /-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/, 'certificate'))),
    Promise.all(own.map(({ key }) => readPem(key, /-----BEGIN [A-Z ]*PRIVATE KEY-----/, 'private key'))),
  ])
  return { ...(authorities.length > 0 && { ca: authorities }), ...(certs.length > 0 && { cert: certs, key: keys }) }
}

async function readPem(path: string, mark: RegExp, what: string): Promise<string> {
  const text = (await readSmallFile(path, `the ${what} ${path}`)).toString('latin1')
  if (!mark.test(text)) throw new Failure('invalid', `${path} holds no PEM ${what}`)
  return text
}
