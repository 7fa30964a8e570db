import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { isFailure } from '../errors.ts'
import { parseReference } from '../image/reference.ts'
import { openRegistry, type Access, type Registry, type RegistryOptions } from './registry.ts'
import { startScriptedRegistry, type ScriptedRegistry } from './scripted-registry.ts'
import { startSocks } from './scripted-socks.ts'

const dir = mkdtempSync(join(tmpdir(), 'scow-tls-'))
after(() => rmSync(dir, { recursive: true }))

const openssl = (...args: string[]): void => { execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' }) }
const file = (name: string): string => readFileSync(join(dir, name), 'utf8')

openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=test authority', '-keyout', 'ca.key', '-out', 'ca.pem')
for (const [name, extension] of [['server', 'subjectAltName=DNS:localhost,IP:127.0.0.1'], ['wrong', 'subjectAltName=DNS:elsewhere'], ['client', 'extendedKeyUsage=clientAuth']] as const) {
  writeFileSync(join(dir, `${name}.ext`), extension)
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`)
  openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.pem`)
}
const SERVER = { key: file('server.key'), cert: file('server.pem') }
const MANIFEST = { type: 'application/vnd.oci.image.manifest.v1+json', bytes: Buffer.from('{}') }

async function serve(t: TestContext, tls: Parameters<typeof startScriptedRegistry>[0] = { tls: SERVER }): Promise<ScriptedRegistry> {
  const server = await startScriptedRegistry(tls)
  t.after(() => server.close())
  server.addManifest('app', '1', MANIFEST)
  return server
}

function open(t: TestContext, options: Partial<RegistryOptions> = {}, certDirs: string[] = []): Registry {
  const registry = openRegistry({
    files: { registriesConf: [], registriesConfRequired: false, dropIns: [], aliasCache: '/nonexistent', authFiles: [], policies: [], certDirs, hostsDirs: [] }, timings: { maxDelayMs: 5, connectMs: 3000 }, ...options,
  })
  t.after(() => registry.close())
  return registry
}

const resolve = (registry: Registry, { host }: { host: string }, access: Access = {}) =>
  registry.resolve(parseReference(`${host}/app:1`), { access: { retryDelayMs: 1, retry: 1, ...access } })
const says = (...patterns: RegExp[]) => (error: unknown): boolean => {
  if (!isFailure(error, 'unavailable')) throw error
  for (const pattern of patterns) assert.match(`${error.message} ${error.hint}`, pattern)
  return true
}

test('a loopback registry may speak either, without configuration', async (t) => {
  const registry = open(t)
  await resolve(registry, await serve(t))
  await resolve(registry, await serve(t, {}))
})

test('with --tls-verify an unknown authority is refused, with what to do', async (t) => {
  const server = await serve(t)
  await assert.rejects(resolve(open(t), server, { tlsVerify: true }), says(/cannot be trusted: .*authority/, /certs\.d\/127\.0\.0\.1:\d+\/ca\.crt/, /--tls-verify=false/))
  await resolve(open(t), server, { tlsVerify: false })
  const wrong = await serve(t, { tls: { key: file('wrong.key'), cert: file('wrong.pem') } })
  const certs = join(dir, 'wrong-certs')
  mkdirSync(certs)
  writeFileSync(join(certs, 'ca.crt'), file('ca.pem'))
  await assert.rejects(resolve(open(t), wrong, { tlsVerify: true, certDir: certs }), says(/for another host/))
})

test('certs.d and --cert-dir bring authorities and the own certificate', async (t) => {
  const server = await serve(t, { tls: { ...SERVER, ca: file('ca.pem') } })
  const certs = join(dir, 'certs.d', server.host)
  mkdirSync(certs, { recursive: true })
  writeFileSync(join(certs, 'ca.crt'), file('ca.pem'))
  await assert.rejects(resolve(open(t, {}, [join(dir, 'certs.d')]), server, { tlsVerify: true }), (error) => isFailure(error, 'unavailable'))
  writeFileSync(join(certs, 'client.cert'), file('client.pem'))
  writeFileSync(join(certs, 'client.key'), file('client.key'))
  await resolve(open(t, {}, ['/nonexistent', join(dir, 'certs.d')]), server, { tlsVerify: true })
  await resolve(open(t), server, { tlsVerify: true, certDir: certs })
})

