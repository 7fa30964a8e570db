import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { isFailure } from '../errors.ts'
import type { Digest } from '../image/digest.ts'
import { OCI_CONFIG, OCI_MANIFEST } from '../image/media-types.ts'
import { parseReference } from '../image/reference.ts'
import { readHosts } from './hosts-toml.ts'
import { openRegistry, type Access, type Registry } from './registry.ts'
import { sendError, startScriptedRegistry, type ScriptedRegistry } from './scripted-registry.ts'

async function folder(t: TestContext, files: Record<string, string> = {}): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'scow-hosts-'))
  t.after(() => rm(dir, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true })
    await writeFile(join(dir, name), text)
  }
  return dir
}

const read = (name: string, dir: string) => readHosts(parseReference(name), [dir])

test('hosts come in the order of the file, the registry last, with what the file says of each', async (t) => {
  const dir = await folder(t, { 'docker.io/hosts.toml': `
server = "https://registry-1.docker.io"
ca = "/etc/top.pem"
[host."https://z.example:5000/proxy"]
  capabilities = ["Pull", "resolve"]
  ca = ["ca.pem", "/abs/ca.pem"]
  client = [["c.pem", "k.pem"], ["both.pem", ""]]
  dial_timeout = "1m2.5s"
  [host."https://z.example:5000/proxy".header]
    X-Token = "t"
    x-many = ["a", "b"]
[host."http://a.example"]
  capabilities = ["pull"]
[host."a.example/v2/"]
  client = ["one.pem", "two.pem"]
[host."https://odd.example/api"]
  override_path = true
[host."http://tls.example:8080"]
  skip_verify = true
` })
  const own = join(dir, 'docker.io')
  const none = { resolves: true, pulls: true, headers: {}, certificates: { ca: [], own: [] }, namespace: 'docker.io' }
  assert.deepEqual(await read('nginx', dir), [
    { host: 'z.example:5000', path: 'library/nginx', insecure: false, mirror: true, server: {
      schemes: ['https'], basePath: '/proxy/v2', namespace: 'docker.io', resolves: true, pulls: true, connectMs: 62_500, headers: { 'x-token': 't', 'x-many': ['a', 'b'] },
      certificates: { ca: [join(own, 'ca.pem'), '/abs/ca.pem'], own: [{ cert: join(own, 'c.pem'), key: join(own, 'k.pem') }, { cert: join(own, 'both.pem'), key: join(own, 'both.pem') }] },
    } },
    { host: 'a.example', path: 'library/nginx', insecure: false, mirror: true, server: { ...none, schemes: ['http'], basePath: '/v2', resolves: false } },
    { host: 'a.example', path: 'library/nginx', insecure: false, mirror: true, server: { ...none, schemes: ['https'], basePath: '/v2', certificates: { ca: [], own: ['one.pem', 'two.pem'].map((name) => ({ cert: join(own, name), key: join(own, name) })) } } },
    { host: 'odd.example', path: 'library/nginx', insecure: false, mirror: true, server: { ...none, schemes: ['https'], basePath: '/api' } },
    { host: 'tls.example:8080', path: 'library/nginx', insecure: true, mirror: true, server: { ...none, schemes: ['https', 'http'], basePath: '/v2' } },
    // Not a stand-in for docker.io but docker.io itself.
    { host: 'docker.io', path: 'library/nginx', insecure: false, mirror: false, server: { schemes: ['https'], basePath: '/v2', resolves: true, pulls: true, headers: {}, certificates: { ca: ['/etc/top.pem'], own: [] } } },
  ])
})

