import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { isFailure } from '../errors.ts'
import { OCI_CONFIG, OCI_MANIFEST } from '../image/media-types.ts'
import { parseReference } from '../image/reference.ts'
import { openRegistry, type Access, type Registry } from './registry.ts'
import { sendError, serveBlob, startScriptedRegistry, type ScriptedRegistry, type Seen } from './scripted-registry.ts'

const NO_FILES = { registriesConf: [], registriesConfRequired: false, dropIns: [], aliasCache: '/nonexistent', authFiles: [], certDirs: [], hostsDirs: [] }
const QUICK: Access = { retryDelayMs: 1 }
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`

function open(t: TestContext): Registry {
  const registry = openRegistry({ files: NO_FILES, timings: { maxDelayMs: 10 } })
  t.after(() => registry.close())
  return registry
}

async function serve(t: TestContext): Promise<ScriptedRegistry & { blob: Buffer; resolve: (registry: Registry, access?: Access, name?: string) => ReturnType<Registry['resolve']> }> {
  const server = await startScriptedRegistry()
  t.after(() => server.close())
  const blob = Buffer.alloc(100_000, 'x')
  const digest = server.addBlob(blob)
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: { mediaType: OCI_CONFIG, digest, size: blob.length }, layers: [] }))
  for (const name of ['app', 'other']) server.addManifest(name, '1', { type: OCI_MANIFEST, bytes })
  return Object.assign(server, {
    blob,
    resolve: (registry: Registry, access: Access = QUICK, name = 'app:1') => registry.resolve(parseReference(`${server.host}/${name}`), { access: { ...QUICK, ...access } }),
  })
}

const readAll = async (registry: Registry, resolved: Awaited<ReturnType<Registry['resolve']>>): Promise<number> => {
  const { config } = JSON.parse(Buffer.from(resolved.bytes).toString()) as { config: { mediaType: string; digest: never; size: number } }
  let bytes = 0
  for await (const chunk of await registry.blob(resolved, config, { offsetBytes: 0 })) bytes += chunk.length
  return bytes
}

const challenge = (response: ServerResponse, header: string): true => {
  sendError(response, 401, 'UNAUTHORIZED', { 'www-authenticate': header })
  return true
}
const denied = (pattern: RegExp) => (error: unknown): boolean => isFailure(error, 'denied') && pattern.test(error.message) && !/secret/.test(JSON.stringify([error.message, error.hint, String(error.cause)]))
const authorizations = (seen: readonly Seen[]): (string | undefined)[] => seen.map(({ headers }) => headers.authorization)

test('basic credentials are sent when asked for, and then at once', async (t) => {
  const server = await serve(t)
  server.behave = (seen, response) => (seen.headers.authorization === basic('u:secret') ? false : challenge(response, 'Basic realm="x"'))
  const registry = open(t)
  const resolved = await server.resolve(registry, { creds: 'u:secret' })
  assert.equal(await readAll(registry, resolved), 100_000)
  assert.deepEqual(authorizations(server.seen), [undefined, basic('u:secret'), basic('u:secret')])
  await assert.rejects(server.resolve(registry, { creds: 'u:wrong-secret' }), denied(/other credentials/))
  await assert.rejects(server.resolve(registry, {}), denied(/other credentials/))
})

interface TokenServer { asked: Seen[]; realm: string; reply: (seen: Seen) => [number, unknown] }

async function withTokens(t: TestContext, server: ScriptedRegistry, accepted: () => string): Promise<TokenServer> {
  const tokens = await startScriptedRegistry()
  t.after(() => tokens.close())
  const state: TokenServer = { asked: tokens.seen, realm: `http://${tokens.host}/token`, reply: () => [200, { token: 'tok', expires_in: 300 }] }
  tokens.behave = (seen, response) => {
    const [status, body] = state.reply(seen)
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
    return true
  }
  server.behave = (seen, response) => (seen.headers.authorization === `Bearer ${accepted()}` ? false : challenge(response, `Bearer realm="${state.realm}",service="svc, one",scope="repository:app:pull"`))
  return state
}

test('an anonymous token is fetched once for all requests of a repository', async (t) => {
  const server = await serve(t)
  const tokens = await withTokens(t, server, () => 'tok')
  const registry = open(t)
  const resolved = await server.resolve(registry)
  assert.deepEqual(await Promise.all([readAll(registry, resolved), readAll(registry, resolved), readAll(registry, resolved)]), [100_000, 100_000, 100_000])
  assert.equal(tokens.asked.length, 1)
  const url = new URL(tokens.asked[0]!.url, 'http://x')
  assert.deepEqual(Object.fromEntries(url.searchParams), { service: 'svc, one', scope: 'repository:app:pull' })
  assert.equal(tokens.asked[0]!.headers.authorization, undefined)
  await server.resolve(registry, QUICK, 'other:1')
  assert.equal(new URL(tokens.asked[1]!.url, 'http://x').searchParams.get('scope'), 'repository:other:pull')
})

