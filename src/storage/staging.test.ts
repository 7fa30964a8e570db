import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { countGroups, mountExt4 } from '../fs/ext4-fixture.ts'
import { makeStaging } from './staging.ts'

test('each tree of a process gets a part of an ext4 of its own, and all go at the end', (t) => {
  const dir = join(mountExt4(t), 'staging')
  const staging = makeStaging(dir)
  const trees = Array.from({ length: 12 }, () => staging.make())
  assert.ok(countGroups(trees) > 6)
  staging.close()
  assert.deepEqual(readdirSync(dir), [])
})