test('a registry has its directory in either form, else _default, and without a server is asked itself', async (t) => {
  const dir = await folder(t, {
    'r.io_5000_/hosts.toml': '[host."https://one.example"]', 'q.io:5000/hosts.toml': '[host."https://two.example"]',
    '_default/hosts.toml': 'skip_verify = true\n[host."https://any.example"]', 'certs.io/ca.crt': '', 'empty.io/hosts.toml': ' \n',
  })
  const hosts = async (name: string) => (await read(name, dir))?.map(({ host, insecure }) => `${host}${insecure ? ' insecure' : ''}`)
  assert.deepEqual(await hosts('r.io:5000/x'), ['one.example', 'r.io:5000'])
  assert.deepEqual(await hosts('q.io:5000/x'), ['two.example', 'q.io:5000'])
  assert.deepEqual(await hosts('else.io/x'), ['any.example', 'else.io insecure'])
  assert.equal((await read('else.io/x', dir))?.at(-1)?.server?.schemes, undefined)
  assert.equal(await hosts('certs.io/x'), undefined)
  assert.equal(await hosts('empty.io/x'), undefined)
  assert.equal(await readHosts(parseReference('r.io/x'), ['/nonexistent']), undefined)
})

test('a wrong file gives one line that names it, and no password', async (t) => {
  for (const [text, why] of [
    ['server = ', /hosts\.toml:1/], ['server = 5', /hosts\.toml is malformed: server/], ['[host."ftp://x"]\n', /not the URL|hosts\.toml/],
    ['[host."https://u:secret@x.example"]', /x\.example may hold no user and password/], ['capabilities = ["fly"]', /"fly" is not a capability/],
    ['[host."https://x"]\nca = 5', /ca/], ['[host."https://x"]\nclient = [["a"]]', /client/], ['dial_timeout = "soon"', /dial_timeout "soon"/],
    ['[header]\n"a b" = "x"', /header/], ['[header]\nx = "a\\r\\nEvil: 1"', /is no value of a header|malformed/], ['[host."https://x?y=1"]', /not the URL/],
  ] as const) {
    const dir = await folder(t, { 'r.io/hosts.toml': text })
    await assert.rejects(read('r.io/x', dir), (error) => isFailure(error, 'invalid') && why.test(error.message) && !/\n|secret/.test(error.message), text)
  }
})

interface World { readonly registry: Registry; readonly mirror: ScriptedRegistry; readonly origin: ScriptedRegistry; readonly pull: (access?: Access) => Promise<number> }

/** `hosts` is the hosts.toml of the origin, with MIRROR in the place of the mirror's host. */
async function world(t: TestContext, hosts: string, registriesConf = ''): Promise<World> {
  const [mirror, origin] = await Promise.all([startScriptedRegistry(), startScriptedRegistry()])
  t.after(() => Promise.all([mirror.close(), origin.close()]))
  const blob = Buffer.alloc(200_000, 'x')
  for (const server of [mirror, origin]) {
    const digest = server.addBlob(blob)
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: { mediaType: OCI_CONFIG, digest, size: blob.length }, layers: [] }))
    server.addManifest('app', '1', { type: OCI_MANIFEST, bytes })
  }
  const dir = await folder(t, { [`hosts.d/${origin.host}/hosts.toml`]: hosts.replaceAll('MIRROR', mirror.host), 'registries.conf': registriesConf.replaceAll('ORIGIN', origin.host), 'auth.json': '{}' })
  const registry = openRegistry({
    files: { registriesConf: [join(dir, 'registries.conf')], registriesConfRequired: false, dropIns: [], aliasCache: '/nonexistent', authFiles: [], policies: [], certDirs: [], hostsDirs: [join(dir, 'hosts.d')] },
    timings: { maxDelayMs: 5, connectMs: 1000 },
  })
  t.after(() => registry.close())
  const [digest] = origin.blobs.keys() as Iterable<Digest>
  return {
    registry, mirror, origin,
    pull: async (access = {}) => {
      const resolved = await registry.resolve(parseReference(`${origin.host}/app:1`), { access: { retryDelayMs: 1, ...access } })
      let bytes = 0
      for await (const chunk of await registry.blob(resolved, { mediaType: '', digest: digest!, size: blob.length }, { offsetBytes: 0 })) bytes += chunk.length
      return bytes
    },
  }
}
const paths = ({ seen }: ScriptedRegistry): string[] => seen.map(({ url }) => url.replace(/sha256:.*?(?=\?|$)/, 'DIGEST'))