test('credentials go to the token server alone, by GET', async (t) => {
  const server = await serve(t)
  const tokens = await withTokens(t, server, () => 'tok')
  await server.resolve(open(t), { creds: 'u:secret' })
  assert.equal(tokens.asked[0]!.headers.authorization, basic('u:secret'))
  assert.equal(new URL(tokens.asked[0]!.url, 'http://x').searchParams.get('account'), 'u')
  assert.ok(server.seen.every(({ headers }) => !headers.authorization?.startsWith('Basic')))
  tokens.reply = () => [401, { details: 'no secret' }]
  await assert.rejects(server.resolve(open(t), { creds: 'u:secret' }), denied(/refuses the credentials of user "u"/))
  await assert.rejects(server.resolve(open(t)), denied(/no access without credentials/))
})

test('an identity token is exchanged by POST', async (t) => {
  const server = await serve(t)
  const tokens = await withTokens(t, server, () => 'tok')
  tokens.reply = () => [200, { access_token: 'tok' }]
  const dir = await mkdtemp(join(tmpdir(), 'scow-auth-'))
  t.after(() => rm(dir, { recursive: true }))
  await writeFile(join(dir, 'auth.json'), JSON.stringify({ auths: { [server.host]: { auth: '', identitytoken: 'secret&id' } } }))
  await server.resolve(open(t), { authFile: join(dir, 'auth.json') })
  const [asked] = tokens.asked
  assert.equal(asked?.method, 'POST')
  assert.equal(asked?.url, '/token')
  assert.deepEqual(Object.fromEntries(new URLSearchParams(asked?.body)), { grant_type: 'refresh_token', client_id: 'scow', scope: 'repository:app:pull', refresh_token: 'secret&id', service: 'svc, one' })
})

test('a registry token is sent to the registry as it is, and no token server is asked', async (t) => {
  const server = await serve(t)
  const tokens = await withTokens(t, server, () => 'secret-token')
  const dir = await mkdtemp(join(tmpdir(), 'scow-auth-'))
  t.after(() => rm(dir, { recursive: true }))
  await writeFile(join(dir, 'auth.json'), JSON.stringify({ auths: { [`${server.host}/app`]: { registrytoken: 'secret-token' }, [server.host]: { registrytoken: 'wrong-secret' } } }))
  const registry = open(t)
  assert.equal(await readAll(registry, await server.resolve(registry, { authFile: join(dir, 'auth.json') })), 100_000)
  assert.deepEqual(authorizations(server.seen), [undefined, 'Bearer secret-token', 'Bearer secret-token'])
  await server.resolve(open(t), { registryToken: 'secret-token' })
  await assert.rejects(server.resolve(registry, { authFile: join(dir, 'auth.json') }, 'other:1'), denied(/other credentials/))
  await assert.rejects(server.resolve(open(t), { registryToken: 'secret\r\n' }), (error) => isFailure(error, 'invalid') && !/secret/.test(error.message))
  assert.equal(tokens.asked.length, 0)
})

test('tokens and credentials of a command are for their host alone', async (t) => {
  const server = await serve(t)
  server.behave = (seen, response) => (seen.headers.authorization === basic('u:secret') ? false : challenge(response, 'Basic realm="x"'))
  await assert.rejects(server.resolve(open(t), { creds: 'u:secret', credsHost: 'else.example' }), denied(/other credentials/))
  assert.deepEqual(authorizations(server.seen), [undefined])
  await server.resolve(open(t), { creds: 'u:secret', credsHost: server.host })
})

test('a token server that knows the repository by the name of the challenge gets that', async (t) => {
  const server = await serve(t)
  const tokens = await withTokens(t, server, () => 'wide')
  const scopes = ({ url }: Seen): string[] => new URL(url, 'http://x').searchParams.getAll('scope')
  // The registry names another scope than ours: for other:1 it is that of app.
  tokens.reply = (seen) => [200, { token: scopes(seen).includes('repository:app:pull') ? 'wide' : 'narrow' }]
  await server.resolve(open(t), QUICK, 'other:1')
  assert.deepEqual(tokens.asked.map(scopes), [['repository:other:pull'], ['repository:other:pull', 'repository:app:pull']])
  tokens.asked.length = 0
  tokens.reply = (seen) => (scopes(seen).includes('repository:other:pull') ? [403, {}] : [200, { token: 'wide' }])
  await server.resolve(open(t), QUICK, 'other:1')
  assert.deepEqual(tokens.asked.map(scopes), [['repository:other:pull'], ['repository:app:pull']])
  tokens.asked.length = 0
  tokens.reply = () => [403, {}]
  await assert.rejects(server.resolve(open(t), QUICK, 'other:1'), denied(/no access without credentials/))
  assert.equal(tokens.asked.length, 2)
})

