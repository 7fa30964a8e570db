import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isFailure } from '../errors.ts'
import { mountOf, readMounts, unmountTree } from '../fs/mounts.ts'
import { makePaths } from '../paths.ts'
import { mount } from '../sys/addon.ts'
import { archive, gzipped, sourceOf } from './archive-fixture.ts'
import { testDriver } from './driver-suite.ts'
import { openStorage } from './storage.ts'

testDriver('overlay')

const base = mkdtempSync('/tmp/scow-overlay-own-')
const ID = 'e'.repeat(64)
after(async () => {
  await unmountTree(base)
  rmSync(base, { recursive: true })
})
const pathsOf = (name: string) => makePaths({ root: join(base, name), runRoot: join(base, `${name}-run`) })
const image = () => gzipped(archive({ name: 'file', content: 'x' }))

test('the root of the store becomes one private mount of itself, however many ask for it at once', async () => {
  const paths = pathsOf('private')
  const storage = await openStorage({ paths })
  const layer = await storage.layers.commit(await storage.layers.ingest(image()), undefined)
  const ids = ['a', 'b', 'c'].map((letter) => letter.repeat(64))
  for (const id of ids) await storage.containers.create(id, [layer.chainId])
  await Promise.all(ids.map((id) => storage.containers.mount(id)))
  const roots = readMounts().filter(({ target }) => target === paths.root)
  assert.equal(roots.length, 1)
  assert.deepEqual(roots[0]!.propagation, [])
  assert.deepEqual(mountOf(storage.containers.rootPath(ids[0]!))!.type, 'overlay')
  for (const id of ids) await storage.containers.remove(id)
  await storage.close()
})

test('a root that has lost a directory is told as that', async () => {
  const paths = pathsOf('lost')
  const storage = await openStorage({ paths })
  await storage.containers.create(ID, [])
  rmSync(storage.containers.upperDir!(ID), { recursive: true })
  await assert.rejects(storage.containers.mount(ID), (error) => isFailure(error, 'invalid') && /a directory of it or of its layers is gone/.test(error.message))
  await storage.containers.remove(ID)
  await storage.close()
})

test('a root is mounted again while another namespace still has its last mount, durable or volatile', async (t) => {
  const storage = await openStorage({ paths: pathsOf('held') })
  const layer = await storage.layers.commit(await storage.layers.ingest(image()), undefined)
  for (const volatile of [false, true]) {
    await storage.containers.create(ID, [layer.chainId], { volatile })
    writeFileSync(join(await storage.containers.mount(ID), 'first'), 'first')
    const holder = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', 'echo ready; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] })
    t.after(() => holder.kill('SIGKILL'))
    await new Promise((resolve) => holder.stdout.once('data', resolve))
    await storage.containers.unmount(ID)
    const root = await storage.containers.mount(ID)
    writeFileSync(join(root, 'second'), 'second')
    const gone = new Promise((resolve) => holder.once('exit', resolve))
    holder.kill('SIGKILL')
    await gone
    assert.deepEqual(['first', 'second'].map((name) => readFileSync(join(root, name), 'utf8')), ['first', 'second'])
    await storage.containers.remove(ID)
  }
  await storage.close()
})

test('a volatile root is mounted again while the machine runs, and refused after it went down', async () => {
  const paths = pathsOf('volatile')
  const storage = await openStorage({ paths })
  await storage.containers.create(ID, [], { volatile: true })
  writeFileSync(join(await storage.containers.mount(ID), 'kept'), 'kept')
  await storage.containers.unmount(ID)
  assert.equal(readFileSync(join(await storage.containers.mount(ID), 'kept'), 'utf8'), 'kept')
  await storage.containers.unmount(ID)
  const record = join(paths.container(ID).dir, 'rootfs.json')
  writeFileSync(record, JSON.stringify({ ...JSON.parse(readFileSync(record, 'utf8')), boot: 'another' }))
  await assert.rejects(storage.containers.mount(ID), (error) => isFailure(error, 'wrongState') && /restarted/.test(error.message))
  await storage.containers.remove(ID)
  await storage.close()
})

test('a root behind a symlink is mounted once and unmounted', async () => {
  const paths = pathsOf('linked')
  mkdirSync(join(base, 'behind'))
  symlinkSync(join(base, 'behind'), paths.root)
  const storage = await openStorage({ paths })
  await storage.containers.create(ID, [])
  const root = await storage.containers.mount(ID)
  assert.equal(await storage.containers.mount(ID), root)
  assert.equal(readMounts().filter(({ target }) => target.startsWith(join(base, 'behind'))).length, 2)
  await storage.containers.remove(ID)
  assert.equal(readMounts().filter(({ target }) => target.startsWith(join(base, 'behind'))).length, 1)
  await storage.close()
})

