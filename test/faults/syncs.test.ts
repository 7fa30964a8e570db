// What need not survive a loss of power does not wait for the disk.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import test from 'node:test'
import { listCalls } from '../support/strace.ts'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()

test('run --rm, exec and ps sync nothing', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'k', '--network', 'none', suite.busybox, 'sleep', '1000')
  const acts = [['run', '--rm', '--network', 'none', suite.busybox, 'true'], ['exec', 'k', 'true'], ['ps']]
  for (const act of acts) {
    const { seen, result } = await listCalls(box, ['fsync', 'fdatasync', 'syncfs', 'sync_file_range', 'sync'], act)
    assert.equal(result.code, 0, result.stderr)
    assert.deepEqual(seen.map(({ call, words }) => `${call} ${words}`), [], act.join(' '))
  }
})
