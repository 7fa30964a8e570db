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
