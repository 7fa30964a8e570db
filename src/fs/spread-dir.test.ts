import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { countGroups, mountExt4 } from './ext4-fixture.ts'
import { makeSpreadDir } from './spread-dir.ts'

test('what is made below goes to many parts of an ext4, where a plain directory keeps it in one', (t) => {
  const root = mountExt4(t)
  mkdirSync(join(root, 'plain'))
  makeSpreadDir(join(root, 'spread'), 0o711)
  makeSpreadDir(join(root, 'spread'), 0o700) // is there: stays as it is
  assert.equal(statSync(join(root, 'spread')).mode & 0o777, 0o711)
  const groups = (parent: string): number => countGroups(Array.from({ length: 8 }, (_, index) => {
    const path = join(root, parent, String(index))
    mkdirSync(path)
    return path
  }))
  assert.equal(groups('plain'), 1)
  assert.ok(groups('spread') > 4)
})

test('a file system that knows no such wish has just a directory', (t) => {
  const dir = mkdtempSync('/run/scow-spread-')
  t.after(() => rmSync(dir, { recursive: true }))
  makeSpreadDir(join(dir, 'a/b'), 0o700)
  assert.equal(statSync(join(dir, 'a/b')).mode & 0o777, 0o700)
})
