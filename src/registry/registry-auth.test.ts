import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { isFailure } from '../errors.ts'
import { authorizations, basic, challenge, denied, openPlain, readAll, serveApps } from './auth-fixture.ts'
import { QUICK } from './client-fixture.ts'
import { startScriptedRegistry, type ScriptedRegistry, type Seen } from './scripted-registry.ts'

test('basic credentials are sent when asked for, and then at once', async (t) => {
  const server = await serveApps(t)
  server.behave = (seen, response) => (seen.headers.authorization === basic('u:secret') ? false : challenge(response, 'Basic realm="x"'))
  const registry = openPlain(t)
  const resolved = await server.resolve(registry, { creds: 'u:secret' })
  assert.equal(await readAll(registry, resolved), 100_000)
  assert.deepEqual(authorizations(server.seen), [undefined, basic('u:secret'), basic('u:secret')])
  await assert.rejects(server.resolve(registry, { creds: 'u:wrong-secret' }), denied(/wants credentials/))
  await assert.rejects(server.resolve(registry, {}), denied(/wants credentials/))
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
  const server = await serveApps(t)
  const tokens = await withTokens(t, server, () => 'tok')
  const registry = openPlain(t)
  const resolved = await server.resolve(registry)
  assert.deepEqual(await Promise.all([readAll(registry, resolved), readAll(registry, resolved), readAll(registry, resolved)]), [100_000, 100_000, 100_000])
  assert.equal(tokens.asked.length, 1)
  const url = new URL(tokens.asked[0]!.url, 'http://x')
  assert.deepEqual(Object.fromEntries(url.searchParams), { service: 'svc, one', scope: 'repository:app:pull' })
  assert.equal(tokens.asked[0]!.headers.authorization, undefined)
  await server.resolve(registry, QUICK, 'other:1')
  assert.equal(new URL(tokens.asked[1]!.url, 'http://x').searchParams.get('scope'), 'repository:other:pull')
})

