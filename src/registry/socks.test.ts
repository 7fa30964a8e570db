import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { isFailure } from '../errors.ts'
import { parseReference } from '../image/reference.ts'
import { openRegistry } from './registry.ts'
import { startScriptedRegistry, type ScriptedRegistry } from './scripted-registry.ts'
import { startSocks } from './scripted-socks.ts'

const MANIFEST = { type: 'application/vnd.oci.image.manifest.v1+json', bytes: Buffer.from('{}') }

async function serve(t: TestContext): Promise<ScriptedRegistry> {
  const server = await startScriptedRegistry()
  t.after(() => server.close())
  server.addManifest('app', '1', MANIFEST)
  return server
}

function resolver(t: TestContext, proxies: [string, string][]) {
  const files = { registriesConf: [], registriesConfRequired: false, dropIns: [], aliasCache: '/nonexistent', authFiles: [], policies: [], certDirs: [], hostsDirs: [] }
  const registry = openRegistry({ files, proxies, timings: { maxDelayMs: 5, connectMs: 1000 } })
  t.after(() => registry.close())
  return (host: string) => registry.resolve(parseReference(`${host}/app:1`), { access: { retry: 0, retryDelayMs: 1, tlsVerify: false } })
}

const says = (pattern: RegExp) => (error: unknown): boolean => {
  if (!isFailure(error, 'unavailable')) throw error
  assert.match(error.message, pattern)
  assert.doesNotMatch(`${error.message} ${error.hint} ${String(error.cause)}`, /secret/)
  return true
}

test('names go to the SOCKS server unresolved, addresses as addresses, and loopback past it', async (t) => {
  const registry = await serve(t)
  const socks = await startSocks(t, () => registry.host)
  socks.server.byteByByte = true
  const resolve = resolver(t, [['HTTPS_PROXY', `socks5h://${socks.host}`], ['HTTP_PROXY', `socks5://${socks.host}`]])
  await resolve('registry.invalid:5000')
  await resolve('192.0.2.7:5000')
  await resolve('[2001:db8::7]:5000')
  assert.deepEqual([...new Set(socks.asked)], ['3 registry.invalid 5000', '1 192.0.2.7 5000', '4 20010db8000000000000000000000007 5000'])
  const before = socks.asked.length
  await resolve(registry.host)
  assert.equal(socks.asked.length, before)
  assert.deepEqual([...new Set(registry.seen.map(({ headers }) => headers.host))], ['registry.invalid:5000', '192.0.2.7:5000', '[2001:db8::7]:5000', registry.host])
})

test('user and password of a SOCKS proxy go to it alone and are never shown', async (t) => {
  const registry = await serve(t)
  const socks = await startSocks(t, () => registry.host)
  socks.server.user = 'me:secret/1'
  await resolver(t, [['ALL_PROXY', `socks5://me:secret%2F1@${socks.host}`]])('registry.invalid')
  assert.ok(registry.seen.every(({ headers }) => headers['proxy-authorization'] === undefined && headers.authorization === undefined))
  await assert.rejects(resolver(t, [['ALL_PROXY', `socks5://me:wrong-secret@${socks.host}`]])('registry.invalid'), says(/the proxy 127\.0\.0\.1:\d+ refuses the user and password/))
  await assert.rejects(resolver(t, [['ALL_PROXY', `socks5://${socks.host}`]])('registry.invalid'), says(/wants a user and a password/))
})

test('what a SOCKS server refuses, and one that is silent, gone or none at all, is told in one line', async (t) => {
  const registry = await serve(t)
  const socks = await startSocks(t, () => registry.host)
  const resolve = resolver(t, [['ALL_PROXY', `socks5://${socks.host}`]])
  socks.server.reply = 5
  await assert.rejects(resolve('registry.invalid'), says(/cannot connect to registry\.invalid:(80|443): connection refused/))
  socks.server.reply = 2
  await assert.rejects(resolve('registry.invalid'), says(/its rules do not allow it/))
  socks.server.silent = true
  await assert.rejects(resolve('registry.invalid'), says(/no connection through the proxy 127\.0\.0\.1:\d+ within 1 s/))
  await assert.rejects(resolver(t, [['ALL_PROXY', `socks5://${registry.host}`]])('registry.invalid'), says(/does not speak SOCKS 5|closed the connection/))
  await assert.rejects(resolver(t, [['ALL_PROXY', 'socks5://127.0.0.1:1']])('registry.invalid'), says(/the proxy 127\.0\.0\.1:1 is not reached: connection refused/))
})