test('a mirror is asked with the registry’s name and its own headers, and nothing of the user’s credentials', async (t) => {
  const { mirror, origin, pull } = await world(t, '[host."http://MIRROR/base"]\n[host."http://MIRROR/base".header]\nx-key = ["k1", "k2"]')
  mirror.behave = (seen, response) => {
    if (seen.headers.authorization === undefined && seen.url.includes('/base/')) { sendError(response, 401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="x"' }); return true }
    return false
  }
  assert.equal(await pull({ creds: 'u:secret' }), 200_000)
  assert.deepEqual(paths(mirror), ['/base/v2/app/manifests/1', '/base/v2/app/blobs/DIGEST'].map((path) => `${path}?ns=${encodeURIComponent(origin.host)}`))
  assert.ok(mirror.seen.every(({ headers }) => headers.authorization === undefined && headers['x-key'] === 'k1, k2'))
  assert.deepEqual(paths(origin), ['/v2/app/manifests/1', '/v2/app/blobs/DIGEST'])
  assert.ok(origin.seen.every(({ headers }) => headers['x-key'] === undefined))
})

test('a mirror that may only give content is not asked what a tag means', async (t) => {
  const { mirror, origin, pull } = await world(t, '[host."http://MIRROR"]\ncapabilities = ["pull"]')
  assert.equal(await pull(), 200_000)
  assert.deepEqual(paths(origin), ['/v2/app/manifests/1'])
  assert.deepEqual(paths(mirror), [`/v2/app/blobs/DIGEST?ns=${encodeURIComponent(origin.host)}`])
})

test('a mirror without content, gone or broken in mid blob leaves the rest to the registry', async (t) => {
  const { mirror, origin, pull } = await world(t, '[host."http://MIRROR"]')
  mirror.behave = (seen, response, request) => {
    if (!seen.url.includes('/blobs/')) return false
    const start = Number(/^bytes=(\d+)-$/.exec(seen.headers.range ?? '')?.[1] ?? 0)
    if (start > 0) { sendError(response, 404, 'BLOB_UNKNOWN'); return true }
    response.writeHead(200, { 'content-length': 200_000 })
    response.write(Buffer.alloc(70_000, 'x'), () => setTimeout(() => request.socket.destroy(), 5))
    return true
  }
  assert.equal(await pull(), 200_000)
  assert.equal(origin.sentBytes, 130_000)
  mirror.manifests.clear()
  mirror.behave = () => false
  assert.equal(await pull(), 200_000)
  await mirror.close()
  t.mock.method(mirror, 'close', async () => {})
  assert.equal(await pull(), 200_000)
})

test('registries.conf wins where it has a rule for the name', async (t) => {
  const { mirror, origin, pull } = await world(t, '[host."http://MIRROR"]', '[[registry]]\nlocation = "ORIGIN"')
  assert.equal(await pull(), 200_000)
  assert.deepEqual(mirror.seen, [])
  assert.equal(origin.seen.length, 2)
})

test('--tls-verify excludes hosts of plain HTTP, and a file that lets nobody resolve says so', async (t) => {
  const first = await world(t, 'server = "http://MIRROR"')
  await assert.rejects(first.pull({ tlsVerify: true }), (error) => isFailure(error, 'denied') && /plain HTTP/.test(error.message))
  assert.equal(await first.pull(), 200_000)
  assert.deepEqual(first.origin.seen, [])
  const second = await world(t, 'server = "http://MIRROR"\ncapabilities = ["pull"]')
  await assert.rejects(second.pull(), (error) => isFailure(error, 'denied') && /no host that may resolve/.test(error.message))
})

test('headers of hosts.toml stay with their host when it redirects', async (t) => {
  const { mirror, origin, pull } = await world(t, '[host."http://MIRROR"]\n[host."http://MIRROR".header]\nauthorization = "Bearer secret"\nx-key = "secret"')
  mirror.behave = (seen, response) => {
    if (!seen.url.includes('/blobs/')) return false
    response.writeHead(307, { location: `http://${origin.host}${seen.url}` })
    response.end()
    return true
  }
  assert.equal(await pull(), 200_000)
  assert.equal(mirror.seen[0]?.headers.authorization, 'Bearer secret')
  assert.ok(origin.seen.length > 0 && origin.seen.every(({ headers }) => headers.authorization === undefined && headers['x-key'] === undefined))
})