test('a token that comes compressed is taken', async (t) => {
  const server = await serveApps(t)
  const tokens = await withTokens(t, server, () => 'tok')
  const packing = await startScriptedRegistry()
  t.after(() => packing.close())
  packing.behave = (_, response) => { response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{"token":"tok"}')); return true }
  tokens.realm = `http://${packing.host}/token`
  await server.resolve(openPlain(t))
})

test('credentials go to the token server alone, by GET', async (t) => {
  const server = await serveApps(t)
  const tokens = await withTokens(t, server, () => 'tok')
  await server.resolve(openPlain(t), { creds: 'u:secret' })
  assert.equal(tokens.asked[0]!.headers.authorization, basic('u:secret'))
  assert.equal(new URL(tokens.asked[0]!.url, 'http://x').searchParams.get('account'), 'u')
  assert.ok(server.seen.every(({ headers }) => !headers.authorization?.startsWith('Basic')))
  tokens.reply = () => [401, { details: 'no secret' }]
  await assert.rejects(server.resolve(openPlain(t), { creds: 'u:secret' }), denied(/refuses the credentials of user "u"/))
  await assert.rejects(server.resolve(openPlain(t)), denied(/no access without credentials/))
})

test('an identity token is exchanged by POST', async (t) => {
  const server = await serveApps(t)
  const tokens = await withTokens(t, server, () => 'tok')
  tokens.reply = () => [200, { access_token: 'tok' }]
  const dir = await mkdtemp(join(tmpdir(), 'scow-auth-'))
  t.after(() => rm(dir, { recursive: true }))
  await writeFile(join(dir, 'auth.json'), JSON.stringify({ auths: { [server.host]: { auth: '', identitytoken: 'secret&id' } } }))
  await server.resolve(openPlain(t), { authFile: join(dir, 'auth.json') })
  const [asked] = tokens.asked
  assert.equal(asked?.method, 'POST')
  assert.equal(asked?.url, '/token')
  assert.deepEqual(Object.fromEntries(new URLSearchParams(asked?.body)), { grant_type: 'refresh_token', client_id: 'scow', scope: 'repository:app:pull', refresh_token: 'secret&id', service: 'svc, one' })
})

test('a registry token is sent to the registry as it is, and no token server is asked', async (t) => {
  const server = await serveApps(t)
  const tokens = await withTokens(t, server, () => 'secret-token')
  const dir = await mkdtemp(join(tmpdir(), 'scow-auth-'))
  t.after(() => rm(dir, { recursive: true }))
  await writeFile(join(dir, 'auth.json'), JSON.stringify({ auths: { [`${server.host}/app`]: { registrytoken: 'secret-token' }, [server.host]: { registrytoken: 'wrong-secret' } } }))
  const registry = openPlain(t)
  assert.equal(await readAll(registry, await server.resolve(registry, { authFile: join(dir, 'auth.json') })), 100_000)
  assert.deepEqual(authorizations(server.seen), [undefined, 'Bearer secret-token', 'Bearer secret-token'])
  await server.resolve(openPlain(t), { registryToken: 'secret-token' })
  await assert.rejects(server.resolve(registry, { authFile: join(dir, 'auth.json') }, 'other:1'), denied(/wants credentials/))
  await assert.rejects(server.resolve(openPlain(t), { registryToken: 'secret\r\n' }), (error) => isFailure(error, 'invalid') && !/secret/.test(error.message))
  assert.equal(tokens.asked.length, 0)
})

test('tokens and credentials of a command are for their host alone', async (t) => {
  const server = await serveApps(t)
  server.behave = (seen, response) => (seen.headers.authorization === basic('u:secret') ? false : challenge(response, 'Basic realm="x"'))
  await assert.rejects(server.resolve(openPlain(t), { creds: 'u:secret', credsHost: 'else.example' }), denied(/wants credentials/))
  assert.deepEqual(authorizations(server.seen), [undefined])
  await server.resolve(openPlain(t), { creds: 'u:secret', credsHost: server.host })
})

test('a token server that knows the repository by the name of the challenge gets that', async (t) => {
  const server = await serveApps(t)
  const tokens = await withTokens(t, server, () => 'wide')
  const scopes = ({ url }: Seen): string[] => new URL(url, 'http://x').searchParams.getAll('scope')
  // The registry names another scope than ours: for other:1 it is that of app.
  tokens.reply = (seen) => [200, { token: scopes(seen).includes('repository:app:pull') ? 'wide' : 'narrow' }]
  await server.resolve(openPlain(t), QUICK, 'other:1')
  assert.deepEqual(tokens.asked.map(scopes), [['repository:other:pull'], ['repository:other:pull', 'repository:app:pull']])
  tokens.asked.length = 0
  tokens.reply = (seen) => (scopes(seen).includes('repository:other:pull') ? [403, {}] : [200, { token: 'wide' }])
  await server.resolve(openPlain(t), QUICK, 'other:1')
  assert.deepEqual(tokens.asked.map(scopes), [['repository:other:pull'], ['repository:app:pull']])
  tokens.asked.length = 0
  tokens.reply = () => [403, {}]
  await assert.rejects(server.resolve(openPlain(t), QUICK, 'other:1'), denied(/no access without credentials/))
  assert.equal(tokens.asked.length, 2)
})

test('a token server that moves a request with a token elsewhere is not followed', async (t) => {
  const server = await serveApps(t)
  const tokens = await withTokens(t, server, () => 'tok')
  const evil = await startScriptedRegistry()
  t.after(() => evil.close())
  const moved = await startScriptedRegistry()
  t.after(() => moved.close())
  moved.behave = (_, response) => { response.writeHead(307, { location: `http://${evil.host}/token` }); response.end(); return true }
  tokens.realm = `http://${moved.host}/token`
  await assert.rejects(server.resolve(openPlain(t), { identityToken: 'secret-id' }), denied(/redirects a request with credentials/))
  assert.equal(evil.seen.length, 0)
  assert.match(moved.seen[0]!.body, /secret-id/)
})

test('a token server that is not reached is tried as often as any server, not its square', async (t) => {
  const server = await serveApps(t)
  const tokens = await withTokens(t, server, () => 'tok')
  let asked = 0
  const broken = await startScriptedRegistry()
  t.after(() => broken.close())
  broken.behave = (_, __, request) => { asked++; request.socket.destroy(); return true }
  tokens.realm = `http://${broken.host}/token`
  await assert.rejects(server.resolve(openPlain(t), { ...QUICK, retry: 2 }), (error) => isFailure(error, 'unavailable') && /the token server of 127\.0\.0\.1/.test(error.message))
  assert.equal(asked, 3)
})

test('a token that ended in the middle is replaced', async (t) => {
  const server = await serveApps(t)
  let generation = 1
  const tokens = await withTokens(t, server, () => `tok${generation}`)
  tokens.reply = () => [200, { token: `tok${generation}` }]
  const registry = openPlain(t)
  const resolved = await server.resolve(registry)
  generation = 2
  assert.equal(await readAll(registry, resolved), 100_000)
  assert.equal(tokens.asked.length, 2)
})

test('a token that is never good enough ends in a refusal, not in a loop', async (t) => {
  const server = await serveApps(t)
  await withTokens(t, server, () => 'unreachable')
  await assert.rejects(server.resolve(openPlain(t)), denied(/wants credentials/))
  assert.ok(server.seen.length <= 3)
})

test('a token server that answers nonsense is refused', async (t) => {
  const server = await serveApps(t)
  const tokens = await withTokens(t, server, () => 'tok')
  for (const reply of [{}, { token: 5 }, { token: 'a\r\nX-Evil: 1' }, 'text']) {
    tokens.reply = () => [200, reply]
    await assert.rejects(server.resolve(openPlain(t)), (error) => isFailure(error, 'invalid'))
  }
  tokens.realm = 'http://tokens.example/'
  await assert.rejects(server.resolve(openPlain(t), { creds: 'u:secret' }), denied(/tokens\.example over plain HTTP/))
  tokens.realm = 'file:///etc/passwd'
  await assert.rejects(server.resolve(openPlain(t)), (error) => isFailure(error, 'invalid'))
})

test('a file that is named for a pull must hold credentials in their form, also where none are asked for', async (t) => {
  const server = await serveApps(t)
  const dir = await mkdtemp(join(tmpdir(), 'scow-auth-'))
  t.after(() => rm(dir, { recursive: true }))
  const authFile = join(dir, 'auth.json')
  for (const text of ['', '[]', '{"auths":["secret"]}']) {
    await writeFile(authFile, text)
    await assert.rejects(server.resolve(openPlain(t), { authFile }), (error) => isFailure(error, 'invalid') && /auth\.json/.test(error.message) && !/secret/.test(error.message), text)
  }
  assert.deepEqual(server.seen, [])
  await writeFile(authFile, '{}')
  await server.resolve(openPlain(t), { authFile })
})
