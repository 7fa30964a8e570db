// Our server against Node's own HTTP/2 client, which codes headers as others do, and against bytes that no client should send.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect as connectHttp2, constants, type ClientHttp2Session, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { makeFrameReader } from '../../wire/http2/frame-reader.ts'
import { encodeHeaders } from '../../wire/http2/hpack.ts'
import { ERROR, FLAG, FRAME, PREFACE, encodeFrame, encodeNumber, encodeSettings } from '../../wire/http2/protocol.ts'
import { serveGrpc, type GrpcMethod, type GrpcServer } from './serve-grpc.ts'

const MAX_BYTES = 1 << 20
const METHODS: Record<string, GrpcMethod> = {
  echo: async (request, { send }) => send(request),
  none: async () => undefined,
  fail: async () => { throw new Error('so wild — 100 %\n') },
  wait: async (_request, { signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
  count: async (request, { send, signal }) => {
    for (let n = 0; n < request.readUInt32BE() && !signal.aborted; n++) await send(Buffer.alloc(1000, n))
  },
}

interface Served { readonly path: string; readonly server: GrpcServer; readonly aborted: () => number }

async function serve(t: TestContext): Promise<Served> {
  const dir = mkdtempSync('/tmp/scow-grpc-')
  let aborted = 0
  const counted = ([name, method]: [string, GrpcMethod]): [string, GrpcMethod] => [`/test.Test/${name}`, (request, call) => {
    call.signal.addEventListener('abort', () => { aborted++ })
    return method(request, call)
  }]
  const server = serveGrpc({ methods: new Map(Object.entries(METHODS).map(counted)), maxRequestBytes: MAX_BYTES, statusOf: (error) => ({ code: 9, details: (error as Error).message }) })
  const sockets = createServer((socket) => server.take(socket)).listen(join(dir, 's'))
  await once(sockets, 'listening')
  t.after(async () => {
    sockets.close()
    await server.shutDown(0)
    rmSync(dir, { recursive: true })
  })
  return { path: join(dir, 's'), server, aborted: () => aborted }
}

function session(t: TestContext, { path }: Served): ClientHttp2Session {
  const client = connectHttp2('http://localhost', { createConnection: () => connect(path) })
  client.on('error', () => undefined)
  t.after(() => client.destroy())
  return client
}

const framed = (message: Uint8Array): Buffer => Buffer.concat([Buffer.from([0]), encodeNumber(message.length), message])

interface Answer { readonly headers: IncomingHttpHeaders & IncomingHttpStatusHeader; readonly trailers: IncomingHttpHeaders; readonly body: Buffer }

async function ask(client: ClientHttp2Session, method: string, message: Uint8Array, more: Record<string, string> = {}): Promise<Answer> {
  const stream = client.request({ ':method': 'POST', ':path': `/test.Test/${method}`, 'content-type': 'application/grpc+proto', te: 'trailers', ...more })
  const parts: Buffer[] = []
  let headers: Answer['headers'] = {}
  let trailers: IncomingHttpHeaders = {}
  stream.on('response', (given) => { headers = given })
  stream.on('trailers', (given) => { trailers = given })
  stream.on('data', (chunk: Buffer) => parts.push(chunk))
  stream.end(framed(message))
  await once(stream, 'close')
  return { headers, trailers, body: Buffer.concat(parts) }
}

/** Of an answer with a body it stands in the trailers, of one without in the headers. */
const statusOf = ({ headers, trailers }: Answer): string => String(trailers['grpc-status'] ?? headers['grpc-status'])

test('requests of any size are answered, many at once', async (t) => {
  const client = session(t, await serve(t))
  const sizes = [0, 1, 1000, 16_384, 65_536, 300_000, MAX_BYTES]
  const answers = await Promise.all([...sizes, ...sizes].map(async (size) => ask(client, 'echo', Buffer.alloc(size, 'x'))))
  assert.deepEqual(answers.map(({ body }) => body.length - 5), [...sizes, ...sizes])
  assert.ok(answers.every((answer) => statusOf(answer) === '0' && answer.headers[':status'] === 200 && answer.headers['content-type'] === 'application/grpc'))
  assert.equal(statusOf(await ask(client, 'none', Buffer.alloc(0))), '0')
})

test('headers are understood however they are coded, and an authority that is a path', async (t) => {
  const client = session(t, await serve(t))
  const every = Array.from({ length: 0x5f }, (_, index) => String.fromCharCode(0x20 + index)).join('').trim()
  for (let round = 0; round < 300; round++) {
    const answer = await ask(client, 'echo', Buffer.from('x'), { ':authority': '/run/scow/scow.sock', [`x-${round % 7}`]: `${every}${'y'.repeat(round)}`, 'user-agent': 'grpc-go/1.60' })
    assert.equal(statusOf(answer), '0')
  }
})

test('what goes wrong is a status', async (t) => {
  const client = session(t, await serve(t))
  const failed = await ask(client, 'fail', Buffer.alloc(1))
  assert.equal(statusOf(failed), '9')
  assert.equal(decodeURIComponent(String(failed.headers['grpc-message'])), 'so wild — 100 %\n')
  assert.equal(statusOf(await ask(client, 'absent', Buffer.alloc(1))), '12')
  assert.equal(statusOf(await ask(client, 'echo', Buffer.alloc(1), { 'grpc-encoding': 'gzip' })), '12')
  assert.equal(statusOf(await ask(client, 'echo', Buffer.alloc(MAX_BYTES + 1))), '8')
  assert.equal((await ask(client, 'echo', Buffer.alloc(1), { 'content-type': 'text/plain' })).headers[':status'], 415)
  assert.equal(statusOf(await ask(client, 'echo', Buffer.alloc(1))), '0')
})

test('a deadline, a client that changes its mind and one that goes end the work', async (t) => {
  const served = await serve(t)
  const client = session(t, served)
  assert.equal(statusOf(await ask(client, 'wait', Buffer.alloc(1), { 'grpc-timeout': '20m' })), '4')
  assert.equal(served.aborted(), 1)
  const aborted = async (count: number): Promise<void> => { while (served.aborted() < count) await new Promise((resolve) => setTimeout(resolve, 5)) }
  const begin = () => {
    const stream = client.request({ ':method': 'POST', ':path': '/test.Test/wait', 'content-type': 'application/grpc' })
    stream.on('error', () => undefined)
    stream.end(framed(Buffer.alloc(1)))
    return stream
  }
  begin().close(constants.NGHTTP2_CANCEL)
  assert.equal(statusOf(await ask(client, 'echo', Buffer.alloc(1))), '0')
  begin()
  assert.equal(statusOf(await ask(client, 'echo', Buffer.alloc(1))), '0')
  client.destroy()
  await aborted(2)
})

test('a stream waits for a client that reads slowly', async (t) => {
  const served = await serve(t)
  const client = session(t, served)
  const stream = client.request({ ':method': 'POST', ':path': '/test.Test/count', 'content-type': 'application/grpc' })
  stream.end(framed(encodeNumber(2000)))
  let bytes = 0
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    stream.pause()
    setImmediate(() => stream.resume())
  })
  await once(stream, 'close')
  assert.equal(bytes, 2000 * 1005)
})

