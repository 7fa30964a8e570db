import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { openUnixStream, type ByteStream } from './unix-stream.ts'

async function listen(t: TestContext, onSocket: (socket: Socket) => void, backlog = 16): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'scow-unix-'))
  const server = createServer({ allowHalfOpen: true }, (socket) => onSocket(socket.on('error', () => {})))
  const path = join(dir, 'x.sock')
  await once(server.listen({ path, backlog }), 'listening')
  t.after(() => { server.close(); rmSync(dir, { recursive: true }) })
  return path
}

/** Everything that comes, and how it ended. */
const whole = (stream: ByteStream): Promise<{ text: Buffer; error: NodeJS.ErrnoException | undefined }> => new Promise((resolve) => {
  const chunks: Buffer[] = []
  stream.listen({ data: (chunk) => chunks.push(chunk), ended: (error) => resolve({ text: Buffer.concat(chunks), error }) })
})

test('what is written arrives whole and in order, however slowly it is taken, and so does what comes back', async (t) => {
  const sent = Buffer.alloc(8 * 2 ** 20, 'a line of what is sent\n')
  const path = await listen(t, (socket) => {
    const taken: Buffer[] = []
    socket.pause()
    setTimeout(() => socket.resume(), 50)
    socket.on('data', (chunk) => {
      taken.push(chunk)
      if (taken.reduce((sum, each) => sum + each.length, 0) === sent.length) socket.end(Buffer.concat(taken))
    })
  })
  const stream = openUnixStream(path)
  for (let at = 0; at < sent.length; at += 1_000_000) stream.write(sent.subarray(at, at + 1_000_000))
  const { text, error } = await whole(stream)
  assert.equal(error, undefined)
  assert.ok(text.equals(sent))
})

test('the last words of who closes are heard, although it takes nothing any more', async (t) => {
  const path = await listen(t, (socket) => { socket.end('no'); socket.destroySoon() })
  const stream = openUnixStream(path)
  const heard = whole(stream)
  const timer = setInterval(() => stream.write(Buffer.alloc(1000)), 5)
  const { text } = await heard
  clearInterval(timer)
  stream.write(Buffer.from('nobody is there'))
  assert.equal(text.toString(), 'no')
})

test('who closes it hears no more', async (t) => {
  const path = await listen(t, (socket) => setImmediate(() => socket.write('late')))
  const stream = openUnixStream(path)
  stream.listen({ data: () => assert.fail('data'), ended: () => assert.fail('ended') })
  stream.close()
  stream.close()
  await new Promise((resolve) => setTimeout(resolve, 50))
})

test('who is not let in is told at once, and why', async (t) => {
  const path = await listen(t, () => {}, 1)
  const opened: ByteStream[] = []
  t.after(() => opened.forEach((each) => each.close()))
  // nobody is taken in before the next turn of the event loop
  assert.throws(() => { for (let many = 0; many < 100; many++) opened.push(openUnixStream(path)) }, { code: 'EAGAIN', syscall: 'connect' })
  assert.throws(() => openUnixStream(`${path}.not`), { code: 'ENOENT' })
})
