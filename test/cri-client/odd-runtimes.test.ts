// Runtimes that are old, hang, break or are none: tiny servers that are just that.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttp } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { Server, ServerCredentials, status, type UntypedHandleCall } from '@grpc/grpc-js'
import { ContainerEventResponse, ContainerStatusResponse, RuntimeServiceService, VersionResponse } from '../../src/cri/wire/generated/runtime-v1.ts'
import { checkout, openProgram, type Program } from './program.ts'

type Handlers = Readonly<Record<string, UntypedHandleCall>>

/** A runtime that has these calls alone, and no others. */
async function openOdd(t: TestContext, handlers: Handlers): Promise<Program> {
  const dir = mkdtempSync(join(tmpdir(), 'scow-odd-'))
  const server = new Server()
  const service = Object.fromEntries(Object.keys(handlers).map((name) => [name, RuntimeServiceService[name as keyof typeof RuntimeServiceService]]))
  server.addService(service as never, handlers)
  const endpoint = `unix://${join(dir, 'odd.sock')}`
  await new Promise<void>((resolve, reject) => server.bindAsync(endpoint, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())))
  t.after(() => { server.forceShutdown(); rmSync(dir, { recursive: true }) })
  return openProgram({ dir, name: 'crictl', env: { CONTAINER_RUNTIME_ENDPOINT: endpoint, HOME: dir } })
}

const version: UntypedHandleCall = (_call: unknown, answer: (error: null, response: VersionResponse) => void) =>
  answer(null, VersionResponse.fromPartial({ version: '0.1.0', runtimeName: 'odd', runtimeVersion: '1', runtimeApiVersion: 'v1alpha2' }))
const unknownService: UntypedHandleCall = (_call: unknown, answer: (error: object) => void) => answer({ code: status.UNIMPLEMENTED, details: 'unknown service runtime.v1.RuntimeService' })

test('an old runtime is asked under v1alpha2', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'scow-odd-'))
  const server = new Server()
  server.addService({ version: RuntimeServiceService.version }, { version: unknownService })
  server.addService({ version: { ...RuntimeServiceService.version, path: '/runtime.v1alpha2.RuntimeService/Version' } } as never, { version })
  const endpoint = `unix://${join(dir, 'odd.sock')}`
  await new Promise<void>((resolve) => server.bindAsync(endpoint, ServerCredentials.createInsecure(), () => resolve()))
  t.after(() => { server.forceShutdown(); rmSync(dir, { recursive: true }) })
  const crictl = openProgram({ dir, name: 'crictl', env: { CONTAINER_RUNTIME_ENDPOINT: endpoint } })
  assert.match(await crictl.ok('version'), /^RuntimeApiVersion:  v1alpha2$/m)
})

test('a service that knows no CRI at all is named as that', async (t) => {
  const crictl = await openOdd(t, { version: unknownService })
  assert.match(await crictl.fails(1, 'version'), /^Error: unix:\S+ speaks gRPC but not the CRI: [^\n]*\n$/)
})

test('a file that is no socket, and a name that is none, are one line each', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'scow-odd-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const crictl = openProgram({ dir, name: 'crictl' })
  writeFileSync(join(dir, 'file'), '')
  assert.equal(await crictl.fails(3, '-r', join(dir, 'file'), 'ps'), `Error: cannot connect to unix://${join(dir, 'file')}: nobody listens there; that is no socket: name the runtime's with --runtime-endpoint or in /etc/crictl.yaml\n`)
  assert.match(await crictl.fails(3, '-r', 'tcp://no-such-host.invalid:1', 'ps'), /^Error: cannot connect to tcp:\S+: the name no-such-host\.invalid cannot be resolved; [^\n]*\n$/)
})

test('a runtime that hangs is given up in time', async (t) => {
  const crictl = await openOdd(t, { version: () => {} })
  assert.match(await crictl.fails(124, '--timeout', '300ms', 'version'), /^Error: Version at unix:\S+ did not answer within 0\.3 s; [^\n]*\n$/)
})

test('a call that the runtime does not have, and an error of its own, are one line each', async (t) => {
  const crictl = await openOdd(t, {
    version, containerStatus: ((_call: unknown, answer: (error: object) => void) => answer({ code: status.UNAVAILABLE, details: 'the disk\nis full' })) as UntypedHandleCall,
  })
  assert.match(await crictl.fails(1, 'info'), /^Error: the runtime at unix:\S+ does not have Status[^\n]*\n$/)
  assert.match(await crictl.fails(3, 'inspect', 'x'), /^Error: the disk: is full \(ContainerStatus at unix:\S+\)\n$/)
})

