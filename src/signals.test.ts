import assert from 'node:assert/strict'
import { constants } from 'node:os'
import test from 'node:test'
import { SIGNAL_NAMES, signalName, signalNumber } from './signals.ts'

test('signals are known by every common spelling', () => {
  for (const [text, number] of [['TERM', 15], ['sigkill', 9], ['SIGHUP', 1], ['10', 10], ['RTMIN', 34], ['SIGRTMIN+3', 37], ['rtmax-1', 63], ['0', 0]] as const)
    assert.equal(signalNumber(text), number, text)
  for (const text of ['', 'NOPE', '65', '-1', 'RTMAX+1', '1.5', 'constructor']) assert.equal(signalNumber(text), undefined, text)
  assert.deepEqual([15, 34, 37].map(signalName), ['SIGTERM', 'SIGRTMIN', 'SIGRTMIN+3'])
})

test('names and numbers are those of the system', () => {
  for (const [name, number] of Object.entries(constants.signals)) assert.equal(signalNumber(name), number, name)
  for (const name of SIGNAL_NAMES) assert.equal(signalName(constants.signals[name as NodeJS.Signals]), name)
})
