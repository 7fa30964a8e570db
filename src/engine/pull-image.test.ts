// Pulls by the real parts from a real registry (Debian's docker-registry) and from one that misbehaves. Needs root.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { isFailure } from '../errors.ts'
import { digestOf } from '../image/digest.ts'
import type { ImageConfig } from '../image/image-config.ts'
import * as types from '../image/media-types.ts'
import { startScriptedRegistry, type ScriptedRegistry } from '../registry/scripted-registry.ts'
import type { Engine } from './engine.ts'
import { openEngine } from './open-engine.ts'
import type { PullEvent } from './pull-events.ts'
import { pullAllTags, pullImage, type PullImage } from './pull-image.ts'

const dir = mkdtempSync(join(tmpdir(), 'scow-pull-'))
const run = (file: string, ...args: string[]): string => execFileSync(file, args, { cwd: dir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

async function startDockerRegistry(): Promise<{ host: string; stop: () => Promise<void> }> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const host = `127.0.0.1:${(probe.address() as AddressInfo).port}`
  probe.close()
  await once(probe, 'close')
  writeFileSync(join(dir, 'registry.yml'), JSON.stringify({
    version: 0.1, log: { level: 'error', accesslog: { disabled: true } }, storage: { filesystem: { rootdirectory: join(dir, 'registry') } },
    http: { addr: host }, compatibility: { schema1: { enabled: true } },
  }))
  const server = spawn('docker-registry', ['serve', join(dir, 'registry.yml')], { stdio: 'ignore' })
  const ended = once(server, 'exit')
  for (let tries = 0; !(await fetch(`http://${host}/v2/`).then(({ ok }) => ok, () => false)); tries++) {
    if (tries > 200) throw new Error('docker-registry did not start')
    await sleep(25)
  }
  return { host, stop: async () => { server.kill('SIGKILL'); await ended } }
}

/** An image of two layers in an OCI layout. */
function buildLayout(): void {
  for (const [name, content] of [['one', 'first'], ['two', 'second']] as const) {
    mkdirSync(join(dir, name, 'etc'), { recursive: true })
    writeFileSync(join(dir, name, 'etc', name), content)
    run('tar', '-C', name, '-cf', `${name}.tar`, '.')
  }
  run('umoci', 'init', '--layout', 'layout')
  run('umoci', 'new', '--image', 'layout:1')
  run('umoci', 'raw', 'add-layer', '--image', 'layout:1', 'one.tar')
  run('umoci', 'raw', 'add-layer', '--image', 'layout:1', 'two.tar')
  run('umoci', 'config', '--image', 'layout:1', '--config.cmd', 'sh', '--config.env', 'A=b', '--config.user', '1:2')
}

let registry: Awaited<ReturnType<typeof startDockerRegistry>>
const copy = (to: string, ...flags: string[]) => run('skopeo', 'copy', '--dest-tls-verify=false', ...flags, 'oci:layout:1', `docker://${registry.host}/${to}`)

before(async () => {
  buildLayout()
  registry = await startDockerRegistry()
})
after(async () => {
  await registry?.stop()
  rmSync(dir, { recursive: true, force: true })
})

let engines = 0
async function openStore(t: TestContext, root = join(dir, `store-${++engines}`)): Promise<Engine> {
  const engine = await openEngine({ flags: { root, runroot: `${root}-run` } })
  t.after(() => engine.close())
  return engine
}

const ask = (reference: string, more: Partial<PullImage> = {}): PullImage => ({ reference, policy: 'missing', access: { retryDelayMs: 1 }, ...more })

async function tree(engine: Engine, chainIds: readonly string[]): Promise<string[]> {
  const { layers } = await engine.storage()
  return (await Promise.all(chainIds.map(async (id) => readdirSync((await layers.find(id as never))!.tree + '/etc')))).flat()
}

const ID = () => JSON.parse(run('skopeo', 'inspect', '--raw', 'oci:layout:1')).config.digest.slice('sha256:'.length) as string

test('an OCI image is pulled, recorded and not fetched again', async (t) => {
  copy('app:1')
  const engine = await openStore(t)
  const events: PullEvent[] = []
  const image = await pullImage(engine, ask(`${registry.host}/app:1`, { onProgress: (event) => events.push(event) }))
  assert.equal(image.id, ID())
  assert.deepEqual(image.names, [`${registry.host}/app:1`])
  assert.deepEqual(image.digests, [`${registry.host}/app@${image.digest}`])
  assert.deepEqual((image.config as ImageConfig).config, { User: '1:2', Env: ['A=b'], Cmd: ['sh'] })
  assert.deepEqual(await tree(engine, image.chainIds), ['one', 'two'])
  assert.equal(events[0]?.kind, 'source')
  assert.equal(events.at(-1)?.kind, 'image')
  assert.equal(events.filter((event) => event.kind === 'layer' && event.state === 'done').length, 2)
  const { blobs } = await engine.storage()
  for (const digest of [image.digest, `sha256:${image.id}`, ...image.layers.map((layer) => layer.digest)]) assert.ok(await blobs.has(digest as never), digest)
  assert.equal((await pullImage(engine, ask(`${registry.host}/app:1`))).id, image.id)
  assert.deepEqual(await engine.state.intents.list(), [])
})

test('schema 2, manifest lists, zstd and uncompressed layers, and both schema 1 forms give the same files', async (t) => {
  copy('form:v2s2', '--format', 'v2s2')
  copy('form:schema1', '--format', 'v2s1')
  copy('form:zstd', '--format', 'oci', '--dest-compress-format', 'zstd', '--dest-compress')
  run('skopeo', 'copy', '--format', 'v2s2', 'oci:layout:1', 'dir:plain-dir')
  const engine = await openStore(t)
  const { digest, size } = await manifestOf('form', 'v2s2')
  const list = { schemaVersion: 2, mediaType: types.DOCKER_LIST, manifests: [{ mediaType: types.DOCKER_MANIFEST, digest, size, platform: { os: 'linux', architecture: 'amd64' } }, { mediaType: types.DOCKER_MANIFEST, digest, size, platform: { os: 'linux', architecture: 'arm', variant: 'v6' } }] }
  await put('form', 'list', types.DOCKER_LIST, list)
  const index = { schemaVersion: 2, mediaType: types.OCI_INDEX, manifests: [{ mediaType: types.OCI_MANIFEST, ...await manifestOf('app', '1'), platform: { os: 'linux', architecture: 'amd64' } }] }
  await put('app', 'index', types.OCI_INDEX, index)
  const pulled = new Map<string, string>()
  for (const name of ['form:v2s2', 'form:list', 'form:schema1', 'form:zstd', 'app:index']) {
    const image = await pullImage(engine, ask(`${registry.host}/${name}`, { policy: 'always' }))
    assert.deepEqual(await tree(engine, image.chainIds), ['one', 'two'], name)
    assert.deepEqual((image.config as ImageConfig).config.Cmd, ['sh'], name)
    pulled.set(name, image.id)
    if (name === 'form:list') assert.equal(image.indexDigest, digestOf(JSON.stringify(list)))
    if (name === 'form:schema1') {
      assert.equal(image.manifestMediaType, types.DOCKER_MANIFEST)
      const kept = JSON.parse(String(await (await engine.storage()).blobs.read(image.digest as never, 1 << 20)))
      assert.equal(kept.layers.length, 2)
      const again = await pullImage(engine, ask(`${registry.host}/form:schema1`, { policy: 'always' }))
      assert.equal(again.id, image.id)
    }
  }
  assert.equal(pulled.get('form:list'), pulled.get('form:v2s2'))
  assert.equal(pulled.get('app:index'), ID())
  await assert.rejects(pullImage(engine, ask(`${registry.host}/form:list`, { platform: 'linux/s390x' })), (error) => isFailure(error, 'notFound') && /linux\/amd64, linux\/arm\/v6/.test(error.message))
  assert.equal((await pullImage(engine, ask(`${registry.host}/form:list`, { platform: 'linux/arm/v7', policy: 'always' }))).id, pulled.get('form:v2s2'))
})

async function manifestOf(repository: string, tag: string): Promise<{ digest: string; size: number }> {
  const reply = await fetch(`http://${registry.host}/v2/${repository}/manifests/${tag}`, { headers: { accept: `${types.OCI_MANIFEST}, ${types.DOCKER_MANIFEST}` } })
  const bytes = Buffer.from(await reply.arrayBuffer())
  return { digest: digestOf(bytes), size: bytes.length }
}

async function put(repository: string, tag: string, type: string, document: object): Promise<void> {
  const reply = await fetch(`http://${registry.host}/v2/${repository}/manifests/${tag}`, { method: 'PUT', headers: { 'content-type': type }, body: JSON.stringify(document) })
  assert.equal(reply.status, 201, await reply.text())
}

test('the policy decides whether the registry is asked', async (t) => {
  copy('policy:1')
  const engine = await openStore(t)
  const name = `${registry.host}/policy:1`
  await assert.rejects(pullImage(engine, ask(name, { policy: 'never' })), (error) => isFailure(error, 'notFound') && /policy is never/.test(error.message))
  const first = await pullImage(engine, ask(name, { policy: 'newer' }))
  run('umoci', 'config', '--image', 'layout:1', '--tag', 'changed', '--config.env', 'NEW=1')
  run('skopeo', 'copy', '--dest-tls-verify=false', 'oci:layout:changed', `docker://${name}`)
  assert.equal((await pullImage(engine, ask(name))).id, first.id)
  assert.equal((await pullImage(engine, ask(name, { policy: 'never' }))).id, first.id)
  const second = await pullImage(engine, ask(name, { policy: 'newer' }))
  assert.notEqual(second.id, first.id)
  assert.equal((await pullImage(engine, ask(name, { policy: 'newer' }))).pulledAt, second.pulledAt)
  assert.deepEqual((await engine.state.images.get(first.id))?.names, [])
  const byDigest = await pullImage(engine, ask(`${registry.host}/policy@${second.digest}`, { policy: 'always' }))
  assert.equal(byDigest.id, second.id)
  assert.deepEqual(byDigest.names, [name])
  assert.deepEqual((await pullAllTags(engine, ask(`${registry.host}/policy`))).map(({ id }) => id), [second.id])
})

test('an OCI layout on disk is a source too, and its damage is noticed', async (t) => {
  const engine = await openStore(t)
  const image = await pullImage(engine, ask(`oci:${dir}/layout:1`))
  assert.equal(image.id, ID())
  assert.match(image.names[0]!, /^localhost\/.*layout:1$/)
  await assert.rejects(pullImage(engine, ask(`oci:${dir}/layout:none`)), (error) => isFailure(error, 'notFound'))
  await assert.rejects(pullImage(engine, ask(`oci:${dir}/nowhere`)), (error) => isFailure(error, 'notFound'))
  cpSync(join(dir, 'layout'), join(dir, 'damaged'), { recursive: true })
  const blob = join(dir, 'damaged/blobs/sha256', image.layers[1]!.digest.slice(7))
  const bytes = readFileSync(blob)
  bytes[100]! ^= 1
  writeFileSync(blob, bytes)
  await assert.rejects(pullImage(await openStore(t), ask(`oci:${dir}/damaged:1`)), (error) => isFailure(error, 'invalid'))
})

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
  await assert.rejects(pullImage(engine, ask(offer('huge', huge))), (error) => isFailure(error, 'unavailable') && /needs more than 4194304 MiB/.test(error.message))
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

test('an image in schema 1 form that is larger than the free space is refused before its first byte', async (t) => {
  copy('big:schema1', '--format', 'v2s1')
  const fetched: string[] = []
  const front = createHttpServer((request, response) => void (async () => {
    const [method, isBlob] = [request.method!, request.url!.includes('/blobs/')]
    if (isBlob && method === 'GET') fetched.push(request.url!)
    const answer = await fetch(`http://${registry.host}${request.url}`, { method, headers: { accept: request.headers.accept ?? '*/*' } })
    const kept = ['content-type', 'docker-content-digest'].flatMap((name): [string, string][] => (answer.headers.has(name) ? [[name, answer.headers.get(name)!]] : []))
    response.writeHead(answer.status, { ...Object.fromEntries(kept), ...(isBlob ? { 'content-length': 2 ** 50 } : {}) })
    response.end(method === 'HEAD' ? undefined : Buffer.from(await answer.arrayBuffer()))
  })()).listen(0, '127.0.0.1')
  t.after(() => { front.closeAllConnections(); front.close() })
  await once(front, 'listening')
  const engine = await openStore(t)
  await assert.rejects(pullImage(engine, ask(`127.0.0.1:${(front.address() as AddressInfo).port}/big:schema1`)), (error) => isFailure(error, 'unavailable') && /needs more than \d+ MiB in .* are free/.test(error.message))
  assert.deepEqual(fetched, [])
  assert.deepEqual(await engine.state.images.list(), [])
})