test('SSL_CERT_FILE and SSL_CERT_DIR say which authorities are trusted, and certs.d has more', async (t) => {
  const server = await serve(t)
  const own = join(dir, 'ssl')
  mkdirSync(join(own, 'below'), { recursive: true })
  writeFileSync(join(own, 'note.txt'), 'no certificate')
  writeFileSync(join(own, 'ca'), `of a test\n${file('ca.pem')}`)
  symlinkSync('/nonexistent', join(own, 'dangling'))
  const none = join(dir, 'nowhere')
  const trusting = (authorities: RegistryOptions['authorities'], certDirs: string[] = []) => resolve(open(t, { ...(authorities && { authorities }) }, certDirs), server, { tlsVerify: true })
  await trusting({ file: join(dir, 'ca.pem') })
  await trusting({ file: join(dir, 'ca.pem'), dirs: [none] })
  await trusting({ file: none, dirs: [none, own] })
  await assert.rejects(trusting({ file: none, dirs: [none] }), says(/authority/))
  await assert.rejects(trusting({}), says(/authority/))
  const certs = join(dir, 'beside.d', server.host)
  mkdirSync(certs, { recursive: true })
  writeFileSync(join(certs, 'ca.crt'), file('ca.pem'))
  for (const authorities of [undefined, {}, { file: none, dirs: [none] }]) await trusting(authorities, [join(dir, 'beside.d')])
})

test('a proxy that is reached over TLS is verified by its own name and by the same authorities', async (t) => {
  const asked: string[] = []
  const proxy = createTlsServer(SERVER, (request, response) => { asked.push(request.url!); response.writeHead(404).end() })
  proxy.on('connect', (request, socket) => { asked.push(request.url!); socket.end('HTTP/1.1 403 Forbidden\r\n\r\n') })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.after(() => { proxy.closeAllConnections(); proxy.close() })
  const url = `https://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const proxies = [['HTTPS_PROXY', url], ['HTTP_PROXY', url]] as const
  await assert.rejects(resolve(open(t, { proxies }), { host: 'registry.example' }, { tlsVerify: false }), says(/the proxy 127\.0\.0\.1:\d+ cannot be trusted: .*authority/, /HTTPS_PROXY/))
  assert.deepEqual(asked, [])
  await assert.rejects(resolve(open(t, { proxies, authorities: { file: join(dir, 'ca.pem') } }), { host: 'registry.example' }, { tlsVerify: false }), (error) => isFailure(error, 'notFound'))
  assert.deepEqual(asked, ['registry.example:443', 'http://registry.example/v2/app/manifests/1'])
})

test('HTTPS asked of a plain server is told apart, and --tls-verify=false falls back', async (t) => {
  const server = await serve(t, {})
  await assert.rejects(resolve(open(t), server, { tlsVerify: true }), says(/does not speak HTTPS/, /insecure = true/))
  await resolve(open(t), server, { tlsVerify: false })
})

test('a redirect from HTTPS to plain HTTP is refused', async (t) => {
  const server = await serve(t)
  const plain = await serve(t, {})
  server.behave = (_, response) => { response.writeHead(302, { location: `http://${plain.host}/v2/app/manifests/1` }); response.end(); return true }
  const certs = join(dir, 'only-ca')
  mkdirSync(certs)
  writeFileSync(join(certs, 'ca.crt'), file('ca.pem'))
  await assert.rejects(resolve(open(t), server, { tlsVerify: true, certDir: certs }), (error) => isFailure(error, 'denied') && /plain HTTP/.test(error.message))
  assert.equal(plain.seen.length, 0)
  await resolve(open(t), server, { tlsVerify: false })
})

