// Pulls that are killed, damaged or refused, from a registry that misbehaves. Needs root.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { isFailure } from '../errors.ts'
import { digestOf } from '../image/digest.ts'
import * as types from '../image/media-types.ts'
import { NO_FILES } from '../registry/client-fixture.ts'
import { openRegistry } from '../registry/registry.ts'
import { startScriptedRegistry, type ScriptedRegistry } from '../registry/scripted-registry.ts'
import { removeImages } from './collect-garbage.ts'
import { storedImage } from './saved-image.ts'
import { ask, dir, openStore, run, tree } from './pull-fixture.ts'
import { pullImage } from './pull-image.ts'

interface Filled { readonly server: ScriptedRegistry; readonly name: string; readonly totalBytes: number; readonly layers: Buffer[] }

/** An image of incompressible layers at a registry of ours. */
async function fillScripted(t: TestContext, sizes: readonly number[], compress: (tar: Buffer, index: number) => [Buffer, string] = (tar) => [gzipSync(tar, { level: 1 }), `${types.OCI_LAYER}+gzip`]): Promise<Filled> {
  const server = await startScriptedRegistry()
  t.after(() => server.close())
  const tars = sizes.map((size, index) => {
    const work = mkdtempSync(join(dir, 'layer-'))
    mkdirSync(join(work, 'etc'))
    writeFileSync(join(work, 'etc', `file-${index}`), randomBytes(size))
    run('tar', '-C', work, '-cf', `${work}.tar`, '.')
    return readFileSync(`${work}.tar`)
  })
  const packed = tars.map(compress)
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: tars.map((tar) => digestOf(tar)) } }))
  const manifest = {
    schemaVersion: 2, mediaType: types.OCI_MANIFEST, config: { mediaType: types.OCI_CONFIG, digest: server.addBlob(config), size: config.length },
    layers: packed.map(([blob, mediaType]) => ({ mediaType, digest: server.addBlob(blob), size: blob.length })),
  }
  server.addManifest('big', '1', { type: types.OCI_MANIFEST, bytes: Buffer.from(JSON.stringify(manifest)) })
  return { server, name: `${server.host}/big:1`, totalBytes: packed.reduce((sum, [blob]) => sum + blob.length, 0), layers: packed.map(([blob]) => blob) }
}

test('a layer whose bytes, size or diff id differ is refused, and the others are not fetched again', async (t) => {
  const { server, name, layers } = await fillScripted(t, [300_000, 400_000, 500_000])
  const engine = await openStore(t)
  const victim = digestOf(layers[1]!)
  const damaged = Buffer.from(layers[1]!)
  damaged[200_000]! ^= 1
  server.behave = (seen, response) => {
    if (!seen.url.endsWith(victim)) return false
    response.writeHead(200, { 'content-length': damaged.length })
    response.end(damaged)
    return true
  }
  await assert.rejects(pullImage(engine, ask(name)), (error) => isFailure(error, 'invalid'))
  assert.deepEqual(await engine.state.images.list(), [])
  server.behave = () => false
  server.seen.length = 0
  const image = await pullImage(engine, ask(name))
  assert.deepEqual(await tree(engine, image.chainIds), ['file-0', 'file-1', 'file-2'])
  assert.ok(!server.seen.some(({ url }) => url.endsWith(digestOf(layers[0]!))), 'the lowest layer was fetched again')
})

