import assert from 'node:assert/strict'
import test from 'node:test'
import { openSuite } from '../../support/suite.ts'

const suite = openSuite()
test('a container runs', async (t) => {
  const box = await suite.box(t)
  assert.equal(await box.ok('run', '--rm', suite.busybox, 'echo', 'hi'), 'hi')
  console.error(await box.ok('info'))
  console.error(await box.ok('run', '--rm', suite.busybox, 'cat', '/proc/self/cgroup'))
  assert.fail('see')
})