async function startProxy(t: TestContext) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? '-'}`)
    response.writeHead(404)
    response.end()
  })
  let target = ''
  server.on('connect', (request, socket, head) => {
    asked.push(`CONNECT ${request.url} ${request.headers['proxy-authorization'] ?? '-'}`)
    if (target === '') return socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
    const [host, port] = target.split(':')
    const upstream = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      upstream.write(head)
      upstream.pipe(socket).pipe(upstream)
    })
    upstream.on('error', () => socket.destroy())
    socket.on('error', () => upstream.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => { server.closeAllConnections(); server.close() })
  return { url: `http://pu:pp@127.0.0.1:${(server.address() as AddressInfo).port}`, asked, connectTo: (host: string) => { target = host } }
}

test('HTTPS goes through a proxy’s tunnel, plain HTTP through its requests, and its password only to it', async (t) => {
  const proxy = await startProxy(t)
  const server = await serve(t)
  proxy.connectTo(server.host)
  const registry = open(t, { proxies: [['https_proxy', proxy.url], ['http_proxy', proxy.url]] })
  const authorization = `Basic ${Buffer.from('pu:pp').toString('base64')}`
  await assert.rejects(resolve(registry, { host: 'registry.example:8443' }, { tlsVerify: true }), says(/cannot be trusted/))
  await resolve(registry, { host: 'registry.example:8443' }, { tlsVerify: false })
  await resolve(registry, { host: 'registry.example:8443' }, { tlsVerify: false })
  assert.ok(proxy.asked.length <= 3 && proxy.asked.every((line) => line === `CONNECT registry.example:8443 ${authorization}`), proxy.asked.join('\n'))
  assert.ok(server.seen.every(({ headers }) => headers['proxy-authorization'] === undefined && headers.host === 'registry.example:8443'))
  proxy.connectTo('')
  proxy.asked.length = 0
  await assert.rejects(resolve(registry, { host: 'other.example' }, { tlsVerify: true }), says(/proxy 127\.0\.0\.1:\d+ refused to connect to other\.example:443 \(HTTP 403\)/))
  await assert.rejects(resolve(registry, { host: 'other.example' }, { tlsVerify: false }), (error) => isFailure(error, 'notFound'))
  assert.ok(proxy.asked.includes(`GET http://other.example/v2/app/manifests/1 ${authorization}`))
})

test('where HTTPS and plain HTTP both fail, what says more of the registry is told', async (t) => {
  const plain = await serve(t, {})
  const proxy = await startProxy(t)
  proxy.connectTo(plain.host)
  const elsewhere = { host: 'registry.example:8443' }
  const access = { tlsVerify: false }
  const gone = open(t, { proxies: [['HTTPS_PROXY', proxy.url], ['HTTP_PROXY', 'http://127.0.0.1:1']] })
  await assert.rejects(resolve(gone, elsewhere, access), says(/the proxy 127\.0\.0\.1:1 is not reached: connection refused/))

  plain.behave = (_, __, request) => { request.socket.destroy(); return true }
  for (const also of [access, {}]) {
    plain.seen.length = 0
    await assert.rejects(resolve(open(t), plain, { ...also, retry: 2 }), says(/cannot reach the registry 127\.0\.0\.1:\d+: the connection broke/))
    assert.equal(plain.seen.length, 3)
  }

  // It speaks TLS, and wants a certificate of ours that there is none of.
  const strict = await serve(t, { tls: { ...SERVER, ca: file('ca.pem') } })
  await assert.rejects(resolve(open(t), strict), says(/it ends the TLS handshake \(certificate required\)/))
  proxy.connectTo(strict.host)
  await assert.rejects(resolve(gone, elsewhere, access), says(/it ends the TLS handshake \(certificate required\)/))
})

test('a registry of plain HTTP that is not on loopback is told as one when it breaks the connection', async (t) => {
  const plain = await serve(t, {})
  const tunnel = await startProxy(t)
  tunnel.connectTo(plain.host)
  const breaking = await serve(t, {})
  breaking.behave = (_, __, request) => { request.socket.destroy(); return true }
  const registry = open(t, { proxies: [['HTTPS_PROXY', tunnel.url], ['HTTP_PROXY', `http://${breaking.host}`]] })
  await assert.rejects(resolve(registry, { host: 'registry.example:8443' }, { tlsVerify: false, retry: 2 }), says(/cannot reach the registry registry\.example:8443: the connection broke/))
  assert.equal(breaking.seen.length, 3)
})

