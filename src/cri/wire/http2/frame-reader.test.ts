import assert from 'node:assert/strict'
import test from 'node:test'
import { makeFrameReader, makePrefaceReader } from './frame-reader.ts'
import { ERROR, FLAG, FRAME, PREFACE, encodeFrame } from './protocol.ts'

const LIMITS = { frameBytes: 16_384, wholeBytes: 4096 }

test('frames are read whatever pieces they come in, padded, continued and large ones too', () => {
  const bytes = Buffer.concat([
    encodeFrame(4, 0, 0, Buffer.alloc(12)), encodeFrame(1, 0x28, 1, Buffer.from('\x02-----ab\0\0')), encodeFrame(9, 4, 1, Buffer.from('cd')), encodeFrame(0, 0, 1, Buffer.from('one')),
    encodeFrame(8, 0, 0, Buffer.alloc(4)), encodeFrame(0, 8, 1, Buffer.from('\x01two\0')), encodeFrame(0, 0, 1, Buffer.alloc(0)), encodeFrame(1, 5, 1, Buffer.from('ef')), encodeFrame(3, 0, 3, Buffer.alloc(4)),
  ])
  for (const size of [1, 2, 7, 16, bytes.length]) {
    let [seen, cost] = ['', 0]
    const read = makeFrameReader({
      headers: (stream, block, isLast) => { seen += ` ${stream}:${block}:${isLast} ` },
      data: (_stream, part, _isLast, each) => { seen += part; cost += each },
      control: (type, _flags, stream, payload) => { seen += ` ${type}:${stream}:${payload.length} ` },
    }, LIMITS)
    for (let at = 0; at < bytes.length; at += size) read(bytes.subarray(at, at + size))
    assert.equal(seen, ' 4:0:12  1:abcd:false one 8:0:4 two 1:ef:true  3:3:4 ', String(size))
    assert.equal(cost, 3 + 5, 'padding takes room too')
  }
})

test('what is no right frame ends the reading, with the code that says why', () => {
  const wrong: readonly (readonly [code: number, ...frames: Buffer[]])[] = [
    [ERROR.frameSize, encodeFrame(FRAME.data, 0, 1, Buffer.alloc(16_385))],
    [ERROR.frameSize, encodeFrame(FRAME.ping, 0, 0, Buffer.alloc(4097))],
    [ERROR.protocol, encodeFrame(FRAME.continuation, FLAG.endHeaders, 1, Buffer.alloc(1))],
    [ERROR.protocol, encodeFrame(FRAME.headers, 0, 1, Buffer.alloc(1)), encodeFrame(FRAME.data, 0, 1, Buffer.alloc(1))],
    [ERROR.protocol, encodeFrame(FRAME.headers, 0, 1, Buffer.alloc(1)), encodeFrame(FRAME.continuation, 0, 3, Buffer.alloc(1))],
    [ERROR.protocol, encodeFrame(FRAME.headers, FLAG.padded | FLAG.endHeaders, 1, Buffer.from([1]))],
    [ERROR.calm, encodeFrame(FRAME.headers, 0, 1, Buffer.alloc(1)), ...Array.from({ length: 4 }, () => encodeFrame(FRAME.continuation, 0, 1, Buffer.alloc(1)))],
    [ERROR.calm, encodeFrame(FRAME.headers, 0, 1, Buffer.alloc(4000)), encodeFrame(FRAME.continuation, 0, 1, Buffer.alloc(97))],
  ]
  for (const [code, ...frames] of wrong) {
    const read = makeFrameReader({ headers: () => undefined, data: () => undefined, control: () => undefined }, LIMITS)
    assert.throws(() => read(Buffer.concat(frames)), { name: 'ConnectionError', code })
  }
})

test('the preface comes off in pieces of any size; another is refused as soon as it differs', () => {
  for (const size of [1, 5, 24, 30]) {
    const take = makePrefaceReader()
    const bytes = Buffer.concat([PREFACE, Buffer.from('rest')])
    let rest = ''
    for (let at = 0; at < bytes.length; at += size) rest += take(bytes.subarray(at, at + size))
    assert.equal(rest, 'rest')
  }
  assert.throws(() => makePrefaceReader()(Buffer.from('GET')), { name: 'ConnectionError', code: ERROR.protocol })
})
