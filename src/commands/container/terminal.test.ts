import assert from 'node:assert/strict'
import { closeSync, openSync } from 'node:fs'
import test from 'node:test'
import { descriptors } from './preserve-fds.ts'
import { portsText } from './ports-text.ts'
import { readSignal } from './signal.ts'
import { parseDetachKeys } from './terminal.ts'

test('detach keys are single characters and control characters', () => {
  assert.deepEqual(parseDetachKeys('ctrl-p,ctrl-q'), [16, 17])
  assert.deepEqual(parseDetachKeys('a,ctrl-@,ctrl-[,ctrl-_'), [97, 0, 27, 31])
  assert.deepEqual(parseDetachKeys(''), [])
  for (const wrong of ['ctrl-', 'ab', 'ctrl-1', 'ctrl-p,,']) assert.throws(() => parseDetachKeys(wrong), { name: 'Failure' })
})
test('signals have names and numbers', () => {
  assert.deepEqual(['KILL', 'sigterm', '9', 'RTMIN+1', 'SIGRTMAX'].map((text) => readSignal(text, '-s')), [9, 15, 9, 35, 64])
  for (const wrong of ['FOO', '65', '']) assert.throws(() => readSignal(wrong, '--signal'), /for --signal/)
})
test('further descriptors are those that are open, none below 3', () => {
  const [one, other] = [openSync('/dev/null', 'r'), openSync('/dev/null', 'r')]
  assert.deepEqual(descriptors({ preserveFds: undefined, preserveFd: [String(other), String(one)] }), [other, one])
  assert.deepEqual(descriptors({ preserveFds: 0, preserveFd: [] }), [])
  closeSync(other)
  closeSync(one)
  assert.throws(() => descriptors({ preserveFds: undefined, preserveFd: [String(one)] }), { message: `file descriptor ${one} is not open` })
  assert.throws(() => descriptors({ preserveFds: 1024, preserveFd: [] }), /^Failure: file descriptor \d+ is not open$/)
  assert.throws(() => descriptors({ preserveFds: undefined, preserveFd: ['1'] }))
})
test('neighbouring ports are joined, exposed ones come last', () => {
  const port = (hostPort: number, containerPort: number) => ({ hostIp: '', hostPort, containerPort, protocol: 'tcp' as const, count: 1 })
  const summary = { exposed: ['80/tcp', '443/tcp'] } as never
  assert.equal(portsText({ summary, status: { ports: [port(2001, 81), port(2000, 80), port(9000, 90)] } }), '0.0.0.0:2000-2001->80-81/tcp, 0.0.0.0:9000->90/tcp, 443/tcp')
})
