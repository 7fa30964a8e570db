import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../errors.ts'
import { chainId, chainIds } from './chain-id.ts'
import { algorithmOf, digestOf, hexOf, isDigest, matchesDigest, parseDigest } from './digest.ts'

const EMPTY = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

test('a digest of a known algorithm with its full length is accepted', () => {
  assert.equal(parseDigest(EMPTY), EMPTY)
  assert.ok(isDigest(`sha512:${'a'.repeat(128)}`))
  assert.equal(algorithmOf(parseDigest(EMPTY)), 'sha256')
  assert.equal(hexOf(parseDigest(EMPTY)).length, 64)
})

test('anything else is refused as invalid', () => {
  for (const bad of ['', 'sha256:', EMPTY.toUpperCase(), EMPTY.slice(0, -1), `${EMPTY}0`, `md5:${'a'.repeat(32)}`, `sha256:${'g'.repeat(64)}`, `${EMPTY}\n`, '__proto__:aa']) {
    assert.throws(() => parseDigest(bad), (error) => isFailure(error, 'invalid'), bad)
  }
})

test('content is matched against the algorithm that the digest names', () => {
  assert.equal(digestOf(''), EMPTY)
  assert.ok(matchesDigest('', parseDigest(EMPTY)))
  assert.ok(!matchesDigest('x', parseDigest(EMPTY)))
})

test('the chain id of the lowest layer is its diff id, and each further one hashes parent and diff id', () => {
  const a = digestOf('a')
  const b = digestOf('b')
  assert.deepEqual(chainIds([a, b]), [a, digestOf(`${a} ${b}`)])
  assert.equal(chainId(undefined, a), a)
  assert.deepEqual(chainIds([]), [])
})
