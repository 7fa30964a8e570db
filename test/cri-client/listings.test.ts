import '../support/jail.ts'
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { peer, peerName } from './peer.ts'
import { openRuntime } from './runtime.ts'

const runtime = openRuntime()
const ID = /^[\da-f]{64}$/

test('version has crictl\'s four lines', async () => {
  const [version, name, ofRuntime, api] = (await runtime.crictl.ok('version')).split('\n').map((line) => /^(?:Version|RuntimeName|RuntimeVersion|RuntimeApiVersion):  (\S+)$/.exec(line)?.[1])
  assert.deepEqual([version, api], ['0.1.0', peer.api])
  assert.match(name!, peer.name)
  assert.match(ofRuntime!, peer.version)
})

test('info merges the status with the runtime\'s own information, keys sorted', async () => {
  const info = await runtime.crictl.json('info')
  assert.deepEqual(info.status.conditions.filter(({ type }: { type: string }) => /Ready$/.test(type)).map(({ type, status }: { type: string; status: boolean }) => [type, status]), [['RuntimeReady', true], ['NetworkReady', true]])
  if (peerName === 'containerd') assert.equal(info.config.containerd.snapshotter, 'overlayfs')
  assert.deepEqual(Object.keys(info), Object.keys(info).sort())
  // of newer runtimes two more things are part of the answer, and not of what the runtime adds
  assert.deepEqual(Object.keys(await runtime.crictl.json('info', '-q')).filter((key) => key !== 'features' && key !== 'runtimeHandlers'), ['status'])
  assert.equal(await runtime.crictl.ok('info', '-o', 'go-template', '--template', '{{range .status.conditions}}{{.type}} {{end}}'), 'RuntimeReady NetworkReady ')
})

test('images are listed as a table, as ids and as JSON with 64-bit numbers as text', async () => {
  const lines = (await runtime.crictl.ok('images')).split('\n')
  assert.match(lines[0]!, /^IMAGE +TAG +IMAGE ID +SIZE$/)
  assert.match(lines[1]!, new RegExp(`^${runtime.registry.host}/busybox +1 +[\\da-f]{13} +[12]\\.\\d+MB$`))
  assert.equal(lines[0]!.indexOf('TAG'), lines[1]!.search(/(?<= )1 /))
  const { images } = await runtime.crictl.json('images', '-o', 'json', runtime.busybox)
  assert.equal(images.length, 1)
  assert.deepEqual(Object.keys(images[0]), ['id', 'repoTags', 'repoDigests', 'size', 'username', 'pinned'])
  assert.deepEqual(images[0].repoTags, [runtime.busybox])
  assert.match(images[0].size, /^\d+$/)
  assert.equal(await runtime.crictl.ok('img', '-q', runtime.busybox), images[0].id)
  assert.equal(await runtime.crictl.ok('images', '-q', '--filter', 'reference=/busybox/'), images[0].id)
  assert.equal(await runtime.crictl.ok('images', '-q', '--filter', 'dangling=true'), '')
  assert.match(await runtime.crictl.fails(1, 'images', '--filter', 'size=1'), /^Error: unknown filter "size=1"/)
  assert.match((await runtime.crictl.ok('images', '--digests', '--pinned')).split('\n')[0]!, /^IMAGE +TAG +DIGEST +IMAGE ID +SIZE +PINNED$/)
  const one = await runtime.crictl.json('inspecti', runtime.busybox)
  assert.equal(one.status.id, images[0].id)
  assert.deepEqual(one.info.imageSpec.config.Cmd, ['sh'])
})

