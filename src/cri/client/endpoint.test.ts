import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { openUnixStream, type ByteStream } from '../../process/unix-stream.ts'
import { connectTo, parseEndpoint, whyNot } from './endpoint.ts'

test('an endpoint is a socket or a host with its port', () => {
  assert.deepEqual(parseEndpoint('unix:///run/x.sock'), { address: 'unix:///run/x.sock', path: '/run/x.sock', namedBy: 'runtime' })
  assert.equal(parseEndpoint('/run/x.sock').address, 'unix:///run/x.sock')
  assert.deepEqual(parseEndpoint('tcp://[::1]:10'), { address: 'tcp://[::1]:10', host: '::1', port: 10, namedBy: 'runtime' })
  for (const wrong of ['', 'x', 'http://x', 'tcp://x', 'unix://x']) assert.throws(() => parseEndpoint(wrong), { name: 'Failure', kind: 'invalid' })
})

test('a runtime that many are about to ask takes one more when it comes to that', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'scow-endpoint-'))
  const path = join(dir, 'x.sock')
  const server = createServer()
  await once(server.listen({ path, backlog: 1 }), 'listening')
  const opened: ByteStream[] = []
  t.after(() => { opened.forEach((each) => each.close()); server.close(); rmSync(dir, { recursive: true }) })
  assert.throws(() => { for (;;) opened.push(openUnixStream(path)) }, { code: 'EAGAIN' })
  const taken = once(server, 'connection')
  opened.push(await connectTo(parseEndpoint(path)))
  await taken
  assert.equal(await whyNot(parseEndpoint(path)), undefined)
})