test('the end lets calls end that are under way, and begins none', async (t) => {
  const served = await serve(t)
  const client = session(t, served)
  const slow = ask(client, 'wait', Buffer.alloc(1), { 'grpc-timeout': '300m' })
  assert.equal(statusOf(await ask(client, 'echo', Buffer.alloc(1))), '0')
  const ended = served.server.shutDown(10_000)
  assert.equal(statusOf(await slow), '4')
  assert.equal(await ended, true)
})

const REQUEST = encodeHeaders([[':method', 'POST'], [':path', '/test.Test/echo'], ['content-type', 'application/grpc']])
const frame = (type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer => encodeFrame(type, flags, stream, payload)
const opened = frame(FRAME.headers, FLAG.endHeaders, 1, REQUEST)

interface Frame { readonly type: number; readonly flags: number; readonly stream: number; readonly payload: Buffer }

/** Frames that the server answers with until it hangs up or `until` is content. */
async function raw(t: TestContext, { path }: Served, bytes: readonly Buffer[], until: (frames: Frame[]) => boolean = () => false): Promise<Frame[]> {
  const socket: Socket = connect(path)
  t.after(() => socket.destroy())
  const frames: Frame[] = []
  const read = makeFrameReader({
    headers: (stream, payload, isLast) => frames.push({ type: FRAME.headers, flags: isLast ? FLAG.endStream : 0, stream, payload }),
    data: (stream, payload, isLast) => frames.push({ type: FRAME.data, flags: isLast ? FLAG.endStream : 0, stream, payload }),
    control: (type, flags, stream, payload) => frames.push({ type, flags, stream, payload }),
  }, { frameBytes: 16_384, wholeBytes: 65_536 })
  const done = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      read(chunk)
      if (until(frames)) resolve()
    })
    socket.on('close', () => resolve())
  })
  for (const part of bytes) socket.write(part)
  await done
  return frames
}

const goAway = (frames: readonly Frame[]): number | undefined => frames.find(({ type }) => type === FRAME.goAway)?.payload.readUInt32BE(4)

