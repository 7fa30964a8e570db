import assert from 'node:assert/strict'
import test from 'node:test'
import { encodeHeaders, makeHeaderDecoder } from './hpack.ts'
import { decodeHuffman } from './huffman.ts'

test('strings are read as RFC 7541 has them in its examples', () => {
  const text = (hex: string) => decodeHuffman(Buffer.from(hex, 'hex'))
  assert.equal(text('f1e3c2e5f23a6ba0ab90f4ff'), 'www.example.com') // C.4.1
  assert.equal(text('a8eb10649cbf'), 'no-cache') // C.4.2
  assert.equal(text('d07abe941054d444a8200595040b8166e082a62d1bff'), 'Mon, 21 Oct 2013 20:13:21 GMT') // C.6.1
  assert.equal(text('ffff'), undefined)
})

test('what is written is read', () => {
  const headers = [[':status', '200'], ['content-type', 'application/grpc'], ['x-long', 'y'.repeat(1000)], ['x-empty', '']] as const
  assert.deepEqual([...makeHeaderDecoder()(encodeHeaders(headers))], headers)
})

test('headers are read as RFC 7541 packs them, with what earlier blocks taught', () => {
  const decode = makeHeaderDecoder()
  const read = (hex: string): object => Object.fromEntries(decode(Buffer.from(hex.replaceAll(' ', ''), 'hex')))
  // appendix C.4
  assert.deepEqual(read('8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff'), { ':method': 'GET', ':scheme': 'http', ':path': '/', ':authority': 'www.example.com' })
  assert.deepEqual(read('8286 84be 5886 a8eb 1064 9cbf'), { ':method': 'GET', ':scheme': 'http', ':path': '/', ':authority': 'www.example.com', 'cache-control': 'no-cache' })
  assert.deepEqual(read('8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf'), { ':method': 'GET', ':scheme': 'https', ':path': '/index.html', ':authority': 'www.example.com', 'custom-key': 'custom-value' })
  // an empty table forgets
  assert.deepEqual(read('20 88'), { ':status': '200' })
  assert.throws(() => read('be'), { message: 'no header 62' })
  for (const cut of ['41', '418c f1e3', '7f', '3fff ffff ffff ffff']) assert.throws(() => makeHeaderDecoder()(Buffer.from(cut.replaceAll(' ', ''), 'hex')), Error, cut)
})
