import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'node:test'
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { isFailure } from '../errors.ts'
import { detectCompression, makeDecompressor } from './decompress.ts'

/** What comes out when `bytes` go in by pieces of `step`. */
async function decompress(bytes: Buffer, { step = bytes.length, checked = true } = {}): Promise<Buffer> {
  const out: Buffer[] = []
  const decompressor = makeDecompressor(detectCompression(bytes), (piece) => { out.push(Buffer.from(piece)) }, { checked })
  for (let at = 0; at < bytes.length; at += step) await decompressor.write(bytes.subarray(at, at + step))
  await decompressor.finish()
  return Buffer.concat(out)
}

const refused = (words: RegExp) => (error: unknown) => isFailure(error, 'invalid') && words.test(error.message)
const text = Buffer.from('a line of text\n'.repeat(60_000))
const noise = randomBytes(700_001)

test('what is far larger or smaller than the buffers comes whole, whatever the pieces', async () => {
  const zeros = Buffer.alloc(3 << 20)
  for (const plain of [Buffer.alloc(0), text, noise, zeros, zeros.subarray(0, 1 << 18)]) {
    const packed = gzipSync(plain)
    for (const step of [1 << 20, 4097]) assert.ok((await decompress(packed, { step })).equals(plain), `${plain.length} bytes by ${step}`)
  }
  assert.ok((await decompress(gzipSync(text), { step: 1 })).equals(text))
  assert.ok((await decompress(zstdCompressSync(noise), { step: 4097 })).equals(noise))
})

test('members of gzip that follow each other are one stream, also where a piece ends between them', async () => {
  const parts = [text, Buffer.alloc(0), noise, Buffer.from('end')]
  const members = parts.map((part) => gzipSync(part))
  const packed = Buffer.concat(members)
  for (const step of [packed.length, members[0]!.length, 1000]) assert.ok((await decompress(packed, { step })).equals(Buffer.concat(parts)), `by ${step}`)
})

test('zeros after gzip are padding, anything else is refused', async () => {
  const packed = gzipSync(text)
  for (const step of [1 << 20, packed.length, 100]) {
    assert.ok((await decompress(Buffer.concat([packed, Buffer.alloc(5000), noise]), { step })).equals(text))
    await assert.rejects(decompress(Buffer.concat([packed, Buffer.from('more')]), { step }), refused(/broken gzip: incorrect header check/))
  }
})

test('gzip that ends early is refused at every byte', async () => {
  const packed = gzipSync('some words')
  for (let length = 2; length < packed.length; length++) await assert.rejects(decompress(packed.subarray(0, length)), refused(/broken gzip: unexpected end of file/), `${length} bytes`)
})

test('a wrong sum is refused, unless a better one is known', async () => {
  for (const fromEnd of [8, 4]) {
    const packed = gzipSync(text)
    packed[packed.length - fromEnd]! ^= 1
    await assert.rejects(decompress(packed), refused(/broken gzip: incorrect (data|length) check/))
    assert.ok((await decompress(packed, { checked: false })).equals(text))
  }
})

test('of a thousand damaged streams each is refused or read as zlib reads it', async () => {
  const packed = gzipSync(Buffer.concat([text.subarray(0, 3000), noise.subarray(0, 500)]))
  for (let round = 0; round < 1000; round++) {
    const damaged = Buffer.from(packed)
    for (let flips = 0; flips <= round % 4; flips++) damaged[(round * 7919 + flips * 104_729) % packed.length]! ^= 1 << (round % 8)
    if (damaged[0] !== 0x1f || damaged[1] !== 0x8b) continue
    let expected: Buffer | undefined
    try { expected = gunzipSync(damaged) } catch { /* refused */ }
    const got = await decompress(damaged, { step: 1 + (round % 3000) }).catch((error: unknown) => { assert.ok(isFailure(error, 'invalid')) })
    assert.deepEqual(got, expected, `round ${round}`)
  }
})

test('what reads the bytes may fail with an error of its own', async () => {
  const own = new Error('the reader has enough')
  const decompressor = makeDecompressor('gzip', () => { throw own })
  await assert.rejects(decompressor.write(gzipSync(text)), own)
})
