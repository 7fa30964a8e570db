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
import { ContainerEventResponse, ContainerEventType, ContainerStatusResponse, ExecSyncResponse, ListContainersResponse, ListPodSandboxResponse, ListPodSandboxStatsResponse, PodSandboxStatusResponse, RuntimeServiceService, StatusResponse, VersionResponse } from '../../src/cri/wire/generated/runtime-v1.ts'
import { checkout, openProgram, type Program } from './program.ts'

type Handlers = Readonly<Record<string, UntypedHandleCall>>

/** A runtime that has these calls alone, and no others. */
async function openOdd(t: TestContext, handlers: Handlers, { name = 'crictl', before = [] }: { name?: 'crictl' | 'scow'; before?: readonly string[] } = {}): Promise<Program & { readonly endpoint: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'scow-odd-'))
  const server = new Server()
  const service = Object.fromEntries(Object.keys(handlers).map((call) => [call, RuntimeServiceService[call as keyof typeof RuntimeServiceService]]))
  server.addService(service as never, handlers)
  const endpoint = `unix://${join(dir, 'odd.sock')}`
  await new Promise<void>((resolve, reject) => server.bindAsync(endpoint, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())))
  t.after(() => { server.forceShutdown(); rmSync(dir, { recursive: true }) })
  return { ...openProgram({ dir, name, before, env: { CONTAINER_RUNTIME_ENDPOINT: endpoint, HOME: dir } }), endpoint }
}

const version: UntypedHandleCall = (_call: unknown, answer: (error: null, response: VersionResponse) => void) =>
  answer(null, VersionResponse.fromPartial({ version: '0.1.0', runtimeName: 'odd', runtimeVersion: '1', runtimeApiVersion: 'v1alpha2' }))
const unknownService: UntypedHandleCall = (_call: unknown, answer: (error: object) => void) => answer({ code: status.UNIMPLEMENTED, details: 'unknown service runtime.v1.RuntimeService' })

test('an old runtime is asked under v1alpha2, by calls made at once too, and has no stream of events', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'scow-odd-'))
  const server = new Server()
  const alpha = (name: string, method: object) => ({ ...method, path: `/runtime.v1alpha2.RuntimeService/${name}` })
  const { version: Version, containerStatus: ContainerStatus, getContainerEvents: GetContainerEvents } = RuntimeServiceService
  const containerStatus: UntypedHandleCall = ({ request }: { request: { containerId: string } }, answer: (error: null, response: ContainerStatusResponse) => void) =>
    answer(null, ContainerStatusResponse.fromPartial({ status: { id: request.containerId, createdAt: 1n } }))
  const refuses = (details: string): UntypedHandleCall => ((call: { emit(name: string, error: object): void }) => call.emit('error', { code: status.UNIMPLEMENTED, details })) as unknown as UntypedHandleCall
  server.addService({ Version, ContainerStatus, GetContainerEvents }, { Version: unknownService, ContainerStatus: unknownService, GetContainerEvents: refuses('unknown service runtime.v1.RuntimeService') })
  server.addService({ Version: alpha('Version', Version), ContainerStatus: alpha('ContainerStatus', ContainerStatus), GetContainerEvents: alpha('GetContainerEvents', GetContainerEvents) } as never,
    { Version: version, ContainerStatus: containerStatus, GetContainerEvents: refuses('unknown method GetContainerEvents for service runtime.v1alpha2.RuntimeService') })
  const endpoint = `unix://${join(dir, 'odd.sock')}`
  await new Promise<void>((resolve) => server.bindAsync(endpoint, ServerCredentials.createInsecure(), () => resolve()))
  t.after(() => { server.forceShutdown(); rmSync(dir, { recursive: true }) })
  const crictl = openProgram({ dir, name: 'crictl', env: { CONTAINER_RUNTIME_ENDPOINT: endpoint } })
  assert.match(await crictl.ok('version'), /^RuntimeApiVersion:  v1alpha2$/m)
  assert.deepEqual((await crictl.json('inspect', 'x', 'y', 'z')).map((shown: { status: { id: string } }) => shown.status.id), ['x', 'y', 'z'])
  assert.match(await crictl.fails(1, 'events'), /^Error: the runtime at unix:\S+ does not have GetContainerEvents[;\n]/)
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

test('a call that is there in name alone is none, and says no more than that', async (t) => {
  const crictl = await openOdd(t, { listMetricDescriptors: ((_call: unknown, answer: (error: object) => void) => answer({ code: status.UNIMPLEMENTED, details: 'method ListMetricDescriptors not implemented' })) as UntypedHandleCall })
  assert.match(await crictl.fails(1, 'metricdescs'), /^Error: the runtime at unix:\S+ does not have ListMetricDescriptors\n$/)
})

