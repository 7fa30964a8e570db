import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { digestOf } from '../image/digest.ts'
import { OCI_MANIFEST } from '../image/media-types.ts'
import { parseReference } from '../image/reference.ts'
import { readBody } from './body.ts'
import { download, failure, fill, NO_FILES, open, QUICK, serve } from './client-fixture.ts'
import type { Access } from './registry.ts'
import { sendError, startScriptedRegistry } from './scripted-registry.ts'

test('a manifest comes with one request, and no ping before it', async (t) => {
  const server = await serve(t)
  const { manifest } = fill(server)
  const resolved = await open(t).resolve(parseReference(`${server.host}/app:1`))
  assert.equal(resolved.descriptor.digest, manifest)
  assert.deepEqual(server.seen.map(({ method, url }) => `${method} ${url}`), ['GET /v2/app/manifests/1'])
  assert.match(server.seen[0]!.headers.accept ?? '', /prettyjws/)
  assert.equal(server.seen[0]!.headers.authorization, undefined)
})

test('a manifest that differs from its digest, by tag header or by name, is refused', async (t) => {
  const server = await serve(t)
  const { manifest } = fill(server)
  const registry = open(t)
  server.behave = (_, response) => {
    response.writeHead(200, { 'content-type': OCI_MANIFEST, 'docker-content-digest': manifest })
    response.end('{"schemaVersion":2}')
    return true
  }
  await assert.rejects(registry.resolve(parseReference(`${server.host}/app:1`)), failure('invalid', /does not have the digest/))
  await assert.rejects(registry.resolve(parseReference(`${server.host}/app@${manifest}`)), failure('invalid', /does not have the digest/))
})

test('what a server compresses unasked is unpacked, within the same bounds', async (t) => {
  const server = await serve(t)
  const { manifest } = fill(server)
  const { type, bytes } = server.manifests.get('app/1')!
  const registry = open(t)
  const reference = parseReference(`${server.host}/app:1`)
  const send = (encoding: string, body: Buffer, status = 200): void => {
    server.behave = (_, response) => { response.writeHead(status, { 'content-type': type, 'content-encoding': encoding }).end(body); return true }
  }
  for (const [encoding, body] of [['gzip', gzipSync(bytes)], ['x-gzip', gzipSync(bytes)], ['Deflate', deflateSync(bytes)], ['deflate', deflateRawSync(bytes)], ['identity', bytes]] as const) {
    send(encoding, body)
    const resolved = await registry.resolve(reference)
    assert.equal(resolved.descriptor.digest, manifest, encoding)
    assert.ok(bytes.equals(resolved.bytes))
  }
  send('gzip', gzipSync('{"tags":["a"]}'))
  assert.deepEqual(await registry.tags(reference), ['a'])
  send('gzip', gzipSync('{"errors":[{"code":"DENIED","message":"not today"}]}'), 403)
  await assert.rejects(registry.resolve(reference), failure('denied', /denies access: not today/))
  send('gzip', gzipSync(Buffer.alloc(5 << 20)))
  await assert.rejects(registry.resolve(reference), failure('invalid', /^127\.0\.0\.1:\d+\/app:\S+: the registry 127\.0\.0\.1:\d+: the answer has more than the 4194304 bytes/))
  send('gzip', gzipSync(bytes).subarray(0, -9))
  await assert.rejects(registry.resolve(reference), failure('invalid', /is not the gzip that it says it is/))
  send('br', bytes)
  await assert.rejects(registry.resolve(reference), failure('invalid', /content encoding "br", which was not asked for/))
})

test('an answer that is no manifest is told as that, whatever type it has', async (t) => {
  const server = await serve(t)
  const { manifest } = fill(server)
  const { bytes } = server.manifests.get('app/1')!
  for (const type of [OCI_MANIFEST, 'application/json', 'application/vnd.docker.distribution.manifest.v1+prettyjws', 'text/html', '']) {
    for (const body of [bytes.subarray(0, 100), '<html>log in first</html>', '']) {
      server.behave = (_, response) => { response.writeHead(200, { ...(type && { 'content-type': type }), 'docker-content-digest': manifest }).end(body); return true }
      await assert.rejects(open(t).resolve(parseReference(`${server.host}/app:1`)), failure('invalid', body === '' ? /no manifest, but empty/ : /what the registry 127\.0\.0\.1:\d+ answers is no manifest/), type)
    }
  }
})

