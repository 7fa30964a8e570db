import '../support/jail.ts'
import { Client, credentials } from '@grpc/grpc-js'
import assert from 'node:assert/strict'
import test from 'node:test'
import { huffman } from '../../src/cri/wire/hpack-text.ts'
import * as wire from '../../src/cri/wire/generated/runtime-v1.ts'
import { openSuite } from '../support/suite.ts'
import { openCri } from './cri.ts'

const suite = openSuite()

test('a kubelet that speaks v1alpha2 is answered, also when it calls the server by its path', async (t) => {
  const { socket } = await openCri(t, suite)
  for (const authority of ['localhost', socket.replaceAll('/', '%2F')]) {
    const client = new Client(`unix:${socket}`, credentials.createInsecure(), { 'grpc.default_authority': authority })
    const answer = await new Promise<wire.VersionResponse>((resolve, reject) => client.makeUnaryRequest('/runtime.v1alpha2.RuntimeService/Version',
      (request: wire.VersionRequest) => Buffer.from(wire.VersionRequest.encode(request).finish()), wire.VersionResponse.decode, { version: '0.1.0' },
      (error, response) => (error ? reject(error) : resolve(response!))))
    assert.deepEqual([answer.version, answer.runtimeApiVersion], ['0.1.0', 'v1alpha2'])
    client.close()
  }
})

test('a slash and a dash take equally many bits in a header', () => {
  assert.equal(huffman('www.example.com')?.toString('hex'), 'f1e3c2e5f23a6ba0ab90f4ff') // RFC 7541, C.4.1
  assert.equal(huffman('/run/scow/scow.sock')?.length, huffman('-run-scow-scow.sock')?.length)
  assert.equal(huffman('é'), undefined)
})
