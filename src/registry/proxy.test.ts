import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../errors.ts'
import { isLoopback, proxies } from './proxy.ts'

const via = (pairs: [string, string][], url: string): string | undefined => proxies(pairs)(new URL(url))?.host

test('each scheme has its variable, in either spelling, lower case first', () => {
  const pairs: [string, string][] = [['HTTP_PROXY', 'http://up:1'], ['http_proxy', 'http://low:1'], ['HTTPS_PROXY', 'tls:2']]
  assert.equal(via(pairs, 'http://x/'), 'low:1')
  assert.equal(via(pairs, 'https://x/'), 'tls:2')
  assert.equal(via([['ALL_PROXY', 'http://all:3']], 'https://x/'), 'all:3')
  assert.equal(via([], 'https://x/'), undefined)
})

test('no_proxy exempts hosts, domains, ports and ranges', () => {
  const pairs: [string, string][] = [['https_proxy', 'http://p:1'], ['no_proxy', 'a.com, .b.com,*.c.com,d.com:8443,10.0.0.0/8,[fd00::1],2001:db8::/32']]
  for (const exempt of ['a.com', 'x.a.com', 'x.b.com', 'x.c.com', 'd.com:8443', '10.1.2.3', '[fd00::1]', '[2001:db8::5]:1', 'A.COM']) assert.equal(via(pairs, `https://${exempt}/`), undefined, exempt)
  for (const other of ['xa.com', 'b.com', 'd.com', '11.0.0.1', '[fd00::2]']) assert.equal(via(pairs, `https://${other}/`), 'p:1', other)
  assert.equal(via([['https_proxy', 'http://p:1'], ['NO_PROXY', '*']], 'https://x/'), undefined)
})

test('loopback is never proxied', () => {
  for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '[::1]', 'x.localhost']) {
    assert.ok(isLoopback(host))
    assert.equal(via([['http_proxy', 'http://p:1']], `http://${host}/`), undefined)
  }
  assert.ok(!isLoopback('127.evil.com'))
})

test('a proxy of another kind is refused without showing it', () => {
  assert.throws(() => via([['http_proxy', 'socks5://user:secret@p:1']], 'http://x/'), (error) => isFailure(error, 'unsupported') && !error.message.includes('secret'))
})