test('an artifact, an encrypted layer and an image too large for the disk are refused before anything is fetched', async (t) => {
  const { server } = await fillScripted(t, [1000])
  const engine = await openStore(t)
  const [digest] = server.blobs.keys()
  const offer = (tag: string, manifest: object): string => {
    server.addManifest('odd', tag, { type: types.OCI_MANIFEST, bytes: Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: types.OCI_MANIFEST, ...manifest })) })
    return `${server.host}/odd:${tag}`
  }
  const layer = { mediaType: `${types.OCI_LAYER}+gzip`, digest, size: 10 }
  await assert.rejects(pullImage(engine, ask(offer('helm', { config: { ...layer, mediaType: 'application/vnd.cncf.helm.config.v1+json' }, layers: [] }))), (error) => isFailure(error, 'unsupported') && /artifact/.test(error.message))
  await assert.rejects(pullImage(engine, ask(offer('enc', { config: { ...layer, mediaType: types.OCI_CONFIG }, layers: [{ ...layer, mediaType: `${types.OCI_LAYER}+gzip+encrypted` }] }))), (error) => isFailure(error, 'unsupported') && /encrypted/.test(error.message))
  const config = Buffer.from(JSON.stringify({ rootfs: { type: 'layers', diff_ids: [digestOf('x')] } }))
  const huge = { config: { mediaType: types.OCI_CONFIG, digest: server.addBlob(config), size: config.length }, layers: [{ ...layer, size: 2 ** 42 }] }
  await assert.rejects(pullImage(engine, ask(offer('huge', huge))), (error) => isFailure(error, 'noSpace') && /needs more than 4194304 MiB/.test(error.message))
})

/** One chunk of an ordinary download. */
const IN_FLIGHT_BYTES = 1 << 20

const MOST_QUEUED_BYTES = 262_144

/** What the kernel keeps of a connection on the loopback: sent, and not yet read (proc(5), /proc/net/tcp). */
function queuedBytes({ localPort = 0, remotePort = 0 }: Socket): number {
  const [ours, theirs] = [localPort, remotePort].map((port) => port.toString(16).toUpperCase().padStart(4, '0'))
  return [...readFileSync('/proc/net/tcp', 'latin1').matchAll(/^ *\d+: \w+:(\w{4}) \w+:(\w{4}) \w\w (\w{8}):(\w{8})/gm)].reduce((sum, [, local, remote, unsent, unread]) =>
    sum + (local === ours && remote === theirs ? Number.parseInt(unsent!, 16) : local === theirs && remote === ours ? Number.parseInt(unread!, 16) : 0), 0)
}

/** Sends blobs piece by piece, and calls `onPiece` before each with all that was sent so far. */
function metered({ server }: Filled, onPiece: (sentBytes: number) => boolean): { sent: () => number } {
  let sent = 0
  server.behave = async (seen, response) => {
    const blob = server.blobs.get(seen.url.split('/').at(-1) as never)
    if (blob === undefined) return false
    const start = Number(/^bytes=(\d+)-$/.exec(seen.headers.range ?? '')?.[1] ?? 0)
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': blob.length - start, ...(start > 0 && { 'content-range': `bytes ${start}-${blob.length - 1}/${blob.length}` }) })
    const closed = once(response, 'close')
    for (let at = start; at < blob.length && !response.destroyed; at += 65_536) {
      if (!onPiece(sent)) break
      const piece = blob.subarray(at, at + 65_536)
      sent += piece.length
      await Promise.race([new Promise((flushed) => response.write(piece, flushed)), closed])
      // As a network of some 10 MB/s, and of few buffers: on loopback, megabytes would be in flight at any time.
      do await sleep(5)
      while (!response.destroyed && queuedBytes(response.socket!) > MOST_QUEUED_BYTES)
    }
    response.end()
    return true
  }
  return { sent: () => sent }
}

test('two processes that pull the same image fetch each blob once', async (t) => {
  const filled = await fillScripted(t, [3_000_000, 5_000_000, 2_000_000])
  const meter = metered(filled, () => true)
  const root = join(dir, 'shared')
  writeFileSync(join(dir, 'shared.mts'), pullProgram(root, filled.name))
  const children = [1, 2, 3].map(() => spawn(process.execPath, [join(dir, 'shared.mts')], { stdio: ['ignore', 'inherit', 'inherit'] }))
  assert.deepEqual(await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0])), [0, 0, 0])
  const [image] = await (await openStore(t, root)).state.images.list()
  assert.equal(image?.layers.length, 3)
  // The configuration is fetched by each.
  assert.ok(meter.sent() < filled.totalBytes + 10_000, `sent ${meter.sent()} bytes for ${filled.totalBytes}`)
})

