import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { isFailure, type ErrorKind } from '../errors.ts'
import { digestOf, type Digest } from '../image/digest.ts'
import { OCI_CONFIG, OCI_MANIFEST } from '../image/media-types.ts'
import { parseReference } from '../image/reference.ts'
import { readBody } from './body.ts'
import { openRegistry, type Access, type Registry, type RegistryOptions } from './registry.ts'
import { sendError, serveBlob, startScriptedRegistry, type ScriptedRegistry } from './scripted-registry.ts'

const NO_FILES = { registriesConf: [], registriesConfRequired: false, dropIns: [], aliasCache: '/nonexistent', authFiles: [], certDirs: [], hostsDirs: [] }
const QUICK: Access = { retryDelayMs: 1 }

function open(t: TestContext, { timings, ...options }: Partial<RegistryOptions> = {}): Registry {
  const registry = openRegistry({ files: NO_FILES, timings: { connectMs: 2000, headerMs: 2000, idleMs: 500, maxDelayMs: 1000, ...timings }, ...options })
  t.after(() => registry.close())
  return registry
}

async function serve(t: TestContext, options = {}): Promise<ScriptedRegistry> {
  const server = await startScriptedRegistry(options)
  t.after(() => server.close())
  return server
}

interface Filled { blob: Buffer; digest: Digest; manifest: Digest }

function fill(server: ScriptedRegistry, size = 3_000_000): Filled {
  const blob = randomBytes(size)
  const digest = server.addBlob(blob)
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: { mediaType: OCI_CONFIG, digest, size }, layers: [] }))
  return { blob, digest, manifest: server.addManifest('app', '1', { type: OCI_MANIFEST, bytes }) }
}

const failure = (kind: ErrorKind, ...patterns: RegExp[]) => (error: unknown): boolean => {
  if (!isFailure(error, kind)) throw error
  const text = `${error.message} ${error.hint ?? ''}`
  for (const pattern of patterns) assert.match(text, pattern)
  assert.ok(!/secret|\n/.test(text), `shows too much: ${text}`)
  return true
}

async function download(registry: Registry, server: ScriptedRegistry, { digest, size, offset = 0, access = QUICK }: { digest: Digest; size: number; offset?: number; access?: Access }): Promise<Buffer> {
  const resolved = await registry.resolve(parseReference(`${server.host}/app:1`), { access })
  const chunks: Uint8Array[] = []
  for await (const chunk of await registry.blob(resolved, { mediaType: '', digest, size }, { offsetBytes: offset })) chunks.push(chunk)
  return Buffer.concat(chunks)
}

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

