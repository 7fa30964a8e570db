import assert from 'node:assert/strict'
import test from 'node:test'
import { deviceBytes, deviceBytes1 } from './container-statistics.ts'

test('bytes read and written are those of all devices, in the form of either version', () => {
  assert.deepEqual(deviceBytes('8:0 rbytes=100 wbytes=20 rios=3 wios=4 dbytes=5 dios=6\n254:0 rbytes=1 wbytes=2 rios=0 wios=0 dbytes=0 dios=0\n'), { read: 101, written: 22 })
  assert.deepEqual(deviceBytes1('8:0 Read 100\n8:0 Write 20\n8:0 Sync 120\n8:0 Async 0\n8:0 Total 120\n254:0 Read 1\n254:0 Write 2\nTotal 123\n'), { read: 101, written: 22 })
  assert.deepEqual([deviceBytes(''), deviceBytes1('Total 0\n')], [{ read: 0, written: 0 }, { read: 0, written: 0 }])
})