test('a client that breaks the rules is told how, and hung up on', async (t) => {
  const served = await serve(t)
  const wrong: readonly (readonly [name: string, code: number, ...bytes: Buffer[]])[] = [
    ['no greeting', ERROR.protocol, Buffer.from('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')],
    ['a frame too large', ERROR.frameSize, PREFACE, Buffer.from('010000000000000001', 'hex')],
    ['data of no stream', ERROR.protocol, PREFACE, frame(FRAME.data, 0, 1, Buffer.alloc(1))],
    ['an even stream', ERROR.protocol, PREFACE, frame(FRAME.headers, FLAG.endHeaders, 2, REQUEST)],
    ['a stream again', ERROR.streamClosed, PREFACE, frame(FRAME.headers, FLAG.endHeaders, 3, REQUEST), frame(FRAME.headers, FLAG.endHeaders, 1, REQUEST)],
    ['interrupted headers', ERROR.protocol, PREFACE, frame(FRAME.headers, 0, 1, REQUEST), frame(FRAME.ping, 0, 0, Buffer.alloc(8))],
    ['headers without end', ERROR.calm, PREFACE, frame(FRAME.headers, 0, 1, REQUEST), ...Array.from({ length: 100 }, () => frame(FRAME.continuation, 0, 1))],
    ['more padding than frame', ERROR.protocol, PREFACE, opened, frame(FRAME.data, FLAG.padded, 1, Buffer.from([9, 1]))],
    ['an index of nothing', ERROR.compression, PREFACE, frame(FRAME.headers, FLAG.endHeaders, 1, Buffer.from([0xff, 0x20]))],
    ['an endless number', ERROR.compression, PREFACE, frame(FRAME.headers, FLAG.endHeaders, 1, Buffer.alloc(10, 0xff))],
    ['half a string', ERROR.compression, PREFACE, frame(FRAME.headers, FLAG.endHeaders, 1, Buffer.from([0, 5, 97]))],
    ['a wrong code', ERROR.compression, PREFACE, frame(FRAME.headers, FLAG.endHeaders, 1, Buffer.from([0, 0x84, 0xff, 0xff, 0xff, 0xff]))],
    ['a table too large', ERROR.compression, PREFACE, frame(FRAME.headers, FLAG.endHeaders, 1, Buffer.from([0x3f, 0xff, 0x7f]))],
    ['a window of nothing', ERROR.flowControl, PREFACE, frame(FRAME.windowUpdate, 0, 0, encodeNumber(0))],
    ['a window too large', ERROR.flowControl, PREFACE, frame(FRAME.windowUpdate, 0, 0, encodeNumber(0x7fff_ffff))],
    ['settings of an odd size', ERROR.frameSize, PREFACE, frame(FRAME.settings, 0, 0, Buffer.alloc(5))],
    ['an impossible setting', ERROR.protocol, PREFACE, frame(FRAME.settings, 0, 0, encodeSettings([[5, 1]]))],
    ['a push', ERROR.protocol, PREFACE, frame(FRAME.pushPromise, 0, 1, Buffer.alloc(4))],
  ]
  for (const [name, code, ...bytes] of wrong) assert.equal(goAway(await raw(t, served, bytes)), code, name)
  const client = session(t, served)
  assert.equal(statusOf(await ask(client, 'echo', Buffer.alloc(1))), '0')
})

test('a request may come byte by byte, padded, in pieces, with unknown frames and trailers', async (t) => {
  const served = await serve(t)
  const message = framed(Buffer.from('hello'))
  const bytes = Buffer.concat([
    PREFACE, frame(FRAME.settings, 0, 0, encodeSettings([[4, 3], [0x99, 1]])), frame(0x77, 0xff, 0, Buffer.from('unknown')),
    frame(FRAME.headers, FLAG.priority, 1, Buffer.concat([Buffer.alloc(5), REQUEST.subarray(0, 3)])), frame(FRAME.continuation, FLAG.endHeaders, 1, REQUEST.subarray(3)),
    frame(FRAME.data, FLAG.padded, 1, Buffer.concat([Buffer.from([4]), message.subarray(0, 2), Buffer.alloc(4)])), frame(FRAME.data, 0, 1, message.subarray(2)),
    frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, encodeHeaders([['x-trailer', 'y']])), frame(FRAME.ping, 0, 0, Buffer.from('12345678')),
    frame(FRAME.settings, 0, 0, encodeSettings([[4, 5]])), frame(FRAME.windowUpdate, 0, 1, encodeNumber(100)),
  ])
  const frames = await raw(t, served, [...bytes].map((byte) => Buffer.from([byte])), (seen) => seen.some(({ type, flags, stream }) => type === FRAME.headers && stream === 1 && (flags & FLAG.endStream) !== 0))
  const data = frames.filter(({ type }) => type === FRAME.data).map(({ payload }) => payload)
  assert.deepEqual(Buffer.concat(data), message)
  assert.equal(data[0]!.length, 3, 'no more than the client has room for')
  assert.ok(frames.some(({ type, flags, payload }) => type === FRAME.ping && flags === FLAG.ack && payload.toString() === '12345678'))
})
