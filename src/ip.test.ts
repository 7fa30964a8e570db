import assert from 'node:assert/strict'
import * as net from 'node:net'
import test from 'node:test'
import { isIP, isIPv4, isIPv6 } from './ip.ts'

const WORDS = ['', ':', '::', '.', '%', '0', '1', '9', '10', '255', '256', '01', 'a', 'FfFf', '12345', 'g', '1.2.3.4', '%eth0', '%', ' ', '1:2:3:4:5:6:7', '::ffff:', '\n']

test('an IP address is what Node takes for one', () => {
  const fixed = [
    '', '0.0.0.0', '255.255.255.255', '1.2.3', '1.2.3.4.5', '1.2.3.04', '1.2.3.4 ', '1.2.3.4\n', '::', '::1', '1::', ':::', '1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7::', '::2:3:4:5:6:7:8', '1::2:3:4:5:6:7:8',
    '1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:7:1.2.3.4', '::1.2.3.4', '::1.2.3.400', '1.2.3.4::', '1.2.3.4::1', '::1.2.3.4:5', '1::2::3', 'fe80::1%eth0', 'fe80::1%', '%eth0', '::%a b', '1:2:3:4:5:6:7:8%x', '1.2.3.4%x', 'g::', '12345::', ':1', '1:', '::1:', ':1::',
  ]
  // Every two and three of the words that addresses are made of, and many longer ones.
  const made = WORDS.flatMap((a) => WORDS.flatMap((b) => [`${a}${b}`, ...WORDS.map((c) => `${a}${b}${c}`)]))
  let seed = 1
  const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below
  const long = Array.from({ length: 20_000 }, () => Array.from({ length: 2 + random(10) }, () => WORDS[random(WORDS.length)]).join(random(2) === 0 ? '' : ':'))
  for (const text of [...fixed, ...made, ...long]) {
    assert.equal(isIP(text), net.isIP(text), JSON.stringify(text))
    assert.equal(isIPv4(text), net.isIPv4(text), JSON.stringify(text))
    assert.equal(isIPv6(text), net.isIPv6(text), JSON.stringify(text))
  }
})
