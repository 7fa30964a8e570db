// The contract of a storage driver: an image looks in a container as if its layers had been unpacked one upon the other.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, linkSync, lchownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isFailure } from '../errors.ts'
import { isMounted, unmountTree } from '../fs/mounts.ts'
import { makePaths } from '../paths.ts'
import { lsetxattr, mknod, utimens } from '../sys/addon.ts'
import { archive, describeTree, gzipped, packed, setOldTimes, sourceOf, unpackSequentially } from './archive-fixture.ts'
import { openStorage, type DriverName, type Storage } from './storage.ts'
import type { Digest } from '../image/digest.ts'

const CAPABILITY = Buffer.from('0100000200200000000000000000000000000000', 'hex')
const ID = 'c'.repeat(64)

/** Everything that a tree can hold. */
function fillBase(dir: string): void {
  const at = (name: string) => join(dir, name)
  for (const name of ['usr/bin', 'usr/lib', 'etc/deep/er', 'tmp', 'var/cache', 'old/a/b', 'home']) mkdirSync(at(name), { recursive: true })
  symlinkSync('usr/bin', at('bin'))
  symlinkSync('./usr/../usr/lib', at('lib'))
  writeFileSync(at('usr/bin/tool'), 'tool'.repeat(1000))
  linkSync(at('usr/bin/tool'), at('usr/bin/tool2'))
  writeFileSync(at('usr/bin/ping'), 'ping')
  lsetxattr(at('usr/bin/ping'), 'security.capability', CAPABILITY)
  lsetxattr(at('usr/bin/ping'), 'user.note', Buffer.from([0, 10, 255, 61, 32]))
  writeFileSync(at('usr/bin/su'), 'su')
  chownSync(at('usr/bin/su'), 0, 42)
  chmodSync(at('usr/bin/su'), 0o6755)
  writeFileSync(at('home/big-id'), 'x')
  chownSync(at('home/big-id'), 4_000_000, 3_000_000)
  chownSync(at('home'), 1000, 1001)
  chmodSync(at('home'), 0o2751)
  chmodSync(at('tmp'), 0o1777)
  chmodSync(at('etc/deep'), 0o700)
  lsetxattr(at('etc/deep'), 'user.kept', Buffer.from('dir'))
  writeFileSync(at(`etc/${'n'.repeat(150)}`), 'long name')
  // Names whose first 100 bytes, which are all that the old header has, end at a slash.
  for (const length of [93, 94, 95]) {
    mkdirSync(at(`etc/${'s'.repeat(length)}`))
    writeFileSync(at(`etc/${'s'.repeat(length)}/file`), 'x'.repeat(600))
  }
  mkdirSync(at(`etc/${'d'.repeat(120)}/${'e'.repeat(130)}`), { recursive: true })
  symlinkSync('t'.repeat(180), at('etc/long-target'))
  lchownSync(at('etc/long-target'), 5, 6)
  writeFileSync(Buffer.concat([Buffer.from(`${dir}/etc/`), Buffer.from([0xff, 0xfe, 0x41])]), 'bytes for a name')
  writeFileSync(at('etc/umlaut-äöü-日本'), 'utf8')
  writeFileSync(at('old/a/b/file'), 'old')
  writeFileSync(at('old/other'), 'other')
  writeFileSync(at('etc/empty'), '')
  writeFileSync(at('var/sparse'), 'begin')
  truncateSync(at('var/sparse'), 3_000_000)
  writeFileSync(at('var/sparse'), 'middle', { flag: 'r+' })
  execFileSync('mkfifo', [at('var/fifo')])
  mknod(at('var/null'), 0o020666, { major: 1, minor: 3 })
  mknod(at('var/loop'), 0o060660, { major: 7, minor: 300 })
  setOldTimes(dir, 1_500_000_000)
  utimens(at('usr/bin/tool'), { atimeNs: 1n, mtimeNs: 1_400_000_000_123_456_789n })
  // Before 1970: whole seconds and parts of one.
  utimens(at('etc/empty'), { atimeNs: 1n, mtimeNs: -315_619_200_000_000_000n })
  utimens(at('var/fifo'), { atimeNs: 1n, mtimeNs: -1_000_000_000n })
  utimens(at('etc/long-target'), { atimeNs: 1n, mtimeNs: -5_000_000_000n })
  utimens(at('old/a'), { atimeNs: 1n, mtimeNs: -250_000_000n })
  utimens(at('usr/lib'), { atimeNs: 1n, mtimeNs: 1_300_000_000_987_654_321n })
  utimens(at('bin'), { atimeNs: 1n, mtimeNs: 1_200_000_000_000_000_001n })
}