const pullProgram = (root: string, name: string): string => `
  import { openEngine } from ${JSON.stringify(join(import.meta.dirname, 'open-engine.ts'))}
  import { pullImage } from ${JSON.stringify(join(import.meta.dirname, 'pull-image.ts'))}
  const engine = await openEngine({ flags: { root: ${JSON.stringify(root)}, runroot: ${JSON.stringify(`${root}-run`)} } })
  await pullImage(engine, { reference: ${JSON.stringify(name)}, policy: 'always' })
  await engine.close()`

test('a pull that is killed at random bytes twenty times goes on from there each time', async (t) => {
  const filled = await fillScripted(t, [9_000_000, 6_000_000, 12_000_000, 3_000_000, 10_000_000], (tar, index) =>
    index % 2 === 0 ? [gzipSync(tar, { level: 1 }), `${types.OCI_LAYER}+gzip`] : [zstdCompressSync(tar), `${types.OCI_LAYER}+zstd`])
  const root = join(dir, 'killed')
  writeFileSync(join(dir, 'pull.mts'), pullProgram(root, filled.name))
  let killAt = 0
  let child: ReturnType<typeof spawn>
  const meter = metered(filled, (sent) => {
    if (sent >= killAt) child.kill('SIGKILL')
    return sent < killAt
  })
  const pull = async (): Promise<string | number> => {
    child = spawn(process.execPath, [join(dir, 'pull.mts')], { stdio: ['ignore', 'inherit', 'inherit'] })
    const [code, signal] = await once(child, 'exit') as [number | null, string | null]
    return signal ?? code ?? ''
  }
  let kills = 0
  for (; kills < 20; kills++) {
    killAt = meter.sent() + Math.floor(Math.random() * (filled.totalBytes / 16))
    if ((await pull()) !== 'SIGKILL') break
  }
  assert.equal(kills, 20, 'the image was whole before twenty kills')
  killAt = Infinity
  assert.equal(await pull(), 0)
  t.diagnostic(`${kills} kills; sent ${meter.sent()} bytes for ${filled.totalBytes}: ${(meter.sent() / filled.totalBytes).toFixed(3)}`)
  const engine = await openStore(t, root)
  const [image] = await engine.state.images.list()
  assert.deepEqual(await tree(engine, image!.chainIds), [0, 1, 2, 3, 4].map((index) => `file-${index}`))
  for (const [index, layer] of filled.layers.entries()) {
    assert.equal(digestOf(await (await engine.storage()).blobs.read(image!.layers[index]!.digest as never, 1 << 27)), digestOf(layer))
  }
  // What was in flight at a kill is lost, and only that.
  assert.ok(meter.sent() <= 1.1 * filled.totalBytes + kills * IN_FLIGHT_BYTES, `sent ${meter.sent()} bytes for ${filled.totalBytes}`)
})

test('a layer whose record is damaged holds nobody up: another image goes, and a pull makes the layer anew', async (t) => {
  const { server, name, layers } = await fillScripted(t, [2000, 3000])
  const other = await fillScripted(t, [1000])
  const engine = await openStore(t)
  const image = await pullImage(engine, ask(name))
  const healthy = await pullImage(engine, ask(other.name))
  const record = (chainId: string): string => join(engine.paths.layers, chainId.slice('sha256:'.length), 'layer.json')
  for (const text of ['', '{"chainId":', '{}', JSON.stringify({ chainId: image.chainIds[0] })]) {
    writeFileSync(record(image.chainIds[0]!), text)
    server.seen.length = 0
    assert.deepEqual((await pullImage(engine, ask(name, { policy: 'always' }))).chainIds, image.chainIds)
    assert.deepEqual(await tree(engine, image.chainIds), ['file-0', 'file-1'])
    assert.ok(!server.seen.some(({ url }) => layers.some((layer) => url.endsWith(digestOf(layer)))), 'a kept blob was fetched again')
  }
  rmSync(record(image.chainIds[1]!))
  mkdirSync(record(image.chainIds[1]!))
  await (await engine.storage()).containers.create('c'.repeat(64), [])
  writeFileSync(join(engine.paths.container('c'.repeat(64)).dir, 'rootfs.json'), '')
  await removeImages(engine, [healthy.id])
  assert.deepEqual(readdirSync(engine.paths.layers).filter((entry) => /^[0-9a-f]{64}$/.test(entry)).sort(), image.chainIds.map((id) => id.slice('sha256:'.length)).sort())
  await removeImages(engine, [image.id])
  assert.deepEqual(readdirSync(engine.paths.layers).filter((entry) => /^[0-9a-f]{64}$/.test(entry)), [])
  assert.deepEqual(await (await engine.storage()).blobs.list(), [])
})

