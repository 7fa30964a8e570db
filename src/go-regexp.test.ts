import assert from 'node:assert/strict'
import test from 'node:test'
import { goRegExp } from './go-regexp.ts'

test('patterns of RE2 mean here what they mean there', () => {
  const cases: [string, string, boolean][] = [
    ['(?i)MAIN', 'main', true], ['(?is)A.b', 'a\nB', true], ['(?P<x>ma)in', 'main', true], ['[[:alpha:]]ain', 'main', true], ['^[[:digit:]_]+$', '1_2', true], ['[^[:space:]]', ' ', false],
    ['\\Amain\\z', 'main', true], ['\\Amain\\z', 'mains', false], ['\\Qa.b\\E+', 'a.bb', true], ['\\Qa.b', 'axb', false], ['\\\\A', '\\A', true], ['a|b', 'cb', true], ['(?i:M)ain', 'main', true],
  ]
  for (const [pattern, text, matches] of cases) assert.equal(goRegExp(pattern).test(text), matches, `${pattern} on ${text}`)
  assert.throws(() => goRegExp('('), SyntaxError)
})