const LAYERS: Readonly<Record<string, () => Buffer[]>> = {
  'an archive of GNU tar in PAX format': () => [packed(fillBase)],
  'an archive of GNU tar in its own format, sparse': () => [packed(fillBase, ['--format=gnu', '-S', '.'])],
  'sparse files of PAX format 0.0': () => [packed(fillBase, ['--format=pax', '-S', '--sparse-version=0.0', '.'])],
  'sparse files of PAX format 0.1': () => [packed(fillBase, ['--format=pax', '-S', '--sparse-version=0.1', '.'])],
  'sparse files of PAX format 1.0': () => [packed(fillBase, ['--format=pax', '-S', '--sparse-version=1.0', '.'])],
  'sparse files whose data does not fill its last block': () => ['--format=gnu', '--format=oldgnu', '--format=pax'].map((format) => packed((dir) => {
    // more segments than the header of the old format has room for
    for (let at = 0; at < 30; at++) execFileSync('dd', ['if=/dev/urandom', `of=${dir}/parts`, 'bs=10', `seek=${at * 2000}`, 'count=1', 'conv=notrunc', 'status=none'])
    writeFileSync(join(dir, 'end'), 'x'.repeat(10_000))
    execFileSync('truncate', ['-s', '1100000', join(dir, 'end')])
    writeFileSync(join(dir, 'after'), 'after')
    setOldTimes(dir, 1_500_000_000)
  }, [format, '-S', '.'])),
  'a file of many holes': () => [packed((dir) => {
    for (let at = 0; at < 60; at++) execFileSync('dd', ['if=/dev/zero', `of=${dir}/holes`, 'bs=4096', `seek=${at * 3}`, 'count=1', 'conv=notrunc', 'status=none'])
    writeFileSync(join(dir, 'after'), 'after')
    setOldTimes(dir, 1_500_000_000)
  }, ['--format=gnu', '-S', 'holes', 'after'])],
  'v7 and ustar archives upon each other': () => {
    const simple = (text: string) => (dir: string) => {
      mkdirSync(join(dir, 'dir/sub'), { recursive: true })
      writeFileSync(join(dir, 'dir/sub/file'), text)
      symlinkSync('sub/file', join(dir, 'dir/link'))
      setOldTimes(dir, 1_234_567_890)
    }
    return [packed(simple('one'), ['--format=v7', '.']), packed(simple('three'), ['--format=ustar', '.'])]
  },
  'a layer that names a file but not its directories': () => [packed(fillBase), archive({ name: 'tmp/x', content: 'x' }, { name: 'etc/deep/er/y', content: 'y' },
    { name: 'home/new/', type: '5', mode: 0o750, uid: 7 }, { name: 'home/new/z', content: 'z', uid: 9 })],
  'a layer that goes through symlinks of the layer below': () => [packed(fillBase), archive({ name: 'bin/added', content: 'a', mode: 0o755 }, { name: 'lib/so', content: 's' }, { name: 'bin/ping', content: 'new ping' })],
  'a directory in place of a symlink to a directory': () => [packed(fillBase), archive({ name: 'bin', type: '5' }, { name: 'bin/only', content: 'o' })],
  'hard links to files of the layer below': () => [packed(fillBase), archive({ name: 'usr/bin/ping2', type: '1', linkName: 'usr/bin/ping' },
    { name: 'usr/bin/ping3', type: '1', linkName: 'usr/bin/ping2' }, { name: 'etc/su', type: '1', linkName: './bin/su' })],
  'whiteouts of files and trees': () => [packed(fillBase), archive({ name: 'usr/bin/.wh.su' }, { name: '.wh.old' }, { name: 'var/.wh.null' }, { name: 'etc/.wh.nothing' }, { name: 'absent/.wh.nothing' })],
  'an opaque directory': () => [packed(fillBase), archive({ name: 'old', type: '5', mode: 0o711 }, { name: 'old/new', content: 'n' }, { name: 'old/.wh..wh..opq' })],
  'a whiteout and a new directory of the same name': () => [packed(fillBase), archive({ name: '.wh.old' }, { name: 'old', type: '5' }, { name: 'old/a', type: '5' }, { name: 'old/a/new', content: 'n' })],
  'a new directory and then a whiteout of the same name': () => [packed(fillBase), archive({ name: 'old', type: '5' }, { name: 'old/new', content: 'n' }, { name: '.wh.old' })],
  'a directory removed, and made again a layer later': () => [packed(fillBase), archive({ name: '.wh.old' }), archive({ name: 'old', type: '5' }, { name: 'old/new', content: 'n' })],
  'a file in place of a directory and back': () => [packed(fillBase), archive({ name: '.wh.home' }, { name: 'home', content: 'file' }), archive({ name: 'home', type: '5' }, { name: 'home/in', content: 'i' })],
  'a file that replaces files of the same layer': () => [archive({ name: 'd', type: '5' }, { name: 'd/a', content: 'one' }, { name: 'd/b', type: '1', linkName: 'd/a' }, { name: 'd/a', content: 'three' }, { name: 'd/s', type: '2', linkName: 'a' }, { name: 'd/s', content: 'no link' })],
  'members through a symlink of the same layer': () => [archive({ name: 'real', type: '5', mode: 0o700 }, { name: 'alias', type: '2', linkName: 'real' }, { name: 'alias/file', content: 'f' }, { name: 'real', type: '5', mode: 0o711 })],
  'ids, times and names by PAX': () => [archive({ name: 'short', content: 'p', pax: { path: 'by-pax', uid: '5000000', gid: '6000000', mtime: '1234567890.123456789', 'SCHILY.xattr.user.x': Buffer.from([1, 0, 2]) } },
    { name: 'l', type: '2', linkName: 'short', pax: { linkpath: 'y'.repeat(200), mtime: '-3.5' } })],
  'contiguous files and types nobody knows': () => [archive({ name: 'contiguous', type: '7', content: 'c' }, { name: 'unknown', type: '0', content: 'u' })],
}