test('a container that has never been started has no times', async (t) => {
  const crictl = await openOdd(t, {
    containerStatus: ((_call: unknown, answer: (error: null, response: ContainerStatusResponse) => void) => answer(null, ContainerStatusResponse.fromPartial({ status: { id: 'x', createdAt: 1n }, info: { info: '{"b":1,"a":[2]}', text: '"said"' } }))) as UntypedHandleCall,
  })
  const shown = await crictl.json('inspect', 'x')
  assert.deepEqual([shown.info, shown.text, shown.status.startedAt], [{ a: [2], b: 1 }, 'said', '0001-01-01T00:00:00Z'])
})

test('a socket that breaks off is one line', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'scow-odd-'))
  const path = join(dir, 'breaks.sock')
  const server = createServer((socket) => { socket.once('data', () => socket.destroy()) }).listen(path)
  t.after(() => { server.close(); rmSync(dir, { recursive: true }) })
  const crictl = openProgram({ dir, name: 'crictl' })
  assert.match(await crictl.fails(3, '-r', path, 'ps'), /^Error: ListContainers at unix:\S+ failed: the connection broke: [^\n]*\n$/)
})

test('another kind of server is named as that, or given up in time', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'scow-odd-'))
  const [web, silent, chatty] = [join(dir, 'web.sock'), join(dir, 'silent.sock'), join(dir, 'chatty.sock')]
  const servers = [
    createHttp((_request, answer) => { answer.end('<h1>hello</h1>') }).listen(web), createServer(() => {}).listen(silent),
    createServer((socket) => { socket.on('error', () => {}).write('220 mail ready\r\n') }).listen(chatty),
  ]
  t.after(() => { for (const server of servers) { server.close(); if ('closeAllConnections' in server) server.closeAllConnections() } rmSync(dir, { recursive: true }) })
  const crictl = openProgram({ dir, name: 'crictl' })
  for (const path of [web, chatty]) {
    const { code, stderr } = await crictl.run(['-r', path, '-t', '5s', 'ps'])
    assert.ok(code === 1 || code === 3, `${code} ${stderr}`)
    assert.match(stderr, new RegExp(`^Error: [^\n]*unix://${path}[^\n]*; is this [^\n]*socket[^\n]*\n$`))
  }
  assert.match(await crictl.fails(124, '-r', silent, '-t', '1s', 'ps'), /^Error: ListContainers at unix:\S+silent\.sock did not answer within 1 s; [^\n]*\n$/)
})

test('who may not use the socket is told so', { skip: process.getuid?.() === 0 ? false : 'needs root to become somebody else' }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'scow-odd-'))
  const path = join(dir, 'closed.sock')
  const server = createServer(() => {}).listen(path)
  t.after(() => { server.close(); rmSync(dir, { recursive: true }) })
  chmodSync(dir, 0o755)
  chmodSync(path, 0o600)
  const { stderr } = await promisify(execFile)('setpriv', ['--reuid', '65534', '--clear-groups', join(checkout, 'bin/scow'), 'cri', '-r', path, 'ps']).then(() => ({ stderr: 'no error' }), (error: { stderr: string }) => error)
  assert.match(stderr, /^Error: no permission to use unix:\S+closed\.sock; run as root, or as a user who may write to the socket\n$/)
})

test('a stream of events that is cut in the middle is one line', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'scow-odd-'))
  const server = new Server()
  server.addService({ getContainerEvents: RuntimeServiceService.getContainerEvents }, { getContainerEvents: ((call: { write(event: object): void }) => {
    call.write(ContainerEventResponse.fromPartial({ containerId: 'x' }))
    setTimeout(() => server.forceShutdown(), 500)
  }) as unknown as UntypedHandleCall })
  const endpoint = `unix://${join(dir, 'odd.sock')}`
  await new Promise<void>((resolve) => server.bindAsync(endpoint, ServerCredentials.createInsecure(), () => resolve()))
  t.after(() => { server.forceShutdown(); rmSync(dir, { recursive: true }) })
  const crictl = openProgram({ dir, name: 'crictl', env: { CONTAINER_RUNTIME_ENDPOINT: endpoint } })
  const { code, stdout, stderr } = await crictl.run(['events'])
  assert.match(stdout, /"containerId": "x"/, stderr)
  assert.equal(code, 3, stderr)
  assert.match(stderr, /^Error: GetContainerEvents at unix:\S+ (failed: the connection broke|was broken off by the runtime): [^\n]*\n$/)
})
