import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../errors.ts'
import { isLoopback, proxies, proxyCredentials } from './proxy.ts'

const via = (pairs: [string, string][], url: string): string | undefined => proxies(pairs)(new URL(url))?.host

test('each scheme has its variable, in either spelling, upper case first as in Go', () => {
  const pairs: [string, string][] = [['HTTP_PROXY', 'http://up:1'], ['http_proxy', 'http://low:1'], ['HTTPS_PROXY', 'tls:2']]
  assert.equal(via(pairs, 'http://x/'), 'up:1')
  assert.equal(via([['http_proxy', 'http://low:1']], 'http://x/'), 'low:1')
  assert.equal(via(pairs, 'https://x/'), 'tls:2')
  assert.equal(via([['ALL_PROXY', 'http://all:3']], 'https://x/'), 'all:3')
  assert.equal(via([], 'https://x/'), undefined)
})

test('no_proxy exempts hosts, domains, ports and ranges', () => {
  const pairs: [string, string][] = [['https_proxy', 'http://p:1'], ['no_proxy', 'a.com, .b.com,*.c.com,d.com:8443,10.0.0.0/8,[fd00::1],2001:db8::/32']]
  for (const exempt of ['a.com', 'x.a.com', 'x.b.com', 'x.c.com', 'd.com:8443', '10.1.2.3', '[fd00::1]', '[2001:db8::5]:1', 'A.COM']) assert.equal(via(pairs, `https://${exempt}/`), undefined, exempt)
  for (const other of ['xa.com', 'b.com', 'd.com', '11.0.0.1', '[fd00::2]']) assert.equal(via(pairs, `https://${other}/`), 'p:1', other)
  assert.equal(via([['https_proxy', 'http://p:1'], ['NO_PROXY', 'x.com, *']], 'https://x/'), undefined)
})

test('no_proxy says the same as to Go’s programs where it is odd', () => {
  const exempt = (text: string, url: string): boolean => via([['https_proxy', 'http://p:1'], ['no_proxy', text]], url) === undefined
  assert.ok(exempt('fd00:0:0:0:0:0:0:1', 'https://[fd00::1]/'), 'an address is compared, not its spelling')
  assert.ok(exempt('fd00::1', 'https://[fd00::1]:5000/'))
  assert.ok(exempt('[fd00::1]:5000', 'https://[fd00::1]:5000/') && !exempt('[fd00::1]:5000', 'https://[fd00::1]:5001/'))
  assert.ok(exempt('10.0.0.1:443', 'https://10.0.0.1/') && !exempt('10.0.0.1:80', 'https://10.0.0.1/'))
  assert.ok(exempt('.d.com:8443', 'https://x.d.com:8443/') && !exempt('.d.com:8443', 'https://x.d.com/'))
  assert.ok(exempt('d.com:', 'https://d.com/'))
  assert.ok(!exempt('10.0.0.0/33,/,:443,.,10.0.0', 'https://10.0.0.1/'))
  assert.ok(!exempt('0.0.1', 'https://10.0.0.1/'), 'an address has no domain')
})

test('loopback is never proxied', () => {
  for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '[::1]', 'x.localhost']) {
    assert.ok(isLoopback(host))
    assert.equal(via([['http_proxy', 'http://p:1']], `http://${host}/`), undefined)
  }
  assert.ok(!isLoopback('127.evil.com'))
})

test('socks5 and socks5h are proxies for every scheme, and a proxy of another kind is refused without showing it', () => {
  assert.equal(via([['ALL_PROXY', 'socks5h://p']], 'https://x/'), 'p')
  assert.equal(via([['https_proxy', 'socks5://p:1']], 'https://x/'), 'p:1')
  for (const text of ['socks4://user:secret@p:1', 'ftp://user:secret@p', 'http://', 'socks5://']) {
    assert.throws(() => via([['http_proxy', text]], 'http://x/'), (error) => isFailure(error, 'unsupported') && !error.message.includes('secret'), text)
  }
})

test('user and password of a proxy are taken out of its URL, however they are written', () => {
  assert.deepEqual(proxyCredentials(new URL('http://a%40b:c%2Fd@p')), { username: 'a@b', password: 'c/d' })
  assert.deepEqual(proxyCredentials(new URL('http://100%:50%zz@p')), { username: '100%', password: '50%zz' })
  assert.equal(proxyCredentials(new URL('http://p')), undefined)
})
