import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseReference } from '../image/reference.ts'
import { download, failure, fill, open, QUICK, serve } from './client-fixture.ts'
import { sendError, serveBlob } from './scripted-registry.ts'

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
  await assert.rejects(get(), failure('invalid', /the server compresses it \(content encoding "gzip"\), though it was asked for as it is/))
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
  const registry = open(t, { timings: { connectMs: 2000, headerMs: 2000, idleMs: 200, maxDelayMs: 10 } })
  const resolved = await registry.resolve(parseReference(`${server.host}/app:1`))
  let bytes = 0
  for await (const chunk of await registry.blob(resolved, { mediaType: '', digest, size: blob.length }, { offsetBytes: 0 })) {
    bytes += chunk.length
    await new Promise((resume) => setTimeout(resume, 500))
  }
  assert.equal(bytes, blob.length)
  assert.equal(server.seen.length, 2)
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
