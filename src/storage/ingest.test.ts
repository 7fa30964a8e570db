import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { isFailure } from '../errors.ts'
import { digestOf } from '../image/digest.ts'
import { makePaths } from '../paths.ts'
import { archive, describeTree, sourceOf } from './archive-fixture.ts'
import { openStorage } from './storage.ts'

const base = mkdtempSync('/tmp/scow-ingest-')
after(() => rmSync(base, { recursive: true }))

const CHUNK = 1 << 16
/** Slow enough to be killed at a chosen byte. */
const PAUSE_MS = 4
const tar = archive(...Array.from({ length: 60 }, (_, index) => ({ name: `dir${index % 7}/file${index}`, content: randomBytes(200_000) })))
const blob = gzipSync(tar, { level: 1 })
const digest = digestOf(blob)

interface Blobs {
  readonly url: string
  served: number
  /** Called after each chunk. Answer `stop` to leave this connection silent. */
  onChunk: (connection: number) => 'stop' | undefined
}

/** What is on disk of the blob. */
function kept(root: string): number {
  const sizes = ['blobs/partial', 'blobs/sha256'].map((folder) => join(root, folder)).filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0))
  return Math.max(0, ...sizes)
}

/** Sends no faster than is written below `root`, so that what counts as served is kept. */
async function serve(root: string): Promise<Blobs> {
  let connections = 0
  const server = createServer((request, response) => {
    const offset = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
    void send(response, offset, connections++)
  })
  const send = async (response: ServerResponse, offset: number, connection: number) => {
    response.writeHead(offset === 0 ? 200 : 206)
    for (let at = offset; at < blob.length && !response.destroyed; at += CHUNK) {
      const piece = blob.subarray(at, at + CHUNK)
      blobs.served += piece.length
      response.write(piece)
      await sleep(PAUSE_MS)
      while (kept(root) < at + piece.length && !response.destroyed) await sleep(1)
      if (blobs.onChunk(connection) === 'stop') return
    }
    response.end()
  }
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address() as { port: number }
  const blobs: Blobs = { url: `http://127.0.0.1:${address.port}/`, served: 0, onChunk: () => undefined }
  return blobs
}

const running: ChildProcess[] = []
after(() => { for (const child of running) child.kill('SIGKILL') })
const servers: Server[] = []
after(() => { for (const server of servers) server.close().closeAllConnections() })

function start(root: string, url: string, stallMs = 10_000): { child: ChildProcess, result: Promise<{ fetchedBytes: number, tree: string } | undefined> } {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'ingest-fixture.ts'), root, url, digest, String(blob.length), String(stallMs)], { stdio: ['ignore', 'pipe', 'inherit'] })
  running.push(child)
  let output = ''
  child.stdout?.on('data', (text) => { output += text })
  const result = new Promise<{ fetchedBytes: number, tree: string } | undefined>((resolve) => {
    child.on('close', () => resolve(output === '' ? undefined : JSON.parse(output)))
  })
  return { child, result }
}

let reference: Record<string, string> | undefined
async function assertWhole(tree: string): Promise<void> {
  if (reference === undefined) {
    const storage = await openStorage({ paths: makePaths({ root: join(base, 'reference'), runRoot: join(base, 'run') }) })
    reference = describeTree((await storage.layers.commit(await storage.layers.ingest(sourceOf(blob)), undefined)).tree)
    await storage.close()
    for (const path of Object.keys(reference)) if (!path.includes('/')) delete reference[path]
  }
  const got = describeTree(tree)
  for (const path of Object.keys(got)) if (!path.includes('/')) delete got[path] // implied directories are as old as the pull
  assert.deepEqual(got, reference)
}

const assertTidy = (root: string): void => {
  assert.deepEqual(readdirSync(join(root, 'blobs/partial')), [])
  assert.deepEqual(readdirSync(join(root, 'staging')), [])
  assert.deepEqual(readdirSync(join(root, 'blobs/sha256')).length, 1)
}

async function recover(root: string): Promise<void> {
  const storage = await openStorage({ paths: makePaths({ root, runRoot: `${root}-run` }) })
  await storage.recover()
  await storage.recover()
  await storage.close()
}

test('a pull killed 20 times at random bytes fetches nothing twice', async () => {
  const root = join(base, 'killed')
  const blobs = await serve(root)
  for (let kill = 0; kill < 20; kill++) {
    const limit = blobs.served + Math.ceil(Math.random() * blob.length / 22)
    const { child, result } = start(root, blobs.url)
    blobs.onChunk = () => {
      if (blobs.served < limit) return undefined
      child.kill('SIGKILL')
      return 'stop'
    }
    assert.equal(await result, undefined)
    assert.ok(!existsSync(join(root, 'layers')) || readdirSync(join(root, 'layers')).every((name) => name === 'marks'))
  }
  blobs.onChunk = () => undefined
  const done = await start(root, blobs.url).result
  assert.ok(done !== undefined && done.fetchedBytes < blob.length)
  assert.ok(blobs.served <= blob.length * 1.1 + 20 * CHUNK, `${blobs.served} bytes were served for ${blob.length}`)
  await assertWhole(done.tree)
  assertTidy(root)
})

