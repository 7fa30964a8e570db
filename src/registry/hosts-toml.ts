// containerd's hosts.toml: for one registry the hosts to ask before it, and how each of them is reached.
import { stat } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import * as v from 'valibot'
import { LONGEST_TIMER_MS } from '../clock.ts'
import { Failure } from '../errors.ts'
import { checked } from '../image/checked.ts'
import type { Reference } from '../image/reference.ts'
import type { Endpoint, Scheme, Server } from './endpoint.ts'
import { readSmallFile } from './read-small-file.ts'

const text = v.pipe(v.string(), v.maxLength(4096))
const oneOrMore = <S extends v.GenericSchema<string>>(one: S) =>
  v.pipe(v.union([v.string(), v.array(v.string())], 'is neither a text nor a list of texts'), v.transform((value) => [value].flat()), v.maxLength(64), v.array(one))
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/
const headerValue = v.pipe(v.string(), v.maxLength(8192, 'is longer than 8192 bytes'), v.regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'is no value of a header'))

const hostFields = {
  capabilities: v.optional(v.pipe(v.array(text), v.maxLength(16)), []),
  ca: v.optional(oneOrMore(text), []),
  /** A file with certificate and key, several of them, or pairs of files. */
  client: v.optional(v.union([text, v.pipe(v.array(v.union([text, v.tuple([text, text])])), v.maxLength(64))]), []),
  skip_verify: v.exactOptional(v.boolean()),
  header: v.optional(v.record(v.pipe(v.string(), v.regex(HEADER_NAME, 'is no name of a header')), oneOrMore(headerValue), 'is not a table'), {}),
  override_path: v.optional(v.boolean(), false),
  dial_timeout: v.exactOptional(text),
}
const hostSchema = v.object(hostFields)
const fileSchema = v.object({ server: v.optional(text, ''), ...hostFields, host: v.optional(v.record(text, hostSchema), {}) })

type HostContent = v.InferOutput<typeof hostSchema>

/** Directories of a registry below `dirs`: `host:port`, containerd's other form `host_port_`, and `_default` for all others. */
export const hostDirectories = (dirs: readonly string[], host: string): string[] =>
  dirs.flatMap((dir) => [host.replace(/:(\d+)$/, '_$1_'), host, '_default'].map((name) => join(dir, name)))

/**
 * Where `reference` is to be read from by the hosts.toml of its registry, the registry itself last; undefined where there
 * is none. Failure invalid.
 */
export async function readHosts(reference: Reference, dirs: readonly string[]): Promise<Endpoint[] | undefined> {
  const dir = await firstDirectory(hostDirectories(dirs, reference.domain))
  if (dir === undefined) return undefined
  const file = join(dir, 'hosts.toml')
  const bytes = await readSmallFile(file, file, { optional: true })
  if (bytes === undefined || bytes.toString().trim() === '') return undefined
  const { parseToml } = await import('../toml.ts')
  const { server, host: hosts, ...fields } = checked(fileSchema, parseToml(bytes.toString(), file), file)
  const place = { reference, dir, file }
  return [
    ...Object.entries(hosts).map(([url, content]) => ({ ...endpoint(url, content, place), mirror: true })),
    { ...(server === '' ? registryItself(fields, place) : endpoint(server, fields, place)), mirror: false },
  ]
}

async function firstDirectory(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    if (await stat(path).then(() => true, () => false)) return path
  }
  return undefined
}

interface Place { readonly reference: Reference; readonly dir: string; readonly file: string }

/** Names of docker.io on the wire: credentials and certificates are kept under the one that people write. */
const DOCKER_HOSTS: ReadonlySet<string> = new Set(['registry-1.docker.io', 'index.docker.io'])

function endpoint(text: string, content: HostContent, place: Place): Omit<Endpoint, 'mirror'> {
  const { reference, file } = place
  const url = URL.parse(text.includes('://') ? text : `https://${text}`)
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') throw new Failure('invalid', `${file}: "${text.replace(/\/\/.*@/, '//')}" is not the URL of a host`)
  if (url.username !== '' || url.password !== '') throw new Failure('invalid', `${file}: the URL of ${url.host} may hold no user and password`, { hint: 'put them into auth.json' })
  const host = DOCKER_HOSTS.has(url.host) ? 'docker.io' : url.host
  const path = url.pathname.replace(/\/+/g, '/').replace(/\/$/, '')
  return {
    host, path: reference.path, insecure: content.skip_verify === true,
    server: {
      ...server(content, place),
      schemes: schemesOf(url, content),
      basePath: content.override_path || path.endsWith('/v2') ? path : `${path}/v2`,
      ...(host !== reference.domain && { namespace: reference.domain }),
    },
  }
}

/** Where no `server` is named: the registry as it is always reached, but with what stands at the top of the file. */
const registryItself = (content: HostContent, place: Place): Omit<Endpoint, 'mirror'> => ({
  host: place.reference.domain, path: place.reference.path, insecure: content.skip_verify === true,
  server: { ...server(content, place), basePath: '/v2', resolves: true, pulls: true },
})

/** As containerd: where TLS is set up, a host of plain HTTP is asked by HTTPS first. */
function schemesOf({ protocol, port }: URL, { skip_verify, ca, client }: HostContent): Scheme[] {
  if (protocol === 'https:') return ['https']
  const tls = skip_verify !== undefined || ca.length > 0 || client.length > 0
  return tls && port !== '' ? ['https', 'http'] : ['http']
}

function server({ capabilities, ca, client, header, dial_timeout }: HostContent, { dir, file }: Place): Omit<Server, 'basePath'> {
  const can = new Set(capabilities.map((capability) => capability.toLowerCase()))
  for (const capability of can) {
    if (!['pull', 'resolve', 'push', 'referrers'].includes(capability)) throw new Failure('invalid', `${file}: "${capability}" is not a capability`, { hint: 'it is one of pull, resolve and push' })
  }
  const path = (name: string): string => (isAbsolute(name) ? name : join(dir, name))
  const pairs = (typeof client === 'string' ? [client] : client).map((one) => (typeof one === 'string' ? [one, ''] as const : one))
  return {
    resolves: can.size === 0 || can.has('resolve'),
    pulls: can.size === 0 || can.has('pull'),
    headers: Object.fromEntries(Object.entries(header).map(([name, values]) => [name.toLowerCase(), values.length === 1 ? values[0]! : values])),
    certificates: { ca: ca.map(path), own: pairs.map(([cert, key]) => ({ cert: path(cert), key: path(key === '' ? cert : key) })) },
    ...(dial_timeout !== undefined && { connectMs: milliseconds(dial_timeout, file) }),
  }
}

const UNITS_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** A duration as Go writes it: `1m30s`. */
function milliseconds(duration: string, file: string): number {
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(duration)) throw new Failure('invalid', `${file}: the dial_timeout "${duration.slice(0, 50)}" is not a duration`, { hint: 'write it as in 10s or 1m30s' })
  const parts = duration.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)
  const ms = [...parts].reduce((sum, [, number, unit]) => sum + Number(number) * UNITS_MS[unit!]!, 0)
  return Math.min(Math.max(ms, 1), LONGEST_TIMER_MS)
}
