// containers-certs.d(5): a directory for each host with its authorities (*.crt) and our own certificate (*.cert, *.key).
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import type { TlsSettings } from './transport.ts'

export type Certificates = Omit<TlsSettings, 'verify'>

/** From the first directory that there is; none when there is none. Failure invalid. */
export async function readCertificates(dirs: readonly string[], { required }: { required: boolean }): Promise<Certificates> {
  for (const dir of dirs) {
    const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
      if ((error.code === 'ENOENT' || error.code === 'ENOTDIR') && !required) return undefined
      throw new Failure('invalid', `the certificate directory ${dir} cannot be read (${error.code})`, { cause: error })
    })
    if (names) return readDirectory(dir, names.sort())
  }
  return {}
}

async function readDirectory(dir: string, names: readonly string[]): Promise<Certificates> {
  const read = async (name: string): Promise<string> => {
    const path = join(dir, name)
    return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new Failure('invalid', `the certificate ${path} cannot be read (${error.code})`, { cause: error })
    })
  }
  const ca = await Promise.all(names.filter((name) => name.endsWith('.crt')).map(read))
  const certs = names.filter((name) => name.endsWith('.cert'))
  const keys = names.filter((name) => name.endsWith('.key'))
  for (const [name, partners, other] of [...certs.map((cert) => [cert, keys, cert.replace(/cert$/, 'key')] as const), ...keys.map((key) => [key, certs, key.replace(/key$/, 'cert')] as const)]) {
    if (!partners.includes(other)) throw new Failure('invalid', `${join(dir, name)} lacks its other half ${other}`, { hint: 'a client certificate needs NAME.cert and NAME.key; an authority is called NAME.crt' })
  }
  const [cert] = certs
  return { ...(ca.length > 0 && { ca }), ...(cert !== undefined && { cert: await read(cert), key: await read(cert.replace(/cert$/, 'key')) }) }
}