test('what is not there, and a time that is over, are known without codes of their own', async (t) => {
  const unknown = (details: string): UntypedHandleCall => ((_call: unknown, answer: (error: object) => void) => answer({ code: status.UNKNOWN, details })) as UntypedHandleCall
  const timedOut = ((_call: unknown, answer: (error: null, response: object) => void) => answer(null, ExecSyncResponse.fromPartial({ exitCode: -1, stderr: Buffer.from('command timed out') }))) as UntypedHandleCall
  const crictl = await openOdd(t, { containerStatus: unknown('Error response from daemon: No such container: x'), podSandboxStatus: unknown('something else'), execSync: timedOut, listContainers: unknown('reading manifest 1 in r/x: manifest unknown') })
  assert.match(await crictl.fails(2, 'inspect', 'x'), /No such container: x /)
  assert.equal((await crictl.run(['ps'])).code, 2)
  assert.match(await crictl.fails(1, 'inspectp', 'x'), /something else /)
  assert.equal(await crictl.fails(124, 'exec', '--sync', '--timeout', '2', 'x', 'true'), 'Error: the command did not end within 2 s\n')
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

test('a runtime that does not react at all is given up by calls without a deadline too', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'scow-odd-'))
  const path = join(dir, 'stopped.sock')
  const server = createServer(() => {}).listen(path)
  t.after(() => { server.close(); rmSync(dir, { recursive: true }) })
  const crictl = openProgram({ dir, name: 'crictl' })
  const words = [['events'], ['pull', 'x'], ['exec', '--sync', 'x', 'true'], ['checkpoint', '-e', 'x.tar', 'x']]
  await Promise.all(words.map(async (each) => assert.match(await crictl.fails(124, '-r', path, ...each), /^Error: \w+ at unix:\S+stopped\.sock is not answered: the runtime has not reacted at all for 10 s; [^\n]*\n$/, each.join(' '))))
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

test('a pod without figures has no row', async (t) => {
  const stats = ['full', 'empty'].map((id) => ({ attributes: { id, metadata: { name: id } }, ...(id === 'full' ? { linux: { memory: { workingSetBytes: { value: 5000n } } } } : {}) }))
  const crictl = await openOdd(t, { listPodSandboxStats: ((_call: unknown, answer: (error: null, response: object) => void) => answer(null, ListPodSandboxStatsResponse.fromPartial({ stats }))) as UntypedHandleCall })
  assert.match(await crictl.ok('statsp'), /^POD +POD ID +CPU % +MEM\nfull +full +0\.00 +5kB$/)
})

test('what a runtime says besides being ready is shown at the end, and is no cause', async (t) => {
  const answers = (message: object): UntypedHandleCall => ((_call: unknown, answer: (error: null, response: object) => void) => answer(null, message)) as UntypedHandleCall
  const pod = { id: 'p1', metadata: { name: 'one', namespace: 'default', uid: '', attempt: 0 }, createdAt: 1n }
  const conditions = [...['RuntimeReady', 'NetworkReady'].map((type) => ({ type, status: true })), { type: 'NothingIsOld', status: false, reason: 'Warnings', message: '{"a":"first","b":"second"}' }]
  const scow = await openOdd(t, {
    status: answers(StatusResponse.fromPartial({ status: { conditions } })), listContainers: answers(ListContainersResponse.fromPartial({})),
    listPodSandbox: answers(ListPodSandboxResponse.fromPartial({ items: [pod] })), podSandboxStatus: answers(PodSandboxStatusResponse.fromPartial({ status: { ...pod, network: { ip: '10.0.0.1' } } })),
  }, { name: 'scow', before: ['cri'] })
  const page = await scow.ok('why', 'one')
  assert.match(page, /^Cause\n  nothing was created in this pod yet\nPod default\/one /)
  assert.match(page, /\nThe runtime also says\n  NothingIsOld is false: Warnings: first; second\n/)
  assert.match(await scow.fails(2, 'why', 'nobody'), /; the runtime knows those of ps -a and pods only; /)
})

test('a checkpoint goes where the caller stands, and needs a place of its own', async (t) => {
  const crictl = await openOdd(t, { checkpointContainer: (({ request }: { request: { location: string } }, answer: (error: object) => void) => answer({ code: status.UNIMPLEMENTED, details: request.location })) as UntypedHandleCall })
  assert.match(await crictl.fails(1, 'checkpoint', '--export', 'here.tar', 'x'), /^Error: the runtime at unix:\S+ does not support this CheckpointContainer: \/tmp\/scow-odd-\w+\/here\.tar\n$/)
  assert.match(await crictl.fails(1, 'checkpoint', 'x'), /^Error: nothing says where the archive goes; [^\n]*--export[^\n]*\n$/)
  assert.match(await crictl.fails(1, 'checkpoint', '-e', '/x.tar', 'x', 'y'), /^Error: one archive cannot hold 2 containers; [^\n]*\n$/)
})

test('an event without the status of its container still has the name', async (t) => {
  const events = ((call: { write(event: object): void; end(): void }) => {
    for (const containerEventType of [ContainerEventType.CONTAINER_CREATED_EVENT, ContainerEventType.CONTAINER_STOPPED_EVENT, ContainerEventType.CONTAINER_DELETED_EVENT]) call.write(ContainerEventResponse.fromPartial({ containerId: 'c1', containerEventType, createdAt: 1n, podSandboxStatus: { id: 'p1' } }))
    call.end()
  }) as unknown as UntypedHandleCall
  const containerStatus = ((_call: unknown, answer: (error: null, response: object) => void) => answer(null, ContainerStatusResponse.fromPartial({ status: { id: 'c1', metadata: { name: 'main' }, exitCode: 3, labels: { 'io.kubernetes.pod.name': 'pod' } } }))) as UntypedHandleCall
  const scow = await openOdd(t, { getContainerEvents: events, containerStatus }, { name: 'scow' })
  const { endpoint } = scow
  assert.match(await scow.ok('--endpoint', endpoint, 'events', '--format', '{{.Status}} {{.Name}} {{.ContainerExitCode}}'), /^create \S*main\S* 0\ndied \S*main\S* 3\nremove \S*main\S* 0$/)
})