test('a manifest without end is cut off', async (t) => {
  const server = await serve(t)
  server.behave = (_, response) => {
    response.writeHead(200, { 'content-type': OCI_MANIFEST })
    const more = (): void => { while (!response.destroyed && response.write(Buffer.alloc(1 << 20, ' '))); }
    response.on('drain', more)
    more()
    return true
  }
  await assert.rejects(open(t).resolve(parseReference(`${server.host}/app:1`)), failure('invalid', /^127\.0\.0\.1:\d+\/app:\S+: the registry 127\.0\.0\.1:\d+: the answer has more than the 4194304 bytes/))
})

test('a manifest that breaks off is asked for again, and then told in one line', async (t) => {
  const server = await serve(t)
  const { manifest } = fill(server)
  let breaks = 2
  server.behave = (_, response) => {
    if (breaks-- <= 0) return false
    response.writeHead(200, { 'content-type': OCI_MANIFEST, 'content-length': 1000 })
    response.write('{', () => response.destroy())
    return true
  }
  const reference = parseReference(`${server.host}/app:1`)
  const registry = open(t)
  assert.equal((await registry.resolve(reference)).descriptor.digest, manifest)
  assert.equal(server.seen.length, 3)
  breaks = Infinity
  await assert.rejects(registry.resolve(reference), failure('unavailable', /^[^\n]*cannot reach the registry 127\.0\.0\.1:\d+: the connection broke/))
})

test('who gives up while a manifest comes hears that it was cancelled', async (t) => {
  const server = await serve(t)
  const stop = new AbortController()
  server.behave = (_, response) => {
    response.writeHead(200, { 'content-type': OCI_MANIFEST, 'content-length': 1000 })
    response.write('{', () => setTimeout(() => stop.abort(), 20))
    return true
  }
  await assert.rejects(open(t).resolve(parseReference(`${server.host}/app:1`), { signal: stop.signal }), failure('cancelled', /cancelled/))
  assert.equal(server.seen.length, 1)
})

test('what the registry says is told in one line, with what to do', async (t) => {
  const server = await serve(t)
  const registry = open(t)
  const resolve = () => registry.resolve(parseReference(`${server.host}/app:1`), { access: { ...QUICK, retry: 0 } })
  const says = (status: number, code: string, headers = {}): void => { server.behave = (_, response) => { sendError(response, status, code, headers); return true } }
  says(404, 'MANIFEST_UNKNOWN')
  await assert.rejects(resolve(), failure('notFound', /app:1: the registry .* has no such image/, /check the name/))
  says(404, 'NAME_UNKNOWN')
  await assert.rejects(resolve(), failure('notFound', /does not know the repository/))
  says(401, 'UNAUTHORIZED')
  await assert.rejects(resolve(), failure('denied', /--creds/))
  says(403, 'DENIED')
  await assert.rejects(resolve(), failure('denied', /denies access/))
  says(429, 'TOOMANYREQUESTS', { 'retry-after': '7200' })
  await assert.rejects(resolve(), failure('unavailable', /too many requests/, /in 120 min/, /mirror/))
  says(500, 'UNKNOWN')
  await assert.rejects(resolve(), failure('unavailable', /HTTP 500/))
  server.behave = (_, response) => { response.writeHead(418); response.end('\u001b[31m<html>https://u:secret@x/?token=secret\n\n'); return true }
  await assert.rejects(resolve(), failure('unavailable', /HTTP 418/))
})

test('a registry that is not there, or does not answer, gives one line', async (t) => {
  const server = await serve(t)
  const registry = open(t)
  await assert.rejects(registry.resolve(parseReference('127.0.0.1:1/app:1'), { access: QUICK }), failure('unavailable', /cannot reach the registry 127\.0\.0\.1:1: connection refused/))
  await assert.rejects(registry.resolve(parseReference('nowhere.invalid/app:1'), { access: { ...QUICK, retry: 0 } }), failure('unavailable', /nowhere\.invalid/))
  server.behave = () => true
  await assert.rejects(registry.resolve(parseReference(`${server.host}/app:1`), { access: { ...QUICK, retry: 1 } }), failure('unavailable', /no answer within 2 s/))
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 50)
  await assert.rejects(registry.resolve(parseReference(`${server.host}/app:1`), { access: QUICK, signal: stop.signal }), failure('cancelled'))
})

