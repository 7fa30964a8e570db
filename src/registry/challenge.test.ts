import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseChallenges, preferredChallenge } from './challenge.ts'
import { backoffMs, mayPass, mayPassError, retryAfterMs } from './retry.ts'
import { nextPage, parseTags } from './tag-list.ts'

test('a bearer challenge keeps commas and escapes inside quotes', () => {
  assert.deepEqual(parseChallenges('Bearer realm="https://a/token",service="reg",scope="repository:x:pull,push",error="a \\"b\\""'), [
    { scheme: 'bearer', params: { realm: 'https://a/token', service: 'reg', scope: 'repository:x:pull,push', error: 'a "b"' } },
  ])
})

test('several challenges in one header are told apart, and the bearer one is preferred', () => {
  const found = parseChallenges('Negotiate, Basic realm="x, y" , BEARER Realm=https://t/, Digest qop="auth"')
  assert.deepEqual(found.map(({ scheme }) => scheme), ['negotiate', 'basic', 'bearer', 'digest'])
  assert.equal(preferredChallenge(found)?.scheme, 'bearer')
  assert.equal(preferredChallenge(parseChallenges('Bearer, Basic realm=a'))?.scheme, 'basic')
  assert.equal(preferredChallenge(parseChallenges('Negotiate')), undefined)
})

test('what is no challenge is passed over without harm', () => {
  for (const text of ['', ',,,', '"', '=', 'Basic realm="never closed', ' '.repeat(10_000), 'a'.repeat(20_000), 'Basic '.repeat(3000)]) parseChallenges(text)
  assert.deepEqual(parseChallenges('=x'), [])
})

test('Retry-After is read as seconds or as a date', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  assert.equal(retryAfterMs('120', now), 120_000)
  assert.equal(retryAfterMs('Thu, 01 Jan 2026 00:00:05 GMT', now), 5000)
  assert.equal(retryAfterMs('Thu, 01 Jan 2025 00:00:05 GMT', now), 0)
  assert.equal(retryAfterMs('soon', now), undefined)
  assert.equal(retryAfterMs('-1', now) ?? 0, 0)
  assert.equal(retryAfterMs(undefined, now), undefined)
})

test('pauses double up to their bound', () => {
  const backoff = { retries: 9, firstMs: 2000, maxMs: 60_000 }
  assert.deepEqual([1, 2, 5, 6, 50].map((attempt) => backoffMs(backoff, attempt)), [2000, 4000, 32_000, 60_000, 60_000])
})

test('only what may pass is tried again, and a refused connection only where somebody has answered before', () => {
  const error = (code: string) => Object.assign(new Error(), { code })
  assert.ok(mayPass(503) && mayPass(429) && !mayPass(404) && !mayPass(401) && !mayPass(501))
  assert.ok(mayPassError(error('ECONNRESET'), false))
  assert.ok(!mayPassError(error('ECONNREFUSED'), false))
  assert.ok(mayPassError(error('ECONNREFUSED'), true))
  assert.ok(!mayPassError(error('ENOTFOUND'), true))
  assert.ok(!mayPassError(new Error('bug'), true))
})

test('the next page of a tag list is followed on the same server only', () => {
  const from = new URL('https://r/v2/x/tags/list')
  assert.equal(nextPage('</v2/x/tags/list?last=b&n=2>; rel="next"', from), '/v2/x/tags/list?last=b&n=2')
  assert.equal(nextPage('<https://evil/v2/x/tags/list>; rel="next"', from), undefined)
  assert.equal(nextPage('</v2/x>; rel="prev"', from), undefined)
  assert.equal(nextPage(undefined, from), undefined)
  assert.deepEqual(parseTags(Buffer.from('{"name":"x","tags":null}'), 'x'), [])
})