test('certificates of a host are found under the name that is typed, with a usual port and with another', async (t) => {
  const server = await serve(t)
  const proxy = await startProxy(t)
  proxy.connectTo(server.host)
  const certs = join(dir, 'named')
  mkdirSync(join(certs, 'registry.example:443'), { recursive: true })
  writeFileSync(join(certs, 'registry.example:443', 'ca.crt'), file('ca.pem'))
  const registry = open(t, { proxies: [['HTTPS_PROXY', proxy.url]] }, [certs])
  // Its authority is known: what is left is that the certificate is for 127.0.0.1.
  await assert.rejects(resolve(registry, { host: 'registry.example:443' }), says(/for another host/))
  await assert.rejects(resolve(registry, { host: 'registry.example:8443' }), says(/authority/))
})

test('several certificates of ours, and files that hold none, are told apart', async (t) => {
  const server = await serve(t, { tls: { ...SERVER, ca: file('ca.pem') } })
  const certs = join(dir, 'several')
  mkdirSync(certs)
  writeFileSync(join(certs, 'ca.crt'), file('ca.pem'))
  writeFileSync(join(certs, 'a.cert'), file('client.pem'))
  writeFileSync(join(certs, 'a.key'), file('client.key'))
  await resolve(open(t), server, { tlsVerify: true, certDir: certs })
  writeFileSync(join(certs, 'a.key'), file('server.key'))
  await assert.rejects(resolve(open(t), server, { tlsVerify: true, certDir: certs }), (error) => isFailure(error, 'invalid') && /certificates or keys .* cannot be used/.test(error.message))
})

test('hosts.toml has a mirror verified by its own authority, with our certificate from one file', async (t) => {
  const server = await serve(t, { tls: { ...SERVER, ca: file('ca.pem') } })
  const hosts = join(dir, 'hosts.d', 'registry.example')
  mkdirSync(hosts, { recursive: true })
  writeFileSync(join(hosts, 'ca.pem'), file('ca.pem'))
  writeFileSync(join(hosts, 'me.pem'), file('client.pem') + file('client.key'))
  const files = { registriesConf: [], registriesConfRequired: false, dropIns: [], aliasCache: '/nonexistent', authFiles: [], policies: [], certDirs: [], hostsDirs: [join(dir, 'hosts.d')] }
  const write = (text: string) => writeFileSync(join(hosts, 'hosts.toml'), `server = "https://${server.host}"\n${text}`)
  write('ca = "ca.pem"\nclient = "me.pem"')
  await resolve(open(t, { files }), { host: 'registry.example' })
  write('client = "me.pem"')
  await assert.rejects(resolve(open(t, { files }), { host: 'registry.example' }), says(/authority/))
  write('skip_verify = true\nclient = "me.pem"')
  await resolve(open(t, { files }), { host: 'registry.example' })
  await assert.rejects(resolve(open(t, { files }), { host: 'registry.example' }, { tlsVerify: true }), says(/authority/))
  write('ca = "missing.pem"')
  await assert.rejects(resolve(open(t, { files }), { host: 'registry.example' }), (error) => isFailure(error, 'invalid') && /missing\.pem cannot be read: no such file or directory/.test(error.message))
})

test('TLS goes through a SOCKS proxy, and it is the registry’s certificate that counts', async (t) => {
  const server = await serve(t)
  const socks = await startSocks(t, () => server.host)
  const certs = join(dir, 'socks-ca')
  mkdirSync(certs)
  writeFileSync(join(certs, 'ca.crt'), file('ca.pem'))
  const registry = open(t, { proxies: [['HTTPS_PROXY', `socks5://${socks.host}`]] })
  await assert.rejects(resolve(registry, { host: 'registry.example:8443' }, { tlsVerify: true, certDir: certs }), says(/for another host/))
  await resolve(registry, { host: 'registry.example:8443' }, { tlsVerify: false })
  assert.ok(socks.asked.every((line) => line === '3 registry.example 8443'), socks.asked.join('\n'))
})