test('429 and 5xx are tried again, Retry-After is honoured, and one that is too long is not waited for', async (t) => {
  const server = await serve(t)
  fill(server)
  const registry = open(t)
  const answers: [number, Record<string, string>][] = [[503, {}], [429, { 'retry-after': '1' }], [500, {}]]
  server.behave = (_, response) => {
    const next = answers.shift()
    if (next) sendError(response, next[0], 'X', next[1])
    return next !== undefined
  }
  const startedMs = performance.now()
  await registry.resolve(parseReference(`${server.host}/app:1`), { access: QUICK })
  assert.ok(performance.now() - startedMs >= 950, 'did not wait')
  assert.equal(server.seen.length, 4)
  answers.push([429, { 'retry-after': '3600' }], [429, {}])
  await assert.rejects(registry.resolve(parseReference(`${server.host}/app:1`), { access: QUICK }), failure('unavailable', /in 60 min/))
  assert.equal(answers.length, 1)
  answers.splice(0, 9, ...Array.from({ length: 9 }, (): [number, Record<string, string>] => [502, {}]))
  await assert.rejects(registry.resolve(parseReference(`${server.host}/app:1`), { access: { ...QUICK, retry: 2 } }), failure('unavailable', /HTTP 502/))
  assert.equal(answers.length, 6)
})

test('a registry that is not there yet is waited for where somebody says how often to ask, and not by default', async (t) => {
  const { host, close } = await startScriptedRegistry()
  await close()
  /** The registry comes up in the end, but for who has given up before. */
  const askEarly = async (access: Access, upAfterMs = 3000) => {
    const resolving = open(t).resolve(parseReference(`${host}/app:1`), { access: { retryDelayMs: 200, ...access } }).catch((error: unknown) => error)
    await Promise.race([resolving, sleep(upAfterMs, undefined, { ref: false })])
    const server = await startScriptedRegistry({ port: Number(host.split(':')[1]) })
    fill(server)
    const resolved = await resolving
    await server.close()
    return resolved
  }
  for (const access of [{}, { usualRetry: 5 }, { retry: 0 }]) failure('unavailable', /connection refused/)(await askEarly(access))
  assert.ok('descriptor' in (await askEarly({ retry: 5 }, 50) as object))
})

test('a tag beside a digest says nothing: the digest is asked for', async (t) => {
  const server = await serve(t)
  const { manifest } = fill(server)
  const resolved = await open(t).resolve(parseReference(`${server.host}/app:gone@${manifest}`))
  assert.equal(resolved.descriptor.digest, manifest)
  assert.equal(server.seen[0]?.url, `/v2/app/manifests/${manifest}`)
})

test('a registry at an IPv6 address is reached by it', async (t) => {
  const server = await serve(t, { address: '::1' })
  const { blob, digest } = fill(server, 1000)
  assert.match(server.host, /^\[::1\]:\d+$/)
  assert.ok((await download(open(t), server, { digest, size: 1000 })).equals(blob))
  assert.equal(server.seen[0]?.headers.host, server.host)
})

test('a small answer that trickles without end is given up, however steadily it comes', async () => {
  const body = new Readable({ read() {} })
  const drip = setInterval(() => body.push('x'), 5)
  try {
    await assert.rejects(readBody(body, 1 << 20, { totalMs: 100 }), (error: NodeJS.ErrnoException) => error.code === 'ETIMEDOUT' && /not whole within 0\.1 s/.test(error.message))
    assert.ok(body.destroyed)
  } finally {
    clearInterval(drip)
  }
})

test('a registry that lists tags without end is refused', async (t) => {
  const server = await serve(t)
  server.behave = (_, response) => {
    response.writeHead(200, { link: '</v2/app/tags/list?n=1000&last=z>; rel="next"' })
    response.end(JSON.stringify({ tags: Array.from({ length: 10_000 }, (_, index) => `t${index}`) }))
    return true
  }
  await assert.rejects(open(t).tags(parseReference(`${server.host}/app`)), failure('invalid', /tag list of .* does not end/))
  assert.ok(server.seen.length < 30)
})

