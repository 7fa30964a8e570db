import assert from 'node:assert/strict'
import { Server as GrpcServer, ServerCredentials, status as codes, type sendUnaryData, type ServerUnaryCall, type ServerWritableStream } from '@grpc/grpc-js'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createHttp2, type ServerHttp2Stream } from 'node:http2'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openUnixStream } from '../../../process/unix-stream.ts'
import { CallError } from './call-error.ts'
import { callOnce, callStream } from './calls.ts'
import { openSession, type Session } from './session.ts'

const bytes = (message: Buffer): Buffer => message
const method = (name: string, responseStream = false) => ({ path: `/s/${name}`, requestStream: false, responseStream, requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes })
const { signal } = new AbortController()

const folder = (t: TestContext): string => {
  const dir = mkdtempSync(join(tmpdir(), 'scow-grpc-'))
  t.after(() => rmSync(dir, { recursive: true }))
  return join(dir, 'x.sock')
}

async function open(t: TestContext, path: string): Promise<Session> {
  const session = openSession(openUnixStream(path))
  t.after(() => session.close())
  return session
}

interface Seen { cancelled: number; written: number }

/** grpc-js at the other end. */
async function withLibrary(t: TestContext): Promise<{ session: Session; seen: Seen; path: string }> {
  const path = folder(t)
  const seen: Seen = { cancelled: 0, written: 0 }
  const server = new GrpcServer({ 'grpc.max_receive_message_length': -1 })
  server.addService({ Echo: method('Echo'), Refuse: method('Refuse'), Hang: method('Hang'), Count: method('Count', true), Endless: method('Endless', true) }, {
    Echo: ({ request }: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => answer(null, request),
    Refuse: (_call: unknown, answer: sendUnaryData<Buffer>) => answer({ code: codes.NOT_FOUND, details: 'no such 100 % "x" — nowhere' }),
    Hang: (call: ServerUnaryCall<Buffer, Buffer>) => { call.on('cancelled', () => seen.cancelled++) },
    Count: (call: ServerWritableStream<Buffer, Buffer>) => {
      for (let at = 0; at < 1000; at++) call.write(Buffer.from(String(at)))
      call.end()
    },
    Endless: (call: ServerWritableStream<Buffer, Buffer>) => {
      let isOver = false
      const more = (): void => { while (!isOver && (seen.written += 100_000, call.write(Buffer.alloc(100_000)))); }
      call.on('drain', more).on('cancelled', () => { isOver = true; seen.cancelled++ })
      more()
    },
  })
  await new Promise<void>((resolve, reject) => server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())))
  t.after(() => server.forceShutdown())
  return { session: await open(t, path), seen, path }
}

const failed = (origin: string, code: number, details: RegExp | string) => (error: unknown): boolean => {
  assert.ok(error instanceof CallError, String(error))
  assert.deepEqual([error.origin, error.code], [origin, code], error.details)
  if (typeof details === 'string') assert.equal(error.details, details)
  else assert.match(error.details, details)
  return true
}

test('calls of any size come back as they were sent, many at once', async (t) => {
  const { session } = await withLibrary(t)
  for (const size of [0, 1, 65_531, 1 << 20, 20 << 20]) {
    const message = randomBytes(size)
    assert.ok((await callOnce(session, { path: '/s/Echo', message, signal })).equals(message), String(size))
  }
  const messages = Array.from({ length: 300 }, (_, at) => Buffer.from(`message ${at}`.repeat(200)))
  const answers = await Promise.all(messages.map((message) => callOnce(session, { path: '/s/Echo', message, signal })))
  assert.ok(answers.every((answer, at) => answer.equals(messages[at]!)))
})

test('what a server refuses has its code and its words; a call that it does not know too', async (t) => {
  const { session } = await withLibrary(t)
  await assert.rejects(callOnce(session, { path: '/s/Refuse', message: Buffer.alloc(0), signal }), failed('server', codes.NOT_FOUND, 'no such 100 % "x" — nowhere'))
  await assert.rejects(callOnce(session, { path: '/s/None', message: Buffer.alloc(0), signal }), failed('server', codes.UNIMPLEMENTED, /method/))
  assert.equal(session.isOpen, true)
})

