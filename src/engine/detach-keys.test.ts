import assert from 'node:assert/strict'
import test from 'node:test'
import { detachScanner } from './detach-keys.ts'

const type = (keys: number[], chunks: string[]) => {
  const scan = detachScanner(keys)
  let passed = ''
  for (const chunk of chunks) {
    const { pass, detach } = scan(Buffer.from(chunk, 'latin1'))
    passed += pass.toString('latin1')
    if (detach) return { passed, detached: true }
  }
  return { passed, detached: false }
}

test('the sequence is found across chunks and not passed on', () => {
  assert.deepEqual(type([16, 17], ['ab\x10', '\x11cd']), { passed: 'ab', detached: true })
})
test('a begun and broken sequence is passed on whole', () => {
  assert.deepEqual(type([16, 17], ['\x10x\x10', '\x10', 'y']), { passed: '\x10x\x10\x10y', detached: false })
})
test('a repeated first key may begin the sequence anew', () => {
  assert.deepEqual(type([16, 17], ['\x10\x10\x11']), { passed: '\x10', detached: true })
})
test('without keys everything passes', () => {
  assert.deepEqual(type([], ['\x10\x11']), { passed: '\x10\x11', detached: false })
})