test('a token server that moves a request with a token elsewhere is not followed', async (t) => {
  const server = await serve(t)
  const tokens = await withTokens(t, server, () => 'tok')
  const evil = await startScriptedRegistry()
  t.after(() => evil.close())
  const moved = await startScriptedRegistry()
  t.after(() => moved.close())
  moved.behave = (_, response) => { response.writeHead(307, { location: `http://${evil.host}/token` }); response.end(); return true }
  tokens.realm = `http://${moved.host}/token`
  await assert.rejects(server.resolve(open(t), { identityToken: 'secret-id' }), denied(/redirects a request with credentials/))
  assert.equal(evil.seen.length, 0)
  assert.match(moved.seen[0]!.body, /secret-id/)
})

test('a token server that is not reached is tried as often as any server, not its square', async (t) => {
  const server = await serve(t)
  const tokens = await withTokens(t, server, () => 'tok')
  let asked = 0
  const broken = await startScriptedRegistry()
  t.after(() => broken.close())
  broken.behave = (_, __, request) => { asked++; request.socket.destroy(); return true }
  tokens.realm = `http://${broken.host}/token`
  await assert.rejects(server.resolve(open(t), { ...QUICK, retry: 2 }), (error) => isFailure(error, 'unavailable') && /the token server of 127\.0\.0\.1/.test(error.message))
  assert.equal(asked, 3)
})

test('a token that ended in the middle is replaced', async (t) => {
  const server = await serve(t)
  let generation = 1
  const tokens = await withTokens(t, server, () => `tok${generation}`)
  tokens.reply = () => [200, { token: `tok${generation}` }]
  const registry = open(t)
  const resolved = await server.resolve(registry)
  generation = 2
  assert.equal(await readAll(registry, resolved), 100_000)
  assert.equal(tokens.asked.length, 2)
})

test('a token that is never good enough ends in a refusal, not in a loop', async (t) => {
  const server = await serve(t)
  await withTokens(t, server, () => 'unreachable')
  await assert.rejects(server.resolve(open(t)), denied(/other credentials/))
  assert.ok(server.seen.length <= 3)
})

test('a token server that answers nonsense is refused', async (t) => {
  const server = await serve(t)
  const tokens = await withTokens(t, server, () => 'tok')
  for (const reply of [{}, { token: 5 }, { token: 'a\r\nX-Evil: 1' }, 'text']) {
    tokens.reply = () => [200, reply]
    await assert.rejects(server.resolve(open(t)), (error) => isFailure(error, 'invalid'))
  }
  tokens.realm = 'http://tokens.example/'
  await assert.rejects(server.resolve(open(t), { creds: 'u:secret' }), denied(/tokens\.example over plain HTTP/))
  tokens.realm = 'file:///etc/passwd'
  await assert.rejects(server.resolve(open(t)), (error) => isFailure(error, 'invalid'))
})

test('a redirect to another host takes no credentials along, and its challenge is not answered', async (t) => {
  const server = await serve(t)
  const cdn = await startScriptedRegistry()
  t.after(() => cdn.close())
  server.behave = (seen, response) => {
    if (seen.headers.authorization !== basic('u:secret')) return challenge(response, 'Basic realm="x"')
    if (!seen.url.includes('/blobs/')) return false
    response.writeHead(307, { location: `http://u2:p2@${cdn.host}/data?signature=secret` })
    response.end('moved')
    return true
  }
  cdn.behave = (seen, response) => { serveBlob(cdn, server.blob, seen, response); return true }
  const registry = open(t)
  const resolved = await server.resolve(registry, { creds: 'u:secret' })
  assert.equal(await readAll(registry, resolved), 100_000)
  assert.deepEqual(authorizations(cdn.seen), [undefined])
  cdn.behave = (_, response) => challenge(response, 'Basic realm="give me"')
  await assert.rejects(readAll(registry, resolved), denied(/other credentials/))
  assert.ok(authorizations(cdn.seen).every((header) => header === undefined))
})

