import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { makeSpreadDir } from './spread-dir.ts'

const INODES_PER_GROUP = 512

test('what is made below goes to many parts of an ext4, where a plain directory keeps it in one', (t) => {
  const dir = mkdtempSync('/var/tmp/scow-spread-')
  t.after(() => { execFileSync('umount', [root]); rmSync(dir, { recursive: true }) })
  const [disk, root] = [join(dir, 'disk'), join(dir, 'root')]
  mkdirSync(root)
  execFileSync('mke2fs', ['-q', '-t', 'ext4', '-O', '^flex_bg', '-g', '8192', '-N', String(32 * INODES_PER_GROUP), disk, '256M'])
  execFileSync('mount', ['-o', 'loop', disk, root])
  mkdirSync(join(root, 'plain'))
  makeSpreadDir(join(root, 'spread'), 0o711)
  makeSpreadDir(join(root, 'spread'), 0o700) // is there: stays as it is
  assert.equal(statSync(join(root, 'spread')).mode & 0o777, 0o711)
  const groups = (parent: string): number => new Set(Array.from({ length: 8 }, (_, index) => {
    const path = join(root, parent, String(index))
    mkdirSync(path)
    return Math.floor((statSync(path).ino - 1) / INODES_PER_GROUP)
  })).size
  assert.equal(groups('plain'), 1)
  assert.ok(groups('spread') > 4)
})

test('a file system that knows no such wish has just a directory', (t) => {
  const dir = mkdtempSync('/run/scow-spread-')
  t.after(() => rmSync(dir, { recursive: true }))
  makeSpreadDir(join(dir, 'a/b'), 0o700)
  assert.equal(statSync(join(dir, 'a/b')).mode & 0o777, 0o700)
})