test('pods and containers are listed newest first, filtered, and inspected', async () => {
  const first = await runtime.run({ name: 'first', command: ['sleep', '100'], pod: { labels: { app: 'one' } } })
  const second = await runtime.run({ name: 'second', command: ['sh', '-c', 'exit 7'] })
  for (const id of [first.pod, first.container]) assert.match(id, ID)
  const { crictl } = runtime
  assert.equal(await crictl.ok('pods', '-q'), `${second.pod}\n${first.pod}`)
  assert.equal(await crictl.ok('pods', '-q', '--name', '^fir'), first.pod)
  assert.equal(await crictl.ok('pods', '-q', '--label', 'app=one', '--namespace', 'def', '--state', 'ready'), first.pod)
  assert.equal(await crictl.ok('pods', '-q', '--state', 'notready'), '')
  assert.match(await crictl.fails(1, 'pods', '--state', 'odd'), /^Error: unknown state "odd"; use one of ready, notready\n$/)
  const [heading, row] = (await crictl.ok('pods', '-l')).split('\n')
  assert.match(heading!, /^POD ID {14}CREATED +STATE +NAME +NAMESPACE +ATTEMPT +RUNTIME$/)
  assert.match(row!, new RegExp(`^${second.pod.slice(0, 13)} +\\S.* ago +Ready +second +default +0 +\\(default\\)$`))

  while (await crictl.ok('ps', '-q', '--state', 'exited') === '') { /* until its exit is known */ }
  assert.equal(await crictl.ok('ps', '-q'), first.container)
  assert.equal(await crictl.ok('ps', '-a', '-q'), `${second.container}\n${first.container}`)
  assert.equal(await crictl.ok('ps', '-q', '-n', '1'), second.container)
  assert.equal(await crictl.ok('ps', '-q', '--pod', first.pod.slice(0, 10), '--image', runtime.busybox), first.container)
  const [head, line] = (await crictl.ok('ps')).split('\n')
  assert.match(head!, /^CONTAINER +IMAGE +CREATED +STATE +NAME +ATTEMPT +POD ID +POD +NAMESPACE$/)
  assert.match(line!, new RegExp(`^${first.container.slice(0, 13)} +${runtime.busybox} +\\S.* ago +Running +main +0 +${first.pod.slice(0, 13)} +first +default$`))
  const { containers } = await crictl.json('ps', '-o', 'json')
  assert.deepEqual(Object.keys(containers[0]), ['id', 'podSandboxId', 'metadata', 'image', 'imageRef', 'state', 'createdAt', 'labels', 'annotations', 'imageId'])
  assert.equal(containers[0].state, 'CONTAINER_RUNNING')
  assert.match(containers[0].createdAt, /^\d{19}$/)
  assert.match(await crictl.ok('ps', '-o', 'yaml'), /^containers:\n- annotations: \{\}\n  createdAt: "\d{19}"\n/)

  const exited = await crictl.json('inspect', second.container)
  assert.equal(exited.status.exitCode, 7)
  assert.equal(exited.status.state, 'CONTAINER_EXITED')
  for (const key of ['createdAt', 'startedAt', 'finishedAt']) assert.match(exited.status[key], /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/)
  assert.equal(exited.status.startedAt === '0001-01-01T00:00:00Z', false)
  assert.equal((await crictl.json('inspect', first.container)).status.finishedAt, '0001-01-01T00:00:00Z')
  assert.deepEqual((await crictl.json('inspect', '-q', first.container, second.container)).map(({ status }: any) => status.id), [first.container, second.container])
  assert.match(await crictl.ok('inspect', '-o', 'go-template', '--template', '{{.info.pid}}', first.container), /^\d+$/)
  assert.match(await crictl.fails(1, 'inspect', '-o', 'go-template', '--template', '{{.nothing}}', first.container), /map has no entry for key "nothing"/)
  const pod = await crictl.json('inspectp', '--name', 'first')
  assert.match(pod.status.network.ip, /^10\.77\.0\.\d+$/)
  assert.equal(pod.status.linux.namespaces.options?.pid ?? 'POD', 'POD')
  assert.match(await crictl.ok('inspect', '-o', 'table', second.container), /\nState: CONTAINER_EXITED\n[^]*\nExit Code: 7\n/)
  await crictl.ok('rmp', '-f', first.pod, second.pod)
  assert.equal(await crictl.ok('pods', '-q'), '')
})

