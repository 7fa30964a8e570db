import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, closeSync, linkSync, lstatSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, readlinkSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { lgetxattr, lsetxattr } from '../sys/addon.ts'
import { packTree } from './pack-tree.ts'
import { receiveTree } from './receive-tree.ts'
import { renameMembers } from './rename-members.ts'
import { endOfArchive, memberHeader } from './tar-writer.ts'

const LONG = 'n'.repeat(200)

function makeTree(t: TestContext): { dir: string; from: string; to: string } {
  const dir = mkdtempSync(join(tmpdir(), 'scow-copy-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const [from, to] = [join(dir, 'from'), join(dir, 'to')]
  mkdirSync(join(from, 'sub'), { recursive: true })
  mkdirSync(to)
  writeFileSync(join(from, LONG), 'long\n')
  writeFileSync(Buffer.concat([Buffer.from(`${from}/`), Buffer.from([0xff, 0xfe])]), 'bytes\n')
  writeFileSync(join(from, 'sub/plain'), 'plain\n')
  linkSync(join(from, 'sub/plain'), join(from, 'sub/second'))
  symlinkSync('t'.repeat(150), join(from, 'sub/link'))
  lsetxattr(join(from, 'sub/plain'), 'user.note', Buffer.from([1, 2, 3]))
  chmodSync(join(from, 'sub'), 0o1770)
  utimesSync(join(from, 'sub'), 1.5, 1.5)
  return { dir, from, to }
}

async function* whole(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks
  yield endOfArchive()
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}

const SETTINGS = { dir: '.', overwrite: false, privileges: true }

test('a tree comes out as it went in, and GNU tar reads the same', async (t) => {
  const { dir, from, to } = makeTree(t)
  const archive = await collect(whole(packTree({ root: '/', path: from, as: 'copy' })))
  writeFileSync(join(dir, 'archive'), archive)
  execFileSync('tar', ['--extract', '--xattrs', '--file', join(dir, 'archive'), '--directory', dir])
  await receiveTree({ ...SETTINGS, root: to }, (async function* () { for (let at = 0; at < archive.length; at += 777) yield archive.subarray(at, at + 777) })())
  for (const copy of [join(dir, 'copy'), join(to, 'copy')]) {
    assert.deepEqual(readdirSync(copy, { encoding: 'buffer' }).map((name) => name.toString('latin1')).sort(), [LONG, 'sub', '\xff\xfe'])
    assert.equal(readFileSync(join(copy, LONG), 'utf8'), 'long\n')
    assert.equal(statSync(join(copy, 'sub/plain')).ino, statSync(join(copy, 'sub/second')).ino)
    assert.equal(readlinkSync(join(copy, 'sub/link')), 't'.repeat(150))
    assert.deepEqual(lgetxattr(join(copy, 'sub/plain'), 'user.note'), Buffer.from([1, 2, 3]))
    const { mode, mtimeMs } = statSync(join(copy, 'sub'))
    assert.deepEqual([mode & 0o7777, mtimeMs], [0o1770, 1500])
  }
})

test('another name is written into every member, links included', async (t) => {
  const { from, to } = makeTree(t)
  const renamed = renameMembers(whole(packTree({ root: '/', path: from, as: 'old' })), 'new')
  await receiveTree({ ...SETTINGS, root: to }, whole(renamed))
  assert.deepEqual(readdirSync(to), ['new'])
  assert.equal(statSync(join(to, 'new/sub/plain')).ino, statSync(join(to, 'new/sub/second')).ino)
})

test('sizes beyond the old limit of tar are written, and sparse files are received', async (t) => {
  const { dir, to } = makeTree(t)
  const large = memberHeader({ type: 'file', name: 'large', linkName: '', size: 2 ** 35, mode: 0o600, uid: 3_000_000, gid: 0, mtimeNs: 5n, devMajor: 0, devMinor: 0, xattrs: new Map() })
  writeFileSync(join(dir, 'large.tar'), large)
  assert.match(execFileSync('sh', ['-c', `tar --list --verbose --numeric-owner --file ${join(dir, 'large.tar')} 2>/dev/null || true`], { encoding: 'utf8' }), /3000000\/0 34359738368 .* large/)
  const sparse = join(dir, 'sparse')
  writeFileSync(sparse, 'begin')
  truncateSync(sparse, 10_000_000)
  const file = openSync(sparse, 'r+')
  writeSync(file, 'end', 9_999_997)
  closeSync(file)
  const archive = execFileSync('tar', ['--create', '--sparse', '--directory', dir, 'sparse'], { maxBuffer: 1 << 24 })
  assert.ok(archive.length < 1_000_000)
  await receiveTree({ ...SETTINGS, root: to }, (async function* () { yield archive })())
  assert.ok(readFileSync(join(to, 'sparse')).equals(readFileSync(sparse)))
})

test('whoever swaps a directory for a link while it is filled leads nowhere', async (t) => {
  const { dir, to } = makeTree(t)
  const outside = join(dir, 'outside')
  mkdirSync(outside)
  const member = (type: 'file' | 'directory', name: string) => memberHeader({ type, name, linkName: '', size: 0, mode: 0o777, uid: 0, gid: 0, mtimeNs: 0n, devMajor: 0, devMinor: 0, xattrs: new Map() })
  await assert.rejects(receiveTree({ ...SETTINGS, root: to }, (async function* () {
    yield member('directory', 'here')
    renameSync(join(to, 'here'), join(to, 'away'))
    symlinkSync(outside, join(to, 'here'))
    yield member('file', 'here/file')
  })()), { name: 'Failure' })
  assert.deepEqual(readdirSync(outside), [])
  assert.equal(lstatSync(outside).mode & 0o777, 0o755)
})

test('more than there is room for, devices and rights stay out', async (t) => {
  const { to } = makeTree(t)
  const base = { linkName: '', size: 0, mode: 0o4755, uid: 0, gid: 0, mtimeNs: 0n, devMajor: 1, devMinor: 3, xattrs: new Map([['security.capability', Buffer.alloc(20)], ['user.kept', Buffer.from('x')]]) }
  await receiveTree({ ...SETTINGS, root: to, privileges: false }, (async function* () {
    yield memberHeader({ ...base, type: 'character', name: 'null' })
    yield memberHeader({ ...base, type: 'file', name: 'file' })
  })())
  assert.deepEqual(readdirSync(to), ['file'])
  assert.equal(statSync(join(to, 'file')).mode & 0o7777, 0o755)
  assert.deepEqual([lgetxattr(join(to, 'file'), 'security.capability'), String(lgetxattr(join(to, 'file'), 'user.kept'))], [undefined, 'x'])
  await assert.rejects(receiveTree({ ...SETTINGS, root: to }, (async function* () {
    yield memberHeader({ ...base, type: 'file', name: '../up' })
  })()), /leads out/)
})
