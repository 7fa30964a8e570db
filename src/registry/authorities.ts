// The authorities that a machine trusts, looked for where Go's programs look (crypto/x509, root_linux.go).
import { readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { readSmallFile } from './read-small-file.ts'

export interface NamedAuthorities {
  /** $SSL_CERT_FILE: in the place of the system's bundle. */
  readonly file?: string | undefined
  /** $SSL_CERT_DIR: in the place of the system's directories. */
  readonly dirs?: readonly string[]
}

/** Of Debian, Fedora, openSUSE, OpenELEC, CentOS, Alpine; the first that can be read counts alone. */
const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/ca-bundle.pem', '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', '/etc/ssl/cert.pem',
]
const DIRECTORIES = ['/etc/ssl/certs', '/etc/pki/tls/certs']

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/** PEM, one each. What cannot be read is passed over. undefined where nothing is named and the machine has none. */
export async function readAuthorities({ file, dirs = [] }: NamedAuthorities): Promise<readonly string[] | undefined> {
  const isNamed = file !== undefined || dirs.length > 0
  const bundle = await firstReadable(file === undefined ? BUNDLES : [file])
  // The system's bundle is made of what lies in the system's directories, and those take as long as a small pull.
  const isWhole = bundle !== undefined && !isNamed
  const texts = [bundle ?? '', ...(isWhole ? [] : await readAll(dirs.length > 0 ? dirs : DIRECTORIES))]
  const found = new Set(texts.flatMap((text) => text.match(CERTIFICATE) ?? []))
  return isNamed || found.size > 0 ? [...found] : undefined
}

const readText = async (path: string): Promise<string | undefined> =>
  readSmallFile(path).then((bytes) => bytes.toString('latin1'), () => undefined)

async function firstReadable(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const text = await readText(path)
    if (text !== undefined) return text
  }
  return undefined
}

/** One after the other: a directory may hold more files than a process may have open. */
async function readAll(dirs: readonly string[]): Promise<string[]> {
  const texts: string[] = []
  for (const dir of dirs) {
    for (const entry of await readdir(dir, { withFileTypes: true }).catch(() => [])) {
      const path = join(dir, entry.name)
      if (entry.isFile() || (entry.isSymbolicLink() && !(await isLinkWithin(path)))) texts.push(await readText(path) ?? '')
    }
  }
  return texts
}

/** OpenSSL's names by hash, for files of the same directory. */
const isLinkWithin = async (path: string): Promise<boolean> => readlink(path).then((target) => !target.includes('/'), () => false)