test('a list of tags that leads back to itself is refused', async (t) => {
  const server = await serve(t)
  server.behave = (_, response) => {
    response.writeHead(200, { link: '</v2/app/tags/list?n=1000&last=z>; rel="next"' })
    response.end(JSON.stringify({ tags: ['z'] }))
    return true
  }
  await assert.rejects(open(t).tags(parseReference(`${server.host}/app`)), failure('invalid', /tag list of .* does not end/))
  assert.equal(server.seen.length, 3)
})

test('a mirror that is gone is not waited for again and again', async (t) => {
  const server = await serve(t)
  const { digest, blob } = fill(server, 1000)
  const dir = await mkdtemp(join(tmpdir(), 'scow-conf-'))
  t.after(() => rm(dir, { recursive: true }))
  let knocks = 0
  const mirror = createServer((socket) => { knocks++; socket.destroy() }).listen(0, '127.0.0.1')
  await once(mirror, 'listening')
  t.after(() => mirror.close())
  await writeFile(join(dir, 'r.conf'), `[[registry]]\nlocation = "${server.host}"\n[[registry.mirror]]\nlocation = "127.0.0.1:${(mirror.address() as AddressInfo).port}"\ninsecure = true\n`)
  const registry = open(t, { files: { ...NO_FILES, registriesConf: [join(dir, 'r.conf')] } })
  const access = { retry: 5, retryDelayMs: 1 }
  assert.ok((await download(registry, server, { digest, size: 1000, access })).equals(blob))
  const first = knocks
  assert.ok(first >= 1 && first <= 4, `${first} connections`)
  for (let again = 0; again < 3; again++) await registry.resolve(parseReference(`${server.host}/app:1`), { access })
  assert.equal(knocks, first)
})

test('an idle connection that the server closed is no failure', async (t) => {
  const server = await serve(t)
  fill(server)
  const registry = open(t)
  const resolve = () => registry.resolve(parseReference(`${server.host}/app:1`), { access: { retry: 0 } })
  await resolve()
  let sockets = 0
  server.behave = (_, __, request) => {
    // The first request of the second round meets a connection that dies under it.
    if (sockets++ > 0) return false
    request.socket.destroy()
    return true
  }
  await resolve()
})

test('tags come page by page, and a digest needs no body', async (t) => {
  const server = await serve(t)
  const { manifest } = fill(server)
  server.behave = (seen, response) => {
    if (!seen.url.includes('/tags/')) return false
    const second = seen.url.includes('last=b')
    response.writeHead(200, second ? {} : { link: '</v2/app/tags/list?n=1000&last=b>; rel="next"' })
    response.end(JSON.stringify({ name: 'app', tags: second ? ['c'] : ['a', 'b'] }))
    return true
  }
  const registry = open(t)
  assert.deepEqual(await registry.tags(parseReference(`${server.host}/app`)), ['a', 'b', 'c'])
  assert.equal((await registry.digest(parseReference(`${server.host}/app:1`))).digest, manifest)
  assert.equal(server.seen.at(-1)?.method, 'HEAD')
})

test('a blob’s size is found out with HEAD, or with GET where HEAD is not served', async (t) => {
  const server = await serve(t)
  const { digest } = fill(server, 12_345)
  const registry = open(t)
  const resolved = await registry.resolve(parseReference(`${server.host}/app:1`))
  assert.equal(await registry.blobSize(resolved, digest), 12_345)
  server.behave = (seen, response) => { if (seen.method !== 'HEAD') return false; response.writeHead(405); response.end(); return true }
  assert.equal(await registry.blobSize(resolved, digest), 12_345)
  await assert.rejects(registry.blobSize(resolved, digestOf('none')), failure('notFound', /no such blob/))
})

test('opening a client loads no network code, and plain HTTP no HTTPS', async (t) => {
  const server = await serve(t)
  fill(server)
  const program = `
    const { openRegistry } = await import(${JSON.stringify(import.meta.resolve('./registry.ts'))})
    const { parseReference } = await import(${JSON.stringify(import.meta.resolve('../image/reference.ts'))})
    const loaded = () => process.moduleLoadList.filter((name) => /^NativeModule (http|https|crypto|child_process)$/.test(name)).map((name) => name.slice(13)).sort().join()
    const registry = openRegistry({ files: ${JSON.stringify(NO_FILES)} })
    const opened = loaded()
    await registry.resolve(parseReference('${server.host}/app:1'))
    await registry.close()
    console.log(JSON.stringify([opened, loaded()]))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')])
  assert.deepEqual(JSON.parse(output), ['', 'crypto,http'])
})
