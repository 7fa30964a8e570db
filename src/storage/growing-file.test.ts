import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { after } from 'node:test'
import { GrowingFile } from './growing-file.ts'

const dir = mkdtempSync('/tmp/scow-growing-')
after(() => rmSync(dir, { recursive: true }))

test('the first piece is long enough to tell what the file is, however slowly it grows', async () => {
  writeFileSync(join(dir, 'slow'), '0123456789')
  const file = new GrowingFile(join(dir, 'slow'))
  const first = file.next()
  for (let bytes = 1; bytes <= 7; bytes++) {
    file.grow(bytes)
    await new Promise(setImmediate)
  }
  assert.equal((await first)?.toString(), '012345')
  assert.equal((await file.next())?.toString(), '6')
  file.grow(10)
  file.end()
  assert.equal((await file.next())?.toString(), '789')
  assert.equal(await file.next(), undefined)
  file.close()
})

test('a file of few bytes, or none, comes at its end', async () => {
  writeFileSync(join(dir, 'short'), 'abc')
  const file = new GrowingFile(join(dir, 'short'))
  const first = file.next()
  file.grow(3)
  file.end()
  assert.equal((await first)?.toString(), 'abc')
  assert.equal(await file.next(), undefined)
  file.close()
  const empty = new GrowingFile(join(dir, 'short'))
  empty.end()
  assert.equal(await empty.next(), undefined)
})
