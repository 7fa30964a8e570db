// The sessions of one client, one for each host and way of access, and where their credentials and certificates come from.
import { Failure } from '../errors.ts'
import type { Certificates } from './certificates.ts'
import type { Credentials } from './credentials.ts'
import type { Endpoint } from './endpoint.ts'
import { expiring } from './expiring.ts'
import type { RegistriesConf } from './registries-conf.ts'
import type { Access, RegistryOptions } from './registry.ts'
import type { Session } from './session.ts'
import type { Timings } from './timings.ts'
import type { Transport } from './transport.ts'

const DEFAULT_RETRIES = 3
const DEFAULT_DELAY_MS = 2000
/** A server that runs for months sees changed credentials and certificates after this. */
const LIFETIME_MS = 60_000
const TOKEN = /^[\x21-\x7e]+$/

export interface SessionParts {
  readonly options: RegistryOptions
  readonly timings: Timings
  readonly transport: Transport
  readonly conf: () => Promise<RegistriesConf>
}

export interface Asked {
  readonly access: Access
  /** The registry that the user named: what was given for it goes to no other. */
  readonly domain: string
}

/** The session for an endpoint. Failure denied where --tls-verify and plain HTTP exclude each other. */
export type Sessions = (endpoint: Endpoint, asked: Asked) => Promise<Session>

export function makeSessions(parts: SessionParts): Sessions {
  const known = expiring<Promise<Session>>(LIFETIME_MS)
  return ({ host, insecure, server }, { access, domain }) => {
    const own = host === (access.credsHost ?? domain) ? [access.creds, access.identityToken, access.registryToken] : []
    const { authFile, certDir, tlsVerify, retry, usualRetry, retryDelayMs } = access
    const key = JSON.stringify([host, insecure, server, own, authFile, certDir, tlsVerify, retry, usualRetry, retryDelayMs])
    return known(key, () => openSession(parts, { host, insecure, server, access, isOwn: own.length > 0 }))
  }
}

interface Opening extends Pick<Endpoint, 'host' | 'insecure'> {
  readonly server: Endpoint['server'] | undefined
  readonly access: Access
  /** Credentials of the access are for this host. */
  readonly isOwn: boolean
}

async function openSession(parts: SessionParts, opening: Opening): Promise<Session> {
  const { host, insecure, access: { tlsVerify, retry, usualRetry = DEFAULT_RETRIES, retryDelayMs, authFile, creds } } = opening
  if (authFile !== undefined && creds === undefined) await (await import('./credentials.ts')).checkAuthFile(authFile)
  const { makeSession } = await import('./session.ts')
  const certificates = new Map<string, Promise<Certificates>>()
  const server = withVerify(opening)
  return makeSession({
    host, server, transport: parts.transport,
    insecure: tlsVerify === undefined ? isInsecure(insecure, server) : !tlsVerify,
    credentials: (path) => credentialsFor(parts, { ...opening, path }),
    certificates: (name) => {
      const found = certificates.get(name) ?? certificatesFor(parts, { ...opening, name })
      certificates.set(name, found)
      return found
    },
    insists: retry !== undefined,
    backoff: { retries: retry ?? usualRetry, firstMs: retryDelayMs ?? DEFAULT_DELAY_MS, maxMs: parts.timings.maxDelayMs },
  })
}

/** undefined: on loopback alone. A scheme that hosts.toml names is meant, on loopback too. */
const isInsecure = (insecure: boolean, server: Endpoint['server'] | undefined): boolean | undefined =>
  server?.schemes === undefined ? insecure || undefined : insecure || server.schemes.includes('http')

/** What the user says of this pull wins over hosts.toml. */
function withVerify({ host, server, access: { tlsVerify } }: Opening): Endpoint['server'] | undefined {
  if (server?.schemes === undefined || tlsVerify === undefined) return server
  if (!tlsVerify) return { ...server, schemes: server.schemes[0] === 'http' ? ['http', 'https'] : ['https', 'http'] }
  if (!server.schemes.includes('https')) throw new Failure('denied', `hosts.toml has ${host} asked over plain HTTP, and --tls-verify excludes that`)
  return { ...server, schemes: ['https'] }
}

async function credentialsFor({ options: { files, helperDirs = [], helperEnv = {} }, conf }: SessionParts, { host, path, access, isOwn }: Opening & { path: string }): Promise<Credentials | undefined> {
  const { findCredentials, parseCreds } = await import('./credentials.ts')
  if (isOwn && access.creds !== undefined) return parseCreds(access.creds)
  const token = isOwn ? access.registryToken ?? access.identityToken : undefined
  if (token !== undefined) {
    if (!TOKEN.test(token)) throw new Failure('invalid', `the token for ${host} is not a token`)
    return { username: '', password: '', ...(access.registryToken === undefined ? { identityToken: token } : { registryToken: token }) }
  }
  const askHelper = async (helper: string, server: string) =>
    (await import('./credential-helper.ts')).credentialHelper({ dirs: helperDirs, env: helperEnv })(helper, server)
  // A file that is named for this pull is the only source.
  if (access.authFile !== undefined) return findCredentials({ host, path }, { files: [{ path: access.authFile, required: true }], askHelper })
  return findCredentials({ host, path }, { files: files.authFiles, helpers: (await conf()).credentialHelpers, askHelper })
}

/** --cert-dir is for the registry alone: another host that it redirects to gets what certs.d has for that one. */
async function certificatesFor({ options: { files } }: SessionParts, { host, name, access, server }: Opening & { name: string }): Promise<Certificates> {
  const { loadCertificates, readCertificates } = await import('./certificates.ts')
  if (access.certDir !== undefined && name === host) return readCertificates([access.certDir], { required: true })
  if (name === host && server !== undefined && server.certificates.ca.length + server.certificates.own.length > 0) return loadCertificates(server.certificates)
  const { hostDirectories } = await import('./hosts-toml.ts')
  return readCertificates([...files.certDirs.map((dir) => `${dir}/${name}`), ...hostDirectories(files.hostsDirs, name)], { required: false })
}
