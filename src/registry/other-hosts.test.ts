// Redirects, foreign layers and mirrors: content from elsewhere, and nothing of ours to there.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isFailure } from '../errors.ts'
import { parseReference } from '../image/reference.ts'
import { authorizations, basic, challenge, denied, openPlain, readAll, serveApps } from './auth-fixture.ts'
import { NO_FILES, QUICK } from './client-fixture.ts'
import { openRegistry } from './registry.ts'
import { sendError, serveBlob, startScriptedRegistry } from './scripted-registry.ts'

test('a redirect to another host takes no credentials along, and its challenge is not answered', async (t) => {
  const server = await serveApps(t)
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
  const registry = openPlain(t)
  const resolved = await server.resolve(registry, { creds: 'u:secret' })
  assert.equal(await readAll(registry, resolved), 100_000)
  assert.deepEqual(authorizations(cdn.seen), [undefined])
  cdn.behave = (_, response) => challenge(response, 'Basic realm="give me"')
  await assert.rejects(readAll(registry, resolved), denied(/wants credentials/))
  assert.ok(authorizations(cdn.seen).every((header) => header === undefined))
})

test('a redirect on the same host keeps credentials, and one in a circle ends', async (t) => {
  const server = await serveApps(t)
  server.behave = (seen, response) => {
    if (seen.headers.authorization === undefined) return challenge(response, 'Basic realm="x"')
    if (!seen.url.includes('/blobs/')) return false
    response.writeHead(302, { location: seen.url.includes('moved') ? seen.url : '/moved/blobs/' })
    response.end()
    return true
  }
  const registry = openPlain(t)
  const resolved = await server.resolve(registry, { creds: 'u:secret' })
  await assert.rejects(readAll(registry, resolved), (error) => isFailure(error, 'unavailable') && /redirects more than 10 times/.test(error.message))
  assert.equal(server.seen.at(-1)?.headers.authorization, basic('u:secret'))
  server.behave = (_, response) => { response.writeHead(302, { location: 'file:///etc/shadow' }); response.end(); return true }
  await assert.rejects(server.resolve(registry), (error) => isFailure(error, 'invalid') && /no web address/.test(error.message))
})

test('where a redirect or a foreign layer leads to a host that fails, that host is told', async (t) => {
  const server = await serveApps(t)
  const cdn = await startScriptedRegistry()
  const redirect = (location: string): void => { server.behave = (_, response) => { response.writeHead(307, { location }).end(); return true } }
  const resolve = () => server.resolve(openPlain(t), { retry: 1 })
  redirect(`http://${cdn.host}/manifest?signature=secret`)
  const says = (pattern: RegExp) => (error: unknown): boolean => isFailure(error, 'unavailable') && pattern.test(`${error.message}; ${error.hint}`) && !/secret/.test(error.message)
  const at = `app:1: the registry ${server.host} redirects to ${cdn.host}`
  cdn.behave = (_, __, request) => { request.socket.destroy(); return true }
  await assert.rejects(resolve(), says(new RegExp(`${at}: cannot reach that host: the connection broke`)))
  redirect(`https://${cdn.host}/manifest`)
  await assert.rejects(resolve(), says(new RegExp(`${at}: that host does not speak HTTPS; undefined`)))
  assert.equal(server.seen.length, 3)
  await cdn.close()
  await assert.rejects(resolve(), says(new RegExp(`${at}: cannot reach that host: connection refused; .*must be reached from here too`)))

  server.behave = () => false
  const registry = openPlain(t)
  const foreign = { mediaType: '', digest: `sha256:${'0'.repeat(64)}` as never, size: 5, urls: [`http://${cdn.host}/layer`] }
  await assert.rejects(registry.blob(await server.resolve(registry), foreign, { offsetBytes: 0 }), says(new RegExp(`cannot reach the registry ${cdn.host}: connection refused`)))
})

test('a foreign layer comes from its own place, without credentials', async (t) => {
  const server = await serveApps(t)
  const elsewhere = await startScriptedRegistry()
  t.after(() => elsewhere.close())
  elsewhere.behave = (seen, response) => { serveBlob(elsewhere, server.blob, seen, response); return true }
  server.behave = (seen, response) => (seen.headers.authorization === basic('u:secret') ? false : challenge(response, 'Basic realm="x"'))
  const registry = openPlain(t)
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
  const server = await serveApps(t)
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