test('a redirect on the same host keeps credentials, and one in a circle ends', async (t) => {
  const server = await serve(t)
  server.behave = (seen, response) => {
    if (seen.headers.authorization === undefined) return challenge(response, 'Basic realm="x"')
    if (!seen.url.includes('/blobs/')) return false
    response.writeHead(302, { location: seen.url.includes('moved') ? seen.url : '/moved/blobs/' })
    response.end()
    return true
  }
  const registry = open(t)
  const resolved = await server.resolve(registry, { creds: 'u:secret' })
  await assert.rejects(readAll(registry, resolved), (error) => isFailure(error, 'unavailable') && /redirects more than 10 times/.test(error.message))
  assert.equal(server.seen.at(-1)?.headers.authorization, basic('u:secret'))
  server.behave = (_, response) => { response.writeHead(302, { location: 'file:///etc/shadow' }); response.end(); return true }
  await assert.rejects(server.resolve(registry), (error) => isFailure(error, 'invalid') && /no web address/.test(error.message))
})

test('a foreign layer comes from its own place, without credentials', async (t) => {
  const server = await serve(t)
  const elsewhere = await startScriptedRegistry()
  t.after(() => elsewhere.close())
  elsewhere.behave = (seen, response) => { serveBlob(elsewhere, server.blob, seen, response); return true }
  server.behave = (seen, response) => (seen.headers.authorization === basic('u:secret') ? false : challenge(response, 'Basic realm="x"'))
  const registry = open(t)
  const resolved = await server.resolve(registry, { creds: 'u:secret' })
  const foreign = { mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', digest: `sha256:${'0'.repeat(64)}` as never, size: server.blob.length, urls: [`http://${elsewhere.host}/layer`] }
  let bytes = 0
  for await (const chunk of await registry.blob(resolved, foreign, { offsetBytes: 0 })) bytes += chunk.length
  assert.equal(bytes, 100_000)
  assert.deepEqual(authorizations(elsewhere.seen), [undefined])
  // The first address that works, also where the registry does not just lack the layer but refuses it.
  server.behave = (_, response) => { sendError(response, 403, 'DENIED'); return true }
  const urls = ['file:///etc/passwd', 'http://127.0.0.1:1/layer', `http://u:secret@${elsewhere.host}/layer`]
  for await (const chunk of await registry.blob(resolved, { ...foreign, urls }, { offsetBytes: 50_000 })) bytes += chunk.length
  assert.equal(bytes, 150_000)
  assert.deepEqual(authorizations(elsewhere.seen), [undefined, undefined])
})

test('a mirror is asked first, and the registry when the mirror has nothing or is gone', async (t) => {
  const server = await serve(t)
  const mirror = await startScriptedRegistry()
  const dir = await mkdtemp(join(tmpdir(), 'scow-conf-'))
  t.after(() => rm(dir, { recursive: true }))
  await writeFile(join(dir, 'registries.conf'), `[[registry]]\nlocation = "${server.host}"\n[[registry.mirror]]\nlocation = "${mirror.host}/cache"\n`)
  const registry = openRegistry({ files: { ...NO_FILES, registriesConf: [join(dir, 'registries.conf')] }, timings: { maxDelayMs: 10 } })
  t.after(() => registry.close())
  const resolve = () => registry.resolve(parseReference(`${server.host}/app:1`), { access: { ...QUICK, creds: 'u:secret' } })
  assert.equal((await resolve()).endpoint.mirror, false)
  assert.deepEqual(mirror.seen.map(({ url }) => url), ['/v2/cache/app/manifests/1'])
  mirror.addManifest('cache/app', '1', server.manifests.get('app/1')!)
  for (const [digest, blob] of server.blobs) mirror.blobs.set(digest, blob)
  const before = server.seen.length
  const resolved = await resolve()
  assert.equal(resolved.endpoint.host, mirror.host)
  assert.equal(await readAll(registry, resolved), 100_000)
  assert.equal(server.seen.length, before)
  mirror.blobs.clear()
  assert.equal(await readAll(registry, await resolve()), 100_000)
  assert.equal(server.seen.length, before + 1)
  // What was given for the registry is not for its mirrors.
  mirror.behave = (seen, response) => (seen.headers.authorization === undefined ? challenge(response, 'Basic realm="x"') : false)
  assert.equal((await resolve()).endpoint.mirror, false)
  assert.ok(authorizations(mirror.seen).every((header) => header === undefined))
  mirror.behave = () => false
  await mirror.close()
  assert.equal((await resolve()).endpoint.host, server.host)
})