test('a call ends with its time or with its caller, and the server is told', async (t) => {
  const { session, seen } = await withLibrary(t)
  await assert.rejects(callOnce(session, { path: '/s/Hang', message: Buffer.alloc(0), timeoutMs: 50, signal }), failed('deadline', codes.DEADLINE_EXCEEDED, /./))
  const leaving = new AbortController()
  const hanging = callOnce(session, { path: '/s/Hang', message: Buffer.alloc(0), timeoutMs: 30 * 86_400_000, signal: leaving.signal })
  await sleep(50)
  leaving.abort()
  await assert.rejects(hanging, failed('caller', codes.CANCELLED, /./))
  await assert.rejects(callOnce(session, { path: '/s/Hang', message: Buffer.alloc(0), signal: leaving.signal }), failed('caller', codes.CANCELLED, /./))
  while (seen.cancelled < 2) await sleep(5)
  assert.deepEqual(String(await callOnce(session, { path: '/s/Echo', message: Buffer.from('on'), signal })), 'on')
})

test('a stream comes whole, and no further ahead than a few megabytes of who reads it', async (t) => {
  const { session, seen } = await withLibrary(t)
  const numbers: string[] = []
  for await (const message of callStream(session, { path: '/s/Count', message: Buffer.alloc(0), signal })) numbers.push(String(message))
  assert.deepEqual(numbers, Array.from({ length: 1000 }, (_, at) => String(at)))
  let count = 0
  for await (const _message of callStream(session, { path: '/s/Endless', message: Buffer.alloc(0), signal })) {
    if (++count === 1) {
      await sleep(300)
      assert.ok(seen.written < 8 << 20, String(seen.written))
      // others are not held up
      assert.equal((await callOnce(session, { path: '/s/Echo', message: Buffer.alloc(1 << 20), signal })).length, 1 << 20)
    }
    if (count === 500) break
  }
  while (seen.cancelled < 1) await sleep(5)
})

test('a server says how many calls it takes at once, and when it takes no more', async (t) => {
  const path = folder(t)
  let [now, most] = [0, 0]
  const server = createHttp2({ settings: { maxConcurrentStreams: 2 } })
  const open_: ServerHttp2Stream[] = []
  server.on('stream', (stream) => {
    most = Math.max(most, ++now)
    open_.push(stream)
    stream.on('close', () => now--).on('error', () => {})
    setTimeout(() => {
      if (stream.destroyed) return
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' })).end(Buffer.from([0, 0, 0, 0, 1, 7]))
    }, 20)
  }).listen(path)
  t.after(() => server.close())
  const session = await open(t, path)
  await callOnce(session, { path: '/s/x', message: Buffer.alloc(0), signal })
  await Promise.all(Array.from({ length: 10 }, () => callOnce(session, { path: '/s/x', message: Buffer.alloc(100_000), signal })))
  assert.equal(most, 2)
  const waiting = callOnce(session, { path: '/s/x', message: Buffer.alloc(0), signal })
  open_.at(-1)!.session!.goaway(0, 0)
  await assert.rejects(waiting, failed('connection', codes.UNAVAILABLE, 'it takes no more calls'))
  assert.equal(session.isOpen, false)
  await assert.rejects(callOnce(session, { path: '/s/x', message: Buffer.alloc(0), signal }), failed('connection', codes.UNAVAILABLE, 'it takes no more calls'))
})

/** A peer that says these bytes to whoever comes, and perhaps goes. */
async function saying(t: TestContext, said: (socket: Socket) => void): Promise<Session> {
  const path = folder(t)
  const server = createServer((socket) => { socket.on('error', () => {}).resume(); said(socket) }).listen(path)
  t.after(() => server.close())
  return open(t, path)
}

const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])
const http2Frame = (type: number, flags: number, stream: number, payload: Buffer): Buffer => {
  const header = Buffer.alloc(9)
  header.writeUIntBE(payload.length, 0, 3)
  header.set([type, flags], 3)
  header.writeUInt32BE(stream, 5)
  return Buffer.concat([header, payload])
}
/** `:status: 200` and content-type by the static table. */
const OK = Buffer.concat([Buffer.from([0x88, 0x0f, 0x10, 16]), Buffer.from('application/grpc')])