test('a pull fetches blobs that are missing or cut short, and unpacks nothing again', async (t) => {
  const { server, name, layers } = await fillScripted(t, [2000, 3000, 4000])
  const engine = await openStore(t)
  const image = await pullImage(engine, ask(name))
  const { blobs, layers: unpacked } = await engine.storage()
  const inode = async (): Promise<number> => statSync((await unpacked.find(image.chainIds[0] as never))!.tree).ino
  const before = await inode()
  for (const { digest } of await blobs.list()) if (digest !== digestOf(layers[2]!)) truncateSync(blobs.path(digest), 10)
  await blobs.remove(digestOf(layers[1]!))
  await assert.rejects(storedImage(engine, { record: image, names: [name] }), (error) => isFailure(error) && /pull the image again/.test(error.hint ?? ''))
  server.seen.length = 0
  await pullImage(engine, ask(name, { policy: 'always' }))
  const fetched = layers.map((layer) => server.seen.filter(({ url }) => url.endsWith(digestOf(layer))).length)
  assert.deepEqual(fetched, [1, 1, 0])
  assert.equal(await inode(), before)
  await storedImage(engine, { record: image, names: [name] })
  for (const layer of layers) assert.equal(digestOf(await blobs.read(digestOf(layer), 1 << 20)), digestOf(layer))
})

test('a mirror whose bytes are not those of the digest is left for the registry, and without another place that is what is told', async (t) => {
  const { server, name, layers } = await fillScripted(t, [300_000, 400_000])
  const mirror = await startScriptedRegistry()
  t.after(() => mirror.close())
  mirror.addManifest('big', '1', server.manifests.get('big/1')!)
  for (const [digest, bytes] of server.blobs) {
    const wrong = Buffer.from(bytes)
    // In the header of gzip's first block too: what cannot be unpacked is no other case.
    wrong[digest === digestOf(layers[0]!) ? 12 : wrong.length - 9]! ^= 0xff
    mirror.blobs.set(digest, wrong)
  }
  const conf = join(dir, 'mirror.conf')
  writeFileSync(conf, `[[registry]]\nlocation = "${server.host}"\n[[registry.mirror]]\nlocation = "${mirror.host}"\n`)
  const engine = await openStore(t)
  const registry = openRegistry({ files: { ...NO_FILES, registriesConf: [conf] } })
  t.after(() => registry.close())
  const image = await pullImage({ ...engine, registry: async () => registry }, ask(name))
  assert.deepEqual(await tree(engine, image.chainIds), ['file-0', 'file-1'])
  for (const { url } of server.seen) assert.match(url, /\/blobs\//, 'the manifest of the mirror was right')
  assert.equal(server.seen.length, 3)
  const { blobs } = await engine.storage()
  await blobs.remove(digestOf(layers[1]!))
  await pullImage({ ...engine, registry: async () => registry }, ask(name, { policy: 'always' }))
  assert.equal(digestOf(await blobs.read(digestOf(layers[1]!), 1 << 20)), digestOf(layers[1]!))
  const config = [...server.blobs].find(([digest]) => layers.every((layer) => digest !== digestOf(layer)))!
  mirror.blobs.set(...config)
  const wanted = new RegExp(`the bytes that came for blob (${layers.map(digestOf).join('|')}) \\(\\d+ bytes\\) are not those of that digest`)
  await assert.rejects(pullImage(await openStore(t), ask(`${mirror.host}/big:1`)), (error) => isFailure(error, 'invalid') && wanted.test(error.message))
})