test('a busy root is detached, and a read-only one refuses writes', async () => {
  const storage = await openStorage({ paths: pathsOf('busy') })
  await storage.containers.create(ID, [])
  const root = await storage.containers.mount(ID, { readOnly: true })
  assert.throws(() => writeFileSync(join(root, 'x'), ''), { code: 'EROFS' })
  const user = spawn('sleep', ['60'], { cwd: root })
  await new Promise((resolve) => user.once('spawn', resolve))
  await storage.containers.remove(ID)
  user.kill('SIGKILL')
  assert.equal(existsSync(root), false)
  assert.deepEqual(await storage.containers.list(), [])
  await storage.close()
})

test('a file system that cannot carry overlay is told as such', async () => {
  const paths = pathsOf('unfit')
  assert.equal(await (await openStorage({ paths: pathsOf('fit') })).overlayProblem(), undefined)
  mkdirSync(paths.root)
  const [lower, upper, work] = ['lower', 'upper', 'work'].map((name) => join(base, name)) as [string, string, string]
  for (const dir of [lower, upper, work]) mkdirSync(dir)
  mount('overlay', paths.root, 'overlay', 0, `lowerdir=${lower},upperdir=${upper},workdir=${work}`)
  const storage = await openStorage({ paths })
  assert.match(await storage.overlayProblem() ?? '', /refused|can't hold/)
  await storage.containers.create(ID, [])
  await assert.rejects(storage.containers.mount(ID), (error) => isFailure(error, 'unsupported') && /vfs/.test(error.hint ?? ''))
  await storage.containers.remove(ID)
  await storage.close()
  await unmountTree(paths.root)
})

test('layers unpacked for vfs alone are not shown through overlay', async () => {
  const paths = pathsOf('marks')
  mkdirSync(paths.layers, { recursive: true })
  writeFileSync(join(paths.layers, 'marks'), 'names\n')
  await assert.rejects(openStorage({ paths }), (error) => isFailure(error, 'wrongState'))
})

test('recovery clears what the dead left and nothing of the living', async () => {
  const paths = pathsOf('recovered')
  const [living, other] = [await openStorage({ paths }), await openStorage({ paths })]
  const staged = await living.layers.ingest(image())
  mkdirSync(join(paths.staging, 'session-dead/0/diff'), { recursive: true })
  const digest = staged.descriptor.digest.slice('sha256:'.length)
  const partials = join(paths.blobs, 'partial')
  const unknown = 'f'.repeat(64)
  writeFileSync(join(partials, `sha256-${digest}.1`), 'needless')
  writeFileSync(join(partials, `sha256-${unknown}.0`), 'to be continued')
  writeFileSync(join(partials, `sha256-${'1'.repeat(64)}.verified-0000-dead`), 'from before the power cut')
  for (let round = 0; round < 2; round++) {
    await other.recover()
    assert.equal(readdirSync(paths.staging).length, 1)
    assert.deepEqual(readdirSync(partials).map((name) => name.replace(/-[0-9a-f-]{36}$/, '')).sort(),
      [`sha256-${'1'.repeat(64)}.0`, `sha256-${digest}.verified`, `sha256-${unknown}.0`].sort())
  }
  const layer = await living.layers.commit(staged, undefined)
  assert.equal(await other.layers.find(layer.chainId).then((found) => found?.diffId), staged.diffId)
  assert.equal(statSync(join(paths.blobs, 'sha256', digest)).size, staged.descriptor.size)
  await living.close()
  await other.close()
})

test('a layer committed twice, also at once, is one layer', async () => {
  const paths = pathsOf('twice')
  const [one, two] = [await openStorage({ paths }), await openStorage({ paths })]
  const source = image()
  const [a, b] = await Promise.all([one.layers.ingest(source), two.layers.ingest(sourceOf(Buffer.alloc(0), { digest: source.descriptor.digest, size: source.descriptor.size }))])
  const layers = await Promise.all([one.layers.commit(a, undefined), two.layers.commit(b, undefined)])
  assert.deepEqual(layers[0], layers[1])
  const again = await one.layers.ingest({ ...source, chainId: layers[0]!.chainId })
  assert.equal(again.fetchedBytes, 0)
  assert.deepEqual(await one.layers.commit(again, undefined), layers[0])
  assert.equal((await one.layers.list()).length, 1)
  const child = await one.layers.commit(await one.layers.ingest(gzipped(archive({ name: 'child', content: 'c' }))), layers[0]!.chainId)
  await assert.rejects(one.layers.remove(layers[0]!.chainId), (error) => isFailure(error, 'inUse'))
  await one.layers.remove(child.chainId)
  await one.layers.remove(layers[0]!.chainId)
  assert.deepEqual(await two.layers.list(), [])
  await one.close()
  await two.close()
})