/** `marks`: as `layers/marks` of the store, before it is opened. */
export function testDriver(driver: DriverName, marks?: string): void {
  const title = marks === undefined ? driver : `${driver} with marks by ${marks}`
  const base = mkdtempSync(`/tmp/scow-${driver}-`)
  const paths = makePaths({ root: join(base, 'root'), runRoot: join(base, 'run') })
  mkdirSync(paths.layers, { recursive: true })
  if (marks !== undefined) writeFileSync(join(paths.layers, 'marks'), marks)
  const opened: Promise<Storage> = openStorage({ paths, driver, options: { sync: false } })
  after(async () => {
    const storage = await opened
    for (const id of await storage.containers.list()) await storage.containers.remove(id)
    await storage.close()
    await unmountTree(base)
    rmSync(base, { recursive: true })
  })
  const load = async (layers: readonly Buffer[]): Promise<Digest[]> => {
    const storage = await opened
    const ingested = await Promise.all(layers.map((tar) => storage.layers.ingest(gzipped(tar))))
    const commits: { ingested: typeof ingested[number], parent: Digest | undefined }[] = []
    const chain: Digest[] = []
    const { chainId } = await import('../image/chain-id.ts')
    for (const one of ingested) {
      commits.push({ ingested: one, parent: chain.at(-1) })
      chain.push(chainId(chain.at(-1), one.diffId))
    }
    await storage.layers.commitAll(commits)
    return chain
  }

  for (const [what, make] of Object.entries(LAYERS)) {
    test(`${title}: ${what} looks as if unpacked in sequence`, async () => {
      const storage = await opened
      const layers = make()
      const expected = join(base, 'expected')
      unpackSequentially(layers, expected)
      const chain = await load(layers)
      await storage.containers.create(ID, chain)
      try {
        const root = await storage.containers.mount(ID)
        const want = describeTree(expected)
        const got = describeTree(root)
        const rootNamed = layers.some((tar) => tar.subarray(0, 2).toString() === './')
        if (!rootNamed) { delete want['']; delete got[''] }
        assert.deepEqual(got, want)
        const imageAt = join(base, 'image')
        mkdirSync(imageAt)
        await storage.containers.mountImage(chain, imageAt)
        const image = describeTree(imageAt)
        if (!rootNamed) delete image['']
        assert.deepEqual(image, want)
        assert.throws(() => writeFileSync(join(imageAt, 'x'), ''), { code: 'EROFS' })
        await storage.containers.unmountImage(imageAt)
        rmSync(imageAt, { recursive: true })
      } finally {
        await storage.containers.remove(ID)
        rmSync(expected, { recursive: true })
      }
    })
  }

  test(`${title}: files of an image are found and read as its root would show them`, async () => {
    const { layers } = await opened
    const chain = await load([
      archive({ name: 'etc/', type: '5' }, { name: 'etc/passwd', content: 'below' }, { name: 'etc/group', content: 'gone' }, { name: 'lib', type: '2', linkName: '/usr/lib' }, { name: 'loop', type: '2', linkName: 'loop' },
        { name: 'usr/', type: '5' }, { name: 'usr/lib/', type: '5' }, { name: 'usr/lib/passwd', content: 'above' }),
      archive({ name: 'etc/.wh.group', content: '' }, { name: 'etc/passwd', type: '2', linkName: '../../../../lib/passwd' }),
    ])
    const text = (path: string) => layers.text(chain, { path, maxBytes: 10 })
    assert.deepEqual(await Promise.all(['/etc/passwd', 'etc/../lib/passwd', '/etc/group', 'no/such', '/etc/passwd/x'].map(text)), ['above', 'above', undefined, undefined, undefined])
    const found = ['', '/', 'lib', '/../../etc', 'usr/lib/passwd', 'loop', 'loop/x', 'etc/group', 'usr/lib/none'].map((path) => layers.has(chain, path))
    assert.deepEqual(await Promise.all(found), [true, true, true, true, true, false, false, false, false])
    for (const path of ['lib', '/']) await assert.rejects(text(path), (error) => isFailure(error, 'invalid'))
    await assert.rejects(layers.text(chain, { path: 'etc/passwd', maxBytes: 4 }), (error) => isFailure(error, 'invalid'))
    await assert.rejects(layers.has([...chain, 'sha256:0'.padEnd(71, '0') as Digest], 'etc'), (error) => isFailure(error, 'notFound'))
    for (const id of chain.toReversed()) await layers.remove(id)
  })

  test(`${title}: a container writes to its own layer only, and its size is that`, async () => {
    const storage = await opened
    const chain = await load([archive({ name: 'a', content: 'a'.repeat(1000) }, { name: 'b', type: '1', linkName: 'a' })])
    const other = 'd'.repeat(64)
    for (const id of [ID, other]) await storage.containers.create(id, chain)
    const root = await storage.containers.mount(ID)
    assert.equal(await storage.containers.mount(ID), root)
    const otherRoot = await storage.containers.mount(other)
    writeFileSync(join(root, 'new'), 'n'.repeat(123))
    rmSync(join(root, 'a'))
    assert.equal(readFileSync(join(otherRoot, 'a'), 'utf8').length, 1000)
    assert.equal(existsSync(join(otherRoot, 'new')), false)
    assert.equal((await storage.containers.usage(ID)).bytes, 123)
    await storage.containers.unmount(ID)
    await storage.containers.unmount(ID)
    assert.equal(readFileSync(join(await storage.containers.mount(ID), 'new'), 'utf8').length, 123)
    assert.equal(existsSync(join(root, 'a')), false)
    assert.deepEqual((await storage.containers.list()).sort(), [ID, other])
    assert.deepEqual(await storage.containers.layersOf(ID), chain)
    await assert.rejects(storage.containers.create(ID, chain), (error) => isFailure(error, 'exists'))
    await assert.rejects(storage.layers.remove(chain[0]!), (error) => isFailure(error, 'inUse'))
    for (const id of [ID, other, other]) await storage.containers.remove(id)
    assert.equal(isMounted(root), false)
    assert.equal(existsSync(storage.containers.upperDir(ID)), false)
    await storage.layers.remove(chain[0]!)
    await storage.layers.remove(chain[0]!)
    await assert.rejects(storage.containers.create(ID, chain), (error) => isFailure(error, 'notFound'))
  })

  test(`${title}: a container is measured while it makes and removes directories`, { timeout: 120_000 }, async () => {
    const storage = await opened
    await storage.containers.create(ID, [], { volatile: true })
    const root = await storage.containers.mount(ID)
    const busy = spawn('sh', ['-c', 'while :; do mkdir -p a/b/c/d/e/f; rm -r a; done'], { cwd: root, stdio: 'ignore' })
    try {
      for (const seen = new Set<number>(); seen.size < 4;) seen.add((await storage.containers.usage(ID)).inodes)
      for (let count = 0; count < 2000; count++) await storage.containers.usage(ID)
    } finally {
      busy.kill('SIGKILL')
      await once(busy, 'exit')
    }
    await storage.containers.remove(ID)
  })

  test(`${title}: a container without layers has an empty root`, async () => {
    const storage = await opened
    await storage.containers.create(ID, [], { volatile: true })
    const root = await storage.containers.mount(ID)
    assert.deepEqual(Object.keys(describeTree(root)), [''])
    writeFileSync(join(root, 'x'), 'x')
    await storage.containers.remove(ID)
  })

  test(`${title}: 130 layers make one root`, async () => {
    const storage = await opened
    const chain = await load(Array.from({ length: 130 }, (_, index) => archive({ name: `f${index}`, content: String(index) }, { name: 'top', content: String(index) })))
    await storage.containers.create(ID, chain)
    const root = await storage.containers.mount(ID)
    assert.equal(readFileSync(join(root, 'top'), 'utf8'), '129')
    assert.equal(readFileSync(join(root, 'f0'), 'utf8'), '0')
    await storage.containers.remove(ID)
  })

  test(`${title}: overlay's own attributes and devices in an archive have no power`, async () => {
    const storage = await opened
    const chain = await load([
      archive({ name: 'secret', type: '5' }, { name: 'secret/file', content: 's' }),
      archive({ name: '.wh.secret' }),
      archive({ name: 'show', type: '5', pax: { 'SCHILY.xattr.trusted.overlay.redirect': '/secret', 'SCHILY.xattr.user.overlay.redirect': '/secret', 'SCHILY.xattr.trusted.overlay.opaque': 'y' } },
        { name: 'device', type: '3', device: [0, 0] }),
    ])
    await storage.containers.create(ID, chain)
    const root = await storage.containers.mount(ID)
    assert.deepEqual(Object.keys(describeTree(root)).sort(), ['', 'show'])
    await storage.containers.remove(ID)
  })

  test(`${title}: a damaged or lost tree is built again from the kept blob`, async () => {
    const storage = await opened
    const chain = await load([packed(fillBase), archive({ name: 'tmp/x', content: 'x' })])
    const layers = await Promise.all(chain.map((id) => storage.layers.find(id)))
    const before = layers.map((layer) => describeTree(layer!.tree))
    rmSync(layers[0]!.tree, { recursive: true })
    assert.equal(await storage.layers.find(chain[0]!), undefined)
    rmSync(join(layers[1]!.tree, 'tmp/x'))
    for (const id of chain) await storage.layers.rebuild(id)
    assert.deepEqual(layers.map((layer) => describeTree(layer!.tree)), before)
    assert.equal(statSync(join(layers[1]!.tree, 'tmp')).mode & 0o7777, 0o1777)
    await storage.blobs.remove(layers[0]!.blob.digest)
    await assert.rejects(storage.layers.rebuild(chain[0]!), (error) => isFailure(error, 'notFound'))
  })

  test(`${title}: zstd and plain archives unpack like gzip`, async () => {
    const storage = await opened
    const { zstdCompressSync } = await import('node:zlib')
    const tar = packed(fillBase)
    const skippable = Buffer.from('502a4d1804000000deadbeef', 'hex')
    const half = tar.length >> 1
    const frames = Buffer.concat([skippable, zstdCompressSync(tar.subarray(0, half)), skippable, zstdCompressSync(tar.subarray(half)), skippable])
    for (const bytes of [tar, zstdCompressSync(tar), frames]) {
      const ingested = await storage.layers.ingest(sourceOf(bytes))
      const [reference] = await load([tar])
      assert.equal(ingested.diffId, reference)
      await ingested.discard()
    }
  })

  test(`${title}: owners show shifted in the root of a container with a user namespace, set-id bits and capabilities kept`, async () => {
    const storage = await opened
    assert.equal(await storage.idmapProblem(), undefined)
    const chain = await load([packed(fillBase), archive({ name: 'tmp/x', content: 'x' })])
    const ids = [{ containerId: 0, hostId: 500_000, size: 65_536 }]
    const id = 'e'.repeat(64)
    await storage.containers.create(id, chain, { idmap: { uids: ids, gids: ids } })
    for (let times = 0; times < 2; times++) {
      const root = await storage.containers.mount(id)
      const of = (name: string) => { const { uid, gid, mode } = statSync(join(root, name)); return [uid, gid, mode & 0o7777] }
      assert.deepEqual([of('.').slice(0, 2), of('usr/bin/su'), of('home')], [[500_000, 500_000], [500_000, 500_042, 0o6755], [501_000, 501_001, 0o2751]])
      chownSync(join(root, 'tmp/x'), 500_003, 500_004)
      await storage.containers.unmount(id)
    }
    assert.deepEqual(await storage.layers.find(chain[0]!).then((layer) => statSync(join(layer!.tree, 'usr/bin/su')).uid), 0)
    await storage.containers.remove(id)
  })
}
