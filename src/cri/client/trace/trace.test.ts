import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { connect as connectHttp2, createServer as createHttp2, type ClientHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import test, { type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ListContainersRequest, ListContainersResponse } from '../../wire/generated/runtime-v1.ts'
import { traceCalls, type TracedCall } from './trace.ts'

const GRPC = { ':status': 200, 'content-type': 'application/grpc' } as const
const framed = (message: Uint8Array): Buffer => {
  const header = Buffer.alloc(5)
  header.writeUInt32BE(message.length, 1)
  return Buffer.concat([header, message])
}

interface Traced { readonly dir: string; readonly socket: string; readonly calls: TracedCall[]; readonly notes: string[]; stop(): Promise<void> }

async function traced(t: TestContext, serve?: Server): Promise<Traced> {
  const dir = mkdtempSync(join(tmpdir(), 'scow-trace-'))
  const [target, socket] = [join(dir, 'runtime.sock'), join(dir, 'traced.sock')]
  if (serve) await once(serve.listen(target), 'listening')
  const [calls, notes]: [TracedCall[], string[]] = [[], []]
  const ending = new AbortController()
  const listening = Promise.withResolvers<void>()
  const over = traceCalls({ target: { address: `unix://${target}`, path: target }, listen: socket, signal: ending.signal, onCall: (call) => calls.push(call), onNote: (line) => notes.push(line), onListening: listening.resolve })
  await Promise.race([listening.promise, over])
  const stop = async (): Promise<void> => { ending.abort(); await over }
  t.after(async () => { await stop(); serve?.close(); rmSync(dir, { recursive: true }) })
  return { dir, socket, calls, notes, stop }
}

/** A server of HTTP/2 over plain sockets. */
const http2Server = (answer: (stream: ServerHttp2Stream, path: string) => void): Server => {
  const server = createHttp2({ maxSessionMemory: 100 })
  server.on('stream', (stream, headers) => { stream.on('error', () => {}); answer(stream, String(headers[':path'])) })
  return server as unknown as Server
}

const session = async (t: TestContext, path: string): Promise<ClientHttp2Session> => {
  const opened = connectHttp2('http://localhost', { maxSessionMemory: 100, createConnection: () => connect(path) })
  opened.on('error', () => {})
  t.after(() => opened.destroy())
  await once(opened, 'connect')
  return opened
}

test('each call is told with its request, its answer and its end, and any method passes', async (t) => {
  const list = ListContainersResponse.fromPartial({ containers: Array.from({ length: 3 }, (_, index) => ({ id: `c${index}`, annotations: { password: 'hush' } })) })
  const { socket, calls, stop } = await traced(t, http2Server((stream, path) => {
    if (path.endsWith('/Refused')) return stream.respond({ ...GRPC, 'grpc-status': '5', 'grpc-message': 'it%20is%0Anot there' }, { endStream: true })
    if (path.endsWith('/Hangs')) return void stream.respond(GRPC)
    if (path.endsWith('/Broken')) return stream.close(2)
    stream.respond(GRPC, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    if (path.endsWith('/Echo')) return void stream.pipe(stream)
    stream.resume().on('end', () => stream.end(framed(ListContainersResponse.encode(list).finish())))
  }))
  const one = await session(t, socket)
  const call = async (path: string, body: Buffer): Promise<Buffer> => {
    const stream = one.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' })
    stream.end(body)
    return buffer(stream)
  }
  const large = randomBytes(20 << 20)
  const [, echoed] = await Promise.all([
    call('/runtime.v1.RuntimeService/ListContainers', framed(ListContainersRequest.encode(ListContainersRequest.fromPartial({ filter: { id: 'c' } })).finish())),
    call('/any.Service/Echo', framed(large)),
  ])
  assert.equal(createHash('sha256').update(echoed.subarray(5)).digest('hex'), createHash('sha256').update(large).digest('hex'))
  await call('/runtime.v1alpha2.RuntimeService/Refused', framed(new Uint8Array()))
  await call('/any.Service/Broken', framed(new Uint8Array())).catch(() => {})
  const hanging = one.request({ ':method': 'POST', ':path': '/any.Service/Hangs' }).on('error', () => {})
  await once(hanging, 'response')
  hanging.close(8)
  await once(hanging, 'close')
  await once(one.request({ ':method': 'POST', ':path': '/any.Service/Hangs' }).on('error', () => {}), 'response')
  await stop()
  assert.equal(calls.pop()!.error, 'the trace was ended')
  const told = Object.fromEntries(calls.map(({ rpc, version, code, error, responses }) => [rpc, [version, code, error, responses]]))
  assert.deepEqual(told, {
    ListContainers: ['v1', 0, undefined, 1], Echo: ['other', 0, undefined, 1], Refused: ['v1alpha2', 5, 'it is\nnot there', 0], Broken: ['other', -1, 'the runtime broke it off', 0],
    Hangs: ['other', -1, 'the caller broke it off', 0],
  })
  const listing = calls.find(({ rpc }) => rpc === 'ListContainers')!
  assert.deepEqual((listing.request!['filter'] as { id: string }).id, 'c')
  assert.deepEqual((listing.response!['containers'] as { id: string; annotations: object }[]).map(({ id, annotations }) => [id, annotations]), ['c0', 'c1', 'c2'].map((id) => [id, { password: '[removed]' }]))
  assert.ok(listing.durationMs > 0)
  assert.ok(!existsSync(socket))
})

test('bytes pass untouched whatever they are, and each side may end before the other', async (t) => {
  const { socket, calls } = await traced(t, createServer({ allowHalfOpen: true }, (peer: Socket) => {
    const received: Buffer[] = []
    peer.on('data', (chunk: Buffer) => received.push(chunk)).on('end', () => peer.end(Buffer.concat(received)))
  }))
  const sent = randomBytes(5 << 20)
  const peer = connect({ path: socket, allowHalfOpen: true })
  peer.end(sent)
  assert.ok((await buffer(peer)).equals(sent))
  assert.deepEqual(calls, [])
})

test('a runtime that is gone is said in one line, and its caller sees a closed connection', async (t) => {
  const { socket, notes } = await traced(t)
  const peer = connect(socket)
  peer.write('x')
  await new Promise((resolve) => peer.on('error', () => {}).on('close', resolve))
  while (notes.length === 0) await sleep(5)
  assert.match(notes.join(), /^the runtime at unix:\/\/\S+ cannot be reached: ENOENT$/)
})

test('what comes faster than it can be shown passes unseen, and is not held up', async (t) => {
  const { socket, notes } = await traced(t, createServer())
  const target = join(socket, '../runtime.sock')
  rmSync(target)
  const script = (text: string): string[] => ['--input-type=module', '--eval', `import { connect, createServer } from 'node:net'; ${text}`]
  const sink = spawn(process.execPath, script(`createServer({ allowHalfOpen: true }, (peer) => { let bytes = 0; peer.on('data', (chunk) => { bytes += chunk.length }).on('end', () => peer.end(String(bytes))) }).listen(${JSON.stringify(target)})`))
  t.after(() => sink.kill())
  while (!existsSync(target)) await sleep(10)
  const bytes = 100 << 20
  // holds this thread, which ought to read the copies
  const { stdout } = spawnSync(process.execPath, script(`const peer = connect({ path: ${JSON.stringify(socket)}, allowHalfOpen: true }); peer.pipe(process.stdout); peer.end(Buffer.alloc(${bytes}))`), { encoding: 'utf8', timeout: 60_000 })
  assert.equal(stdout, String(bytes))
  while (notes.length === 0) await sleep(5)
  assert.deepEqual(notes, ['calls come faster than they can be shown: those of one connection pass unseen from now on'])
})

test('a socket that a killed trace left is taken over, one in use is not', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'scow-trace-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const listen = join(dir, 'x.sock')
  const left = spawnSync(process.execPath, ['--eval', `require('node:net').createServer().listen(${JSON.stringify(listen)}, () => process.kill(process.pid, 'SIGKILL'))`])
  assert.equal(left.signal, 'SIGKILL')
  const ending = new AbortController()
  const options = { target: { address: 'x', path: join(dir, 'none') }, listen, onCall: () => {}, onNote: () => {}, signal: ending.signal }
  const listening = Promise.withResolvers<void>()
  const first = traceCalls({ ...options, onListening: listening.resolve })
  await listening.promise
  await assert.rejects(traceCalls({ ...options, onListening: () => {} }), { kind: 'inUse', message: `cannot listen on ${listen}: EADDRINUSE` })
  assert.ok(existsSync(listen))
  ending.abort()
  await first
})