test('what is not there is told apart from what failed', async () => {
  const { crictl } = runtime
  assert.match(await crictl.fails(2, 'inspect', 'nope'), /^Error: .*(not found|No such container).*\n$/)
  assert.match(await crictl.fails(2, 'inspectp', 'nope'), /not found|No such container/)
  assert.match(await crictl.fails(2, 'inspecti', 'nope'), /^Error: [^\n]*\bnope\b[^\n]*\n$/)
  assert.match(await crictl.fails(2, 'rm', 'nope'), /not found|No such container/)
  assert.match(await crictl.fails(1, 'ps', '--odd'), /^Error: unknown flag: --odd; see 'crictl ps --help'\n$/)
  assert.match(await crictl.fails(1, 'odd'), /^Error: unrecognized command 'crictl odd'; see 'crictl --help'\n$/)
})

test('flags win over the environment, and that over the file', async () => {
  const { crictl, dir, endpoint } = runtime
  const file = join(dir, 'crictl.yaml')
  writeFileSync(file, `runtime-endpoint: ${endpoint}\ntimeout: 10\n`)
  assert.equal((await crictl.run(['--config', file, 'version'], { env: { CONTAINER_RUNTIME_ENDPOINT: '' } })).code, 0)
  assert.equal((await crictl.run(['version'], { env: { CONTAINER_RUNTIME_ENDPOINT: '', CRI_CONFIG_FILE: file } })).code, 0)
  assert.match((await crictl.run(['-c', file, 'version'], { env: { CONTAINER_RUNTIME_ENDPOINT: 'unix:///nope' } })).stderr, /there is no socket \/nope/)
  assert.equal((await crictl.run(['-r', endpoint, 'version'], { env: { CONTAINER_RUNTIME_ENDPOINT: 'unix:///nope' } })).code, 0)
  await crictl.ok('--config', file, 'config', '--set', 'debug=true,timeout=4')
  assert.equal(await crictl.ok('--config', file, 'config', '--get', 'timeout'), '4')
  assert.match((await crictl.run(['--config', file, 'version'])).stderr, /^(debug: VersionRequest \{"version":"0\.1\.0"\}\n(debug: Version failed: unknown service \S+ \(\d+ ms\)\n)?)+debug: VersionResponse /)
  writeFileSync(file, 'runtime-endpoints: x\n')
  assert.match(await crictl.fails(1, '--config', file, 'version'), /^Error: .*crictl\.yaml: unknown setting "runtime-endpoints"; known are runtime-endpoint, /)
})

test('each way of not reaching a runtime is one line with the address', async () => {
  const { crictl, dir } = runtime
  assert.equal(await crictl.fails(3, '-r', 'unix:///tmp/nope.sock', 'ps'), 'Error: there is no socket /tmp/nope.sock; start the runtime, or name its socket with --runtime-endpoint or in /etc/crictl.yaml\n')
  assert.equal(await crictl.fails(3, '-i', 'unix:///tmp/nope.sock', 'images'), 'Error: there is no socket /tmp/nope.sock; start the runtime, or name its socket with --image-endpoint or in /etc/crictl.yaml\n')
  writeFileSync(join(dir, 'plain'), '')
  assert.match(await crictl.fails(3, '-r', join(dir, 'plain'), 'ps'), /^Error: cannot connect to unix:\/\/.*plain: nobody listens there/)
  assert.match(await crictl.fails(1, '-r', 'http://x', 'ps'), /^Error: "http:\/\/x" is no address of a runtime/)
  const nowhere = await crictl.run(['ps'], { env: { CONTAINER_RUNTIME_ENDPOINT: '' } })
  assert.equal(nowhere.code, 3)
  assert.match(nowhere.stderr, /^Error: found no container runtime at \/run\/containerd\/containerd\.sock \(ENOENT\), [^\n]*\n$/)
  // another service of containerd, without the CRI
  if (peerName.startsWith('containerd')) assert.match(await crictl.fails(124, '-r', `unix://${dir}/c.sock.ttrpc`, '-t', '1s', 'version'), /^Error: Version at unix:\/\/.*c\.sock\.ttrpc did not answer within 1 s; /)
})