const ODD: readonly (readonly [what: string, said: Buffer, ends: boolean, check: ReturnType<typeof failed>])[] = [
  ['closes at once', Buffer.alloc(0), true, failed('connection', codes.UNAVAILABLE, 'it was closed')],
  ['speaks another protocol', Buffer.from('220 mail.example ready\r\n'), false, failed('protocol', codes.INTERNAL, /frame/)],
  ['is a web server', Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'), false, failed('protocol', codes.INTERNAL, /speaks HTTP.1/)],
  ['answers with a page', Buffer.concat([SETTINGS, http2Frame(1, 4, 1, Buffer.from([0x8d]))]), false, failed('protocol', codes.UNKNOWN, 'it answers with HTTP status 404')],
  ['answers without a status', Buffer.concat([SETTINGS, http2Frame(1, 5, 1, OK)]), false, failed('protocol', codes.INTERNAL, 'the answer has no status')],
  ['ends in the middle', Buffer.concat([SETTINGS, http2Frame(1, 4, 1, OK), http2Frame(0, 1, 1, Buffer.from([0, 0]))]), false, failed('protocol', codes.INTERNAL, 'the answer has no status')],
  ['packs its answer', Buffer.concat([SETTINGS, http2Frame(1, 4, 1, OK), http2Frame(0, 0, 1, Buffer.from([1, 0, 0, 0, 1, 9]))]), false, failed('protocol', codes.INTERNAL, /^the answer is packed/)],
  ['answers endlessly', Buffer.concat([SETTINGS, http2Frame(1, 4, 1, OK), http2Frame(0, 0, 1, Buffer.from([0, 255, 255, 255, 255]))]), false, failed('protocol', codes.RESOURCE_EXHAUSTED, 'the answer has 4294967295 bytes, which is too much')],
  ['has headers that are none', Buffer.concat([SETTINGS, http2Frame(1, 4, 1, Buffer.from([0xff, 0xff, 0xff]))]), false, failed('protocol', codes.INTERNAL, 'headers are cut')],
  ['resets the call', Buffer.concat([SETTINGS, http2Frame(3, 0, 1, Buffer.from([0, 0, 0, 8]))]), false, failed('server', codes.CANCELLED, 'it cancelled the call')],
  ['breaks off', Buffer.concat([SETTINGS, http2Frame(1, 4, 1, OK), http2Frame(0, 0, 1, Buffer.from([0, 0, 0, 0, 9, 1]))]), true, failed('connection', codes.UNAVAILABLE, 'it was closed')],
]

for (const [what, said, ends, check] of ODD) {
  test(`a server that ${what} is told from the others`, async (t) => {
    const session = await saying(t, (socket) => { setTimeout(() => { if (ends) socket.end(said); else socket.write(said) }, 20) })
    await assert.rejects(callOnce(session, { path: '/s/x', message: Buffer.alloc(0), timeoutMs: 5000, signal }), check)
  })
}

test('a server is pinged once for any number of long calls: more would be an attack to it', async (t) => {
  const path = folder(t)
  const server = createHttp2()
  let pings = 0
  server.on('session', (session) => { session.on('ping', () => { pings++ }) })
  server.on('stream', (stream) => { stream.respond({ ':status': 200, 'content-type': 'application/grpc' }) })
  server.listen(path)
  await once(server, 'listening')
  const session = await open(t, path)
  t.after(() => { server.close() })
  await assert.rejects(callOnce(session, { path: '/s/First', message: Buffer.alloc(0), timeoutMs: 300, signal }))
  const giveUp = new AbortController()
  const calls = Array.from({ length: 10 }, () => callOnce(session, { path: '/s/Long', message: Buffer.alloc(0), signal: giveUp.signal }))
  const alive = new Promise<void>((resolve) => session.prove(resolve))
  await alive
  await sleep(100)
  giveUp.abort()
  await Promise.allSettled(calls)
  assert.equal(pings, 1)
})
