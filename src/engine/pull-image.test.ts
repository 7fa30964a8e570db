// Pulls by the real parts from a real registry (Debian's docker-registry): forms, policy, sources. Needs root.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isFailure } from '../errors.ts'
import { digestOf } from '../image/digest.ts'
import type { ImageConfig } from '../image/image-config.ts'
import * as types from '../image/media-types.ts'
import type { PullEvent } from './pull-events.ts'
import { ask, dir, openStore, run, tree } from './pull-fixture.ts'
import { pullAllTags, pullImage } from './pull-image.ts'

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
after(() => registry?.stop())

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
  await assert.rejects(pullImage(engine, ask(`127.0.0.1:${(front.address() as AddressInfo).port}/big:schema1`)), (error) => isFailure(error, 'noSpace') && /needs more than \d+ MiB in .* are free/.test(error.message))
  assert.deepEqual(fetched, [])
  assert.deepEqual(await engine.state.images.list(), [])
})
