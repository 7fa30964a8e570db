import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { isFailure } from '../errors.ts'
import { unmountTree } from '../fs/mounts.ts'
import { chainId } from '../image/chain-id.ts'
import { digestOf } from '../image/digest.ts'
import { makePaths } from '../paths.ts'
import { archive, describeTree, gzipped, member, paxRecords, sourceOf, type Member } from './archive-fixture.ts'
import { openStorage } from './storage.ts'

const base = mkdtempSync('/tmp/scow-hostile-')
const outside = join(base, 'outside')
const paths = makePaths({ root: join(base, 'root'), runRoot: join(base, 'run') })
const storage = await openStorage({ paths, options: { sync: false, maxUnpackedBytes: 4 << 20, maxEntries: 1000 } })
mkdirSync(outside)
writeFileSync(join(outside, 'canary'), 'untouched')
after(async () => {
  await storage.close()
  await unmountTree(base)
  rmSync(base, { recursive: true })
})

const nothingLeft = (): void => {
  for (const session of readdirSync(paths.staging)) assert.deepEqual(readdirSync(join(paths.staging, session)), [])
  assert.deepEqual(readdirSync(join(paths.blobs, 'partial')), [])
  assert.deepEqual(readdirSync(outside), ['canary'])
  assert.equal(readFileSync(join(outside, 'canary'), 'utf8'), 'untouched')
}