test('a manifest without end is cut off', async (t) => {
  const server = await serve(t)
  server.behave = (_, response) => {
    response.writeHead(200, { 'content-type': OCI_MANIFEST })
    const more = (): void => { while (!response.destroyed && response.write(Buffer.alloc(1 << 20, ' '))); }
    response.on('drain', more)
    more()
    return true
  }
  await assert.rejects(open(t).resolve(parseReference(`${server.host}/app:1`)), failure('invalid', /more than the 4194304 bytes/))
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

test('a blob that breaks off again and again comes whole, and no byte is asked for twice', async (t) => {
  const server = await serve(t)
  const { blob, digest } = fill(server)
  let breaks = 0
  let served = 0
  server.behave = (seen, response, request) => {
    if (!seen.url.includes('/blobs/') || breaks === 12) return false
    breaks++
    const start = Number(/^bytes=(\d+)-$/.exec(seen.headers.range ?? '')?.[1] ?? 0)
    const some = blob.subarray(start, start + 1 + Math.floor(Math.random() * 250_000))
    served += some.length
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': blob.length - start, ...(start > 0 && { 'content-range': `bytes ${start}-${blob.length - 1}/${blob.length}` }) })
    response.write(some, () => setTimeout(() => request.socket.destroy(), 5))
    return true
  }
  const got = await download(open(t, { timings: { maxDelayMs: 10 } }), server, { digest, size: blob.length, access: { ...QUICK, retry: 20 } })
  assert.ok(got.equals(blob))
  const ranges = server.seen.flatMap(({ headers }) => headers.range ?? [])
  assert.equal(ranges.length, 12)
  assert.equal(served + server.sentBytes, blob.length)
})

test('a blob goes on from an offset, also where the server ignores or refuses ranges', async (t) => {
  const server = await serve(t)
  const { blob, digest } = fill(server)
  const registry = open(t)
  const rest = (offset: number) => download(registry, server, { digest, size: blob.length, offset })
  assert.ok((await rest(1_000_000)).equals(blob.subarray(1_000_000)))
  assert.equal((await rest(blob.length)).length, 0)
  server.behave = (seen, response) => {
    if (!seen.url.includes('/blobs/')) return false
    serveBlob(server, blob, { headers: {} }, response)
    return true
  }
  assert.ok((await rest(1_000_001)).equals(blob.subarray(1_000_001)))
  server.behave = (seen, response) => {
    if (seen.headers.range === undefined) return false
    sendError(response, 416, 'RANGE_INVALID')
    return true
  }
  assert.ok((await rest(999)).equals(blob.subarray(999)))
})

test('a blob that changed under a download is not glued together from two', async (t) => {
  const server = await serve(t)
  const { blob, digest } = fill(server, 400_000)
  let asked = 0
  server.behave = (seen, response, request) => {
    if (!seen.url.includes('/blobs/')) return false
    if (asked++ === 0) {
      response.writeHead(200, { 'content-length': blob.length, etag: '"one"' })
      response.write(blob.subarray(0, 150_000), () => setTimeout(() => request.socket.destroy(), 20))
      return true
    }
    // By If-Range a server whose content has another tag sends it whole instead of its end.
    assert.equal(seen.headers['if-range'], '"one"')
    assert.match(seen.headers.range ?? '', /^bytes=\d+-$/)
    response.writeHead(200, { 'content-length': blob.length, etag: '"two"' })
    response.end(blob)
    return true
  }
  assert.ok((await download(open(t), server, { digest, size: blob.length })).equals(blob))
  assert.equal(asked, 2)
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

test('a blob that is longer, shorter, encoded or another range is refused', async (t) => {
  const server = await serve(t)
  const { blob, digest } = fill(server, 100_000)
  const registry = open(t)
  const get = (offset = 0) => download(registry, server, { digest, size: blob.length, offset, access: { ...QUICK, retry: 1 } })
  const reply = (status: number, headers: Record<string, string | number>, body: Buffer): void => {
    server.behave = (seen, response) => {
      if (!seen.url.includes('/blobs/')) return false
      response.writeHead(status, headers)
      response.end(body)
      return true
    }
  }
  reply(200, { 'content-length': 100_001 }, Buffer.alloc(100_001))
  await assert.rejects(get(), failure('invalid', /has 100001 bytes of it, the manifest says 100000/))
  reply(200, { 'transfer-encoding': 'chunked' }, Buffer.alloc(100_001))
  await assert.rejects(get(), failure('invalid', /more than the 100000 bytes/))
  reply(200, { 'transfer-encoding': 'chunked' }, Buffer.alloc(99_999))
  await assert.rejects(get(), failure('unavailable', /connection broke/))
  reply(200, { 'content-encoding': 'gzip' }, blob)
  await assert.rejects(get(), failure('invalid', /content encoding "gzip"/))
  reply(206, { 'content-range': 'bytes 60000-99999/100000' }, blob.subarray(60_000))
  await assert.rejects(get(50_000), failure('invalid', /another range/))
  reply(206, { 'content-range': 'bytes 50000-59999/100000' }, blob.subarray(50_000, 60_000))
  await assert.rejects(get(50_000), failure('invalid', /another range/))
  reply(404, {}, Buffer.alloc(0))
  await assert.rejects(get(), failure('notFound', /no such/))
})

test('a server that falls silent in the middle is left and asked again', async (t) => {
  const server = await serve(t)
  const { blob, digest } = fill(server, 200_000)
  let silent = true
  server.behave = (seen, response) => {
    if (!seen.url.includes('/blobs/') || !silent) return false
    silent = false
    response.writeHead(200, { 'content-length': blob.length })
    response.write(blob.subarray(0, 100_000))
    return true
  }
  assert.ok((await download(open(t), server, { digest, size: blob.length })).equals(blob))
  assert.equal(server.sentBytes, 100_000)
})

test('a slow reader is no silent server', async (t) => {
  const server = await serve(t)
  const { blob, digest } = fill(server, 200_000)
  const registry = open(t, { timings: { connectMs: 2000, headerMs: 2000, idleMs: 30, maxDelayMs: 10 } })
  const resolved = await registry.resolve(parseReference(`${server.host}/app:1`))
  let bytes = 0
  for await (const chunk of await registry.blob(resolved, { mediaType: '', digest, size: blob.length }, { offsetBytes: 0 })) {
    bytes += chunk.length
    await new Promise((resume) => setTimeout(resume, 80))
  }
  assert.equal(bytes, blob.length)
  assert.equal(server.seen.length, 2)
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

test('aborting ends a download at once', async (t) => {
  const server = await serve(t)
  const { digest } = fill(server)
  server.behave = (seen, response) => {
    if (!seen.url.includes('/blobs/')) return false
    response.writeHead(200, { 'content-length': 3_000_000 })
    response.write(Buffer.alloc(1000))
    return true
  }
  const registry = open(t, { timings: { connectMs: 2000, headerMs: 2000, idleMs: 60_000, maxDelayMs: 10 } })
  const resolved = await registry.resolve(parseReference(`${server.host}/app:1`))
  const stop = new AbortController()
  const reading = async () => {
    for await (const _ of await registry.blob(resolved, { mediaType: '', digest, size: 3_000_000 }, { offsetBytes: 0, signal: stop.signal })) stop.abort()
  }
  await assert.rejects(reading(), failure('cancelled'))
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