test('a pull killed while it unpacks and commits is completed without the registry', async () => {
  const root = join(base, 'unpacking')
  const blobs = await serve(root)
  let killed = 0
  let done
  for (let round = 0; round < 12; round++) {
    const whole = blobs.served >= blob.length
    const { child, result } = start(root, blobs.url)
    const kill = (afterMs: number) => setTimeout(() => child.kill('SIGKILL'), afterMs)
    const timer = whole && round < 11 ? kill(60 + Math.random() * 250) : undefined
    blobs.onChunk = () => {
      if (blobs.served >= blob.length) kill(Math.random() * 40)
      return undefined
    }
    done = await result
    clearTimeout(timer)
    if (done === undefined) killed++
  }
  assert.ok(killed > 0 && done !== undefined)
  assert.ok(blobs.served <= blob.length + CHUNK)
  await assertWhole(done.tree)
  assertTidy(root)
})

test('two processes that want the same blob download it once', async () => {
  const root = join(base, 'two')
  const blobs = await serve(root)
  const results = await Promise.all([start(root, blobs.url), start(root, blobs.url), start(root, blobs.url)].map(({ result }) => result))
  assert.equal(blobs.served, blob.length)
  assert.equal(results.reduce((sum, one) => sum + one!.fetchedBytes, 0), blob.length)
  await assertWhole(results[0]!.tree)
  assertTidy(root)
})

test('who waits takes over when the holder dies', async () => {
  const root = join(base, 'takeover')
  const blobs = await serve(root)
  const first = start(root, blobs.url)
  let second: ReturnType<typeof start> | undefined
  blobs.onChunk = () => {
    if (blobs.served > blob.length / 4) second ??= start(root, blobs.url)
    if (blobs.served > blob.length / 2) first.child.kill('SIGKILL')
    return undefined
  }
  assert.equal(await first.result, undefined)
  const done = await second!.result
  assert.ok(done!.fetchedBytes <= blob.length / 2)
  assert.ok(blobs.served <= blob.length * 1.1 + CHUNK)
  await assertWhole(done!.tree)
  await recover(root)
  assertTidy(root)
})

test('who waits downloads the rest itself when the holder stalls', async () => {
  const root = join(base, 'stalled')
  const blobs = await serve(root)
  blobs.onChunk = (connection) => (connection === 0 && blobs.served > blob.length / 2 ? 'stop' : undefined)
  const first = start(root, blobs.url)
  while (blobs.served <= blob.length / 2) await sleep(10)
  const done = await start(root, blobs.url, 300).result
  assert.ok(done!.fetchedBytes <= blob.length / 2)
  assert.ok(blobs.served <= blob.length * 1.1 + CHUNK)
  await assertWhole(done!.tree)
  assert.equal(first.child.exitCode, null)
  first.child.kill('SIGKILL')
  await first.result
  await recover(root)
  assertTidy(root)
})

test('a cancelled pull keeps its bytes and leaves no tree', async () => {
  const paths = makePaths({ root: join(base, 'cancelled'), runRoot: join(base, 'run') })
  const storage = await openStorage({ paths })
  const stop = new AbortController()
  const source = sourceOf(blob)
  const slow = { ...source, open: async (offset: number, signal: AbortSignal) => (async function* () {
    for await (const piece of await source.open(offset, signal)) {
      yield piece
      await sleep(1)
      if (source.served() > blob.length / 3) stop.abort()
    }
  })() }
  const phases = new Set<string>()
  await assert.rejects(storage.layers.ingest(slow, { signal: stop.signal, onProgress: ({ phase }) => phases.add(phase) }), (error) => isFailure(error, 'cancelled'))
  await assert.rejects(storage.layers.ingest(slow, { signal: AbortSignal.abort() }), (error) => isFailure(error, 'cancelled'))
  assert.deepEqual([...phases], ['downloading'])
  for (const session of readdirSync(paths.staging)) assert.deepEqual(readdirSync(join(paths.staging, session)), [])
  const rest = sourceOf(blob)
  await storage.layers.commit(await storage.layers.ingest(rest), undefined)
  assert.ok(rest.served() < blob.length)
  await storage.close()
})

test('an error of the source reaches the caller as it is', async () => {
  const storage = await openStorage({ paths: makePaths({ root: join(base, 'failing'), runRoot: join(base, 'run') }) })
  const failing = { ...sourceOf(blob), open: async () => { throw new Error('no route') } }
  await assert.rejects(storage.layers.ingest(failing), /no route/)
  await assert.rejects(storage.blobs.fetch(failing), /no route/)
  const source = sourceOf(blob)
  await storage.blobs.fetch(source)
  await storage.blobs.fetch(source)
  assert.equal(source.served(), blob.length)
  const put = await storage.blobs.put(Buffer.from('{}'))
  assert.equal(await storage.blobs.put(Buffer.from('{}')), put)
  assert.deepEqual((await storage.blobs.list()).map((one) => one.digest).sort(), [put, digest].sort())
  await storage.close()
})

test('ten layers at once unpack in this thread and in workers', async () => {
  const storage = await openStorage({ paths: makePaths({ root: join(base, 'many'), runRoot: join(base, 'run') }), options: { sync: false } })
  const layers = Array.from({ length: 10 }, (_, index) => archive({ name: `f${index}`, content: randomBytes(100_000) }))
  const ingested = await Promise.all(layers.map((one) => storage.layers.ingest(sourceOf(one))))
  assert.deepEqual(ingested.map(({ diffId }) => diffId), layers.map(digestOf))
  const server = await openStorage({ paths: makePaths({ root: join(base, 'server'), runRoot: join(base, 'run') }), options: { inline: false } })
  await (await server.layers.ingest(sourceOf(blob))).discard()
  await server.close()
  await storage.close()
  assert.deepEqual(readdirSync(join(base, 'many/staging')), [])
})