const header = (change: (block: Buffer) => void, it: Member = { name: 'entry' }): Buffer => {
  const block = member(it)
  change(block)
  block.write('        ', 148)
  block.write(`${block.subarray(0, 512).reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148)
  return block
}
const sparse = (map: string) => archive({ name: 'entry', content: 'ab', pax: { 'GNU.sparse.map': map, 'GNU.sparse.size': '10' } })
const incompressible = randomBytes(300_000)

const REFUSED: Readonly<Record<string, readonly [Buffer, RegExp]>> = {
  'a name that climbs out': [archive({ name: '../entry', content: 'x' }), /leads out/],
  'a name that climbs out in its middle': [archive({ name: 'a/../../entry', content: 'x' }), /leads out/],
  'a hard link that climbs out': [archive({ name: 'entry', type: '1', linkName: '../../../etc/passwd' }), /leads out/],
  'a loop of symlinks': [archive({ name: 'a', type: '2', linkName: 'b' }, { name: 'b', type: '2', linkName: 'a' }, { name: 'a/entry', content: 'x' }), /loop/],
  'a member below a file': [archive({ name: 'file', content: 'x' }, { name: 'file/entry', content: 'x' }), /no directory/],
  'a member below a device': [archive({ name: 'dev', type: '3', device: [1, 3] }, { name: 'dev/entry', content: 'x' }), /no directory/],
  'a hard link to a directory': [archive({ name: 'd', type: '5' }, { name: 'entry', type: '1', linkName: 'd' }), /hard link to the directory/],
  'a root that is no directory': [archive({ name: './', type: '2', linkName: '/tmp' }), /root of the layer/],
  'a whiteout of the directory itself': [archive({ name: 'd/.wh..', content: '' }), /whiteout of nothing/],
  'a symlink to nothing': [archive({ name: 'entry', type: '2', linkName: '' }), /to nothing/],
  'a name too long for the file system': [archive({ name: 'x', pax: { path: `entry/${'n'.repeat(300)}` } }), /ENAMETOOLONG/],
  'a path too long for the kernel': [archive({ name: 'x', pax: { path: `entry/${`${'d'.repeat(200)}/`.repeat(30)}f` } }), /ENAMETOOLONG/],
  'a zero byte in a name': [archive({ name: 'x', pax: { path: 'entry\0/etc' } }), /zero byte/],
  'a negative size': [Buffer.concat([header((block) => { block.fill(0xff, 124, 136) }), Buffer.alloc(1024)]), /size of -1/],
  'an absurd size': [Buffer.concat([header((block) => { block[124] = 0x80; block.fill(0x7f, 125, 136) }), Buffer.alloc(1024)]), /size of/],
  'a size that the archive does not have': [archive({ name: 'entry', content: 'x', size: 2 ** 32 }), /middle of a member/],
  'an archive cut in its middle': [archive({ name: 'entry', content: incompressible }).subarray(0, 100_000), /middle of a member/],
  'an archive cut in a header': [Buffer.concat([member({ name: 'entry', content: 'x' }), member({ name: 'next' }).subarray(0, 200)]), /middle of a member/],
  'an extended header without a member': [member({ name: 'pax', type: 'x', content: paxRecords({ path: 'entry' }) }), /middle of a member/],
  'a huge extended header': [archive({ name: 'pax', type: 'x', size: 2 ** 30 }), /extended header of/],
  'extended headers without end': [archive(...Array.from({ length: 100 }, () => ({ name: 'pax', type: 'x', content: paxRecords({ comment: 'x' }) }))), /without end/],
  'a broken extended header': [archive({ name: 'pax', type: 'x', content: '99999999 path=x\n' }), /broken PAX/],
  'a PAX size that is no number': [archive({ name: 'entry', content: 'x', pax: { size: '-5' } }), /PAX record size/],
  'a PAX id beyond 32 bits': [archive({ name: 'entry', pax: { uid: '9999999999' } }), /id 9999999999/],
  'a sparse map that overlaps': [sparse('0,5,2,5'), /sparse map/],
  'a sparse map beyond the file': [sparse('8,5'), /sparse map/],
  'a sparse map for other bytes': [sparse('0,1'), /sparse map/],
  'no archive at all': [incompressible.subarray(0, 5000), /not a tar header/],
  'a bomb of bytes': [archive({ name: 'entry', content: Buffer.alloc(8 << 20) }), /more than 4194304 bytes/],
  'a bomb of entries': [archive(...Array.from({ length: 1100 }, (_, index) => ({ name: `d${index}`, type: '5' }))), /more than 1000 entries/],
}

for (const [what, [tar, message]] of Object.entries(REFUSED)) {
  test(`${what} is refused and leaves nothing`, async () => {
    const source = gzipped(tar)
    await assert.rejects(storage.layers.ingest(source), (error) => {
      assert.ok(isFailure(error, 'invalid'), String(error))
      assert.match(error.message, message)
      assert.ok(error.message.includes(source.descriptor.digest), error.message)
      return true
    })
    nothingLeft()
  })
}

const ALLOWED: Readonly<Record<string, readonly [readonly Buffer[], readonly string[]]>> = {
  'absolute names lie in the layer': [[archive({ name: '/abs/file', content: 'x' }, { name: '//abs//./other', content: 'x' })], ['abs', 'abs/file', 'abs/other']],
  'an absolute symlink leads to the layer\'s own root': [[archive({ name: 's', type: '2', linkName: outside }, { name: 's/file', content: 'x' })],
    ['s', ...outside.slice(1).split('/').map((_, index, all) => all.slice(0, index + 1).join('/')), `${outside.slice(1)}/file`]],
  'a symlink that climbs stops at the root': [[archive({ name: 's', type: '2', linkName: '../../../../../../x' }, { name: 's/file', content: 'x' })], ['s', 'x', 'x/file']],
  'an absolute symlink of the layer below stays in the image': [[archive({ name: 'real', type: '5', mode: 0o711 }, { name: 'lib', type: '2', linkName: '/real' }), archive({ name: 'lib/so', content: 'x' })], ['lib', 'real', 'real/so']],
  'a climbing symlink of the layer below stays in the image': [[archive({ name: 'd', type: '5' }, { name: 'd/up', type: '2', linkName: `../../../..${outside}` }), archive({ name: 'd/up/file', content: 'x' })],
    ['d', 'd/up', ...outside.slice(1).split('/').map((_, index, all) => all.slice(0, index + 1).join('/')), `${outside.slice(1)}/file`]],
  'a file in place of a symlink is not written through it': [[archive({ name: 's', type: '2', linkName: `${outside}/canary` }, { name: 'h', type: '1', linkName: 's' }, { name: 'h', content: 'x' }, { name: 's', content: 'x' })], ['h', 's']],
  'a directory in place of a symlink is a new one': [[archive({ name: 's', type: '2', linkName: outside }, { name: 's', type: '5', mode: 0o777 }, { name: 's/file', content: 'x' })], ['s', 's/file']],
  'what follows the end mark is ignored': [[Buffer.concat([archive({ name: 'a', content: 'x' }), incompressible])], ['a']],
  'an archive without end mark ends with its last member': [[member({ name: 'a', content: 'x' })], ['a']],
  'an archive without even the padding of its last member ends with that': [[member({ name: 'a', content: 'x' }).subarray(0, 513)], ['a']],
  'an empty blob is an empty layer': [[Buffer.alloc(0)], []],
  'device nodes are nodes': [[archive({ name: 'mem', type: '3', device: [1, 1], mode: 0o600 }, { name: 'sda', type: '4', device: [8, 0] })], ['mem', 'sda']],
}

for (const [what, [layers, names]] of Object.entries(ALLOWED)) {
  test(what, async () => {
    let parent
    const trees: string[] = []
    for (const tar of layers) {
      const layer = await storage.layers.commit(await storage.layers.ingest(gzipped(tar)), parent)
      trees.push(layer.tree)
      parent = layer.chainId
    }
    await storage.containers.create('a'.repeat(64), await Promise.all(layers.map((tar, index) => layers.slice(0, index + 1).map(digestOf).reduce((below, diffId) => chainId(below, diffId)))))
    const root = await storage.containers.mount('a'.repeat(64))
    assert.deepEqual(Object.keys(describeTree(root)).sort(), ['', ...names].sort())
    await storage.containers.remove('a'.repeat(64))
    nothingLeft()
  })
}

test('a hard link to a file that no layer has is refused when the layer is put on its parents', async () => {
  const ingested = await storage.layers.ingest(gzipped(archive({ name: 'entry', type: '1', linkName: '/etc/passwd' })))
  await assert.rejects(storage.layers.commit(ingested, undefined), /^Failure: layer sha256:[0-9a-f]{64}, entry "entry": a hard link to etc\/passwd/)
  await ingested.discard()
  await storage.blobs.remove(ingested.descriptor.digest)
  nothingLeft()
})

test('broken and truncated gzip are refused', async () => {
  const good = gzipSync(archive({ name: 'entry', content: incompressible }))
  const broken = Buffer.from(good)
  broken.fill(0x55, 1000, 1100)
  for (const bytes of [broken, good.subarray(0, 5000), good.subarray(0, good.length - 4), good.subarray(0, 10)]) {
    await assert.rejects(storage.layers.ingest(sourceOf(bytes)), (error) => isFailure(error, 'invalid') && /gzip|middle|tar header/.test(error.message))
    nothingLeft()
  }
})

test('other compressions are named', async () => {
  await assert.rejects(storage.layers.ingest(sourceOf(Buffer.from('fd377a585a0000', 'hex'))), (error) => isFailure(error, 'unsupported') && /xz/.test(error.message))
  for (const name of readdirSync(join(paths.blobs, 'partial'))) rmSync(join(paths.blobs, 'partial', name))
})

test('a blob bigger than announced is cut off at once', async () => {
  const bytes = gzipSync(archive({ name: 'entry', content: randomBytes(3_000_000) }))
  const source = sourceOf(bytes, { size: 100_000, chunk: 10_000 })
  await assert.rejects(storage.layers.ingest(source), /bigger than the announced 100000 bytes/)
  assert.ok(source.served() <= 110_000)
  nothingLeft()
})

test('a blob smaller than announced is kept to be continued', async () => {
  const bytes = gzipSync(archive({ name: 'entry', content: randomBytes(100_000) }))
  await assert.rejects(storage.layers.ingest(sourceOf(bytes, { size: bytes.length + 10 })), (error) => isFailure(error, 'unavailable'))
  assert.deepEqual(readdirSync(join(paths.blobs, 'partial')).length, 1)
  const whole = sourceOf(bytes)
  await (await storage.layers.ingest(whole)).discard()
  assert.equal(whole.served(), 0)
  await storage.blobs.remove(whole.descriptor.digest)
})

test('bytes of another digest are removed, and so are trees that are not what the image says', async () => {
  const bytes = gzipSync(archive({ name: 'entry', content: 'x' }))
  await assert.rejects(storage.layers.ingest(sourceOf(bytes, { digest: digestOf('other') })), /are not those of that digest/)
  nothingLeft()
  await assert.rejects(storage.layers.ingest(sourceOf(bytes, { diffId: digestOf('other') })), /but the image says/)
  nothingLeft()
})

test('bytes that went bad on disk are fetched again', async () => {
  const bytes = gzipSync(archive({ name: 'entry', content: randomBytes(200_000) }))
  const source = sourceOf(bytes)
  const [, hex] = source.descriptor.digest.split(':')
  writeFileSync(join(paths.blobs, 'partial', `sha256-${hex}.0`), Buffer.alloc(50_000, 7))
  await (await storage.layers.ingest(source)).discard()
  await storage.recover()
  const stored = storage.blobs.path(source.descriptor.digest)
  assert.equal(statSync(stored).size, bytes.length)
  writeFileSync(stored, Buffer.alloc(bytes.length, 9))
  const again = sourceOf(bytes)
  await (await storage.layers.ingest(again)).discard()
  assert.equal(again.served(), bytes.length)
  assert.deepEqual(await storage.blobs.read(source.descriptor.digest, 1 << 20), bytes)
  writeFileSync(storage.blobs.path(source.descriptor.digest), 'bad')
  await assert.rejects(storage.blobs.read(source.descriptor.digest, 1 << 20), /damaged/)
  assert.equal(await storage.blobs.has(source.descriptor.digest), false)
  assert.ok(!existsSync(stored))
})

test('a sha512 digest names a blob as well', async () => {
  const bytes = gzipSync(archive({ name: 'entry', content: 'x' }))
  const { createHash } = await import('node:crypto')
  const { parseDigest } = await import('../image/digest.ts')
  const digest = parseDigest(`sha512:${createHash('sha512').update(bytes).digest('hex')}`)
  const layer = await storage.layers.commit(await storage.layers.ingest(sourceOf(bytes, { digest })), undefined)
  assert.equal(layer.blob.digest, digest)
  assert.deepEqual(await storage.blobs.read(digest, 1 << 20), bytes)
})
