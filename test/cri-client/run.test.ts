import '../support/jail.ts'
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { peer } from './peer.ts'
import { openRuntime } from './runtime.ts'

const runtime = openRuntime()

test('run from flags shows both outputs, ends with the container\'s code and leaves nothing with --rm', async () => {
  const { cri, busybox } = runtime
  const { code, stdout, stderr } = await cri.run(['run', '--rm', '-e', 'A=b', '--user', '1000', '-w', '/tmp', busybox, 'sh', '-c', 'echo $A $(id -u) $PWD; echo err >&2; exit 3'])
  assert.deepEqual([code, stdout, stderr], [3, 'b 1000 /tmp\n', 'err\n'])
  assert.equal((await cri.run(['run', '--rm', '-i', busybox, 'cat'], { input: 'through\n' })).stdout, 'through\n')
  const terminal = await cri.run(['run', '--rm', '-it', busybox, 'sh', '-c', 'n=0; until stty size | grep -q "31 71" || [ $((n+=1)) = 100 ]; do sleep 0.1; done; stty size; exit 2'], { terminal: { rows: 31, columns: 71 } })
  assert.deepEqual([terminal.code, /31 71/.test(terminal.stdout)], [2, true], terminal.stdout)
  assert.equal(await cri.ok('pods', '-q'), '')
  const wrong = await cri.run(['run', busybox, 'no-such-program'])
  assert.equal(wrong.code, 127)
  assert.match(wrong.stderr, /^Error: .*(executable file not found|no such command).*\n$/)
  assert.equal(await cri.ok('pods', '-q'), '')
})

test('-u is the user of the container, as in podman, and not that of the registry, as in pull', async () => {
  const { cri, busybox } = runtime
  assert.equal(await cri.ok('run', '--rm', '-u', '1000:2000', busybox, 'sh', '-c', 'id -u; id -g'), '1000\n2000')
  const [, { request }] = await cri.json('run', '--dry-run', '-u', 'daemon', busybox)
  assert.equal(request.config.linux.securityContext.runAsUsername, 'daemon')
})

test('run --rm leaves nothing when it is interrupted, and is refused where nobody waits', async () => {
  const { cri, busybox } = runtime
  for (const [signal, interrupted] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
    const running = cri.start(['run', '--rm', busybox, 'sh', '-c', 'echo ready; sleep 1000'])
    while (!running.stdout().includes('ready')) await sleep(20)
    // as timeout(1) does: to the command, and to its group
    for (let times = 0; times < 2; times++) running.child.kill(signal)
    const { code, stderr } = await running.end()
    assert.deepEqual([code, stderr], [interrupted, `Error: interrupted by ${signal}\n`])
    assert.equal(await cri.ok('pods', '-q'), '')
  }
  assert.match(await cri.fails(125, 'run', '-d', '--rm', busybox), /^Error: --rm and --detach exclude each other[^\n]*\n$/)
})

test('run -d publishes ports, mounts paths and sets limits; top and wait look at it', async () => {
  const { cri, crictl, busybox, dir } = runtime
  writeFileSync(join(dir, 'page'), 'mounted\n')
  const id = await cri.ok('run', '-d', '--name', 'web', '-p', '127.0.0.1:8765:80', '-v', `${dir}/page:/data/page:ro`, '-m', '64m', '--cpus', '0.5', '--cap-drop', 'all', '--cap-add', 'net_bind_service', '--label', 'a=b', busybox, 'httpd', '-f', '-h', '/data')
  const { info, status } = await crictl.json('inspect', id)
  if (peer.showsSpec) {
    assert.deepEqual(info.runtimeSpec.linux.resources.memory.limit, 64 * 1024 * 1024)
    const { quota, period } = info.runtimeSpec.linux.resources.cpu
    assert.deepEqual([quota, period], [50000, 100000])
  }
  assert.match(await cri.ok('exec', id, 'grep', 'CapBnd', '/proc/self/status'), /\t0000000000000400$/)
  assert.equal(status.labels.a, 'b')
  const ip = (await crictl.json('inspectp', '--name', 'web')).status.network.ip
  const answer = await fetch(`http://${ip}/page`, { headers: { connection: 'close' } })
  assert.equal(await answer.text(), 'mounted\n')
  assert.match(await cri.ok('top', id), /^PID +PPID +UID +STATE +RSS +COMMAND\n\d+ +\d+ +0 +\S +\d+ kB +httpd -f -h \/data$/)
  const waiting = cri.start(['wait', id])
  await sleep(200)
  await cri.ok('stop', id)
  assert.equal((await waiting.end()).stdout, '137\n')
  await cri.ok('rmp', '-a', '-f')
})

test('runp and create from flags put a container into a pod', async () => {
  const { cri, busybox } = runtime
  const pod = await cri.ok('runp', '--name', 'box', '--hostname', 'boat')
  const container = await cri.ok('create', '--name', 'shell', pod, busybox, 'sh', '-c', 'hostname; exit 4')
  await cri.ok('start', container)
  assert.equal(await cri.ok('wait', container), '4')
  const { status } = await cri.json('inspect', '-q', container)
  assert.equal(status.metadata.name, 'shell')
  assert.equal(status.labels['io.kubernetes.pod.name'], 'box')
  await cri.ok('rmp', '-f', pod)
})

test('--dry-run prints the messages and sends none', async () => {
  const { cri, busybox } = runtime
  const plan = await cri.json('run', '--dry-run', '--name', 'x', '--network', 'host', '-p', '53:53/udp', '--security-opt', 'seccomp=unconfined', busybox, 'true')
  assert.deepEqual(plan.map(({ rpc }: { rpc: string }) => rpc), ['RunPodSandbox', 'CreateContainer', 'StartContainer'])
  assert.equal(plan[0].request.config.linux.securityContext.namespaceOptions.network, 'NODE')
  assert.deepEqual(plan[0].request.config.portMappings, [{ protocol: 'UDP', containerPort: 53, hostPort: 53, hostIp: '' }])
  assert.equal(plan[1].request.config.linux.securityContext.seccomp.profileType, 'Unconfined')
  assert.deepEqual(plan[1].request.config.args, ['true'])
  assert.equal(await cri.ok('pods', '-q'), '')
  for (const [flags, message] of [
    [['-v', 'volume:/x'], 'the CRI has no named volumes'], [['-p', 'x'], 'no port to publish'], [['-p', '80'], 'chooses no port of the node; give one, such as 80:80'], [['--network', 'none'], 'nothing that the CRI knows'], [['--security-opt', 'label=disable'], 'the CRI cannot express'],
  ] as const) assert.match(await cri.fails(1, 'run', '--dry-run', ...flags, busybox), new RegExp(`^Error: .*${message}`))
})

test('files are taken for exactly two arguments, and always under the name crictl', async () => {
  const { cri, crictl, busybox, dir } = runtime
  const [pod, container] = [join(dir, 'two-pod.json'), join(dir, 'two-container.json')]
  writeFileSync(pod, JSON.stringify({ metadata: { name: 'two', namespace: 'default', uid: 'two' }, log_directory: join(dir, 'logs/two'), linux: {} }))
  writeFileSync(container, JSON.stringify({ metadata: { name: 'main' }, image: { image: busybox }, command: ['sleep', '100'], log_path: 'main.log', linux: {} }))
  for (const program of [crictl, cri]) {
    assert.match(await program.ok('run', container, pod), /^[\da-f]{64}$/)
    await program.ok('rmp', '-a', '-f')
  }
  assert.match(await crictl.fails(1, 'run', busybox), /^Error: run needs two files/)
})

test('trace passes calls on unharmed, shows them, and keeps no secrets', async () => {
  const { cri, busybox, dir, endpoint } = runtime
  const [socket, record] = [join(dir, 'traced.sock'), join(dir, 'calls.jsonl')]
  const tracing = cri.start(['trace', endpoint, '--listen', socket, '--record', record])
  while (!existsSync(socket)) await sleep(20)
  const env = { CONTAINER_RUNTIME_ENDPOINT: `unix://${socket}` }
  const ran = await cri.run(['run', '--rm', '--name', 'seen', '-e', 'DB_PASSWORD=hush', busybox, 'echo', 'through'], { env })
  assert.deepEqual([ran.code, ran.stdout], [0, 'through\n'], ran.stderr)
  assert.equal((await cri.run(['inspect', 'nope'], { env })).code, 2)
  assert.equal((await cri.run(['inspectp', 'nope'], { env })).code, 2)
  assert.equal((await cri.run(['pull', '--creds', 'ada:lovelace', `${runtime.registry.host}/nope:1`], { env })).code, 2)
  const many = await Promise.all(Array.from({ length: 8 }, () => cri.run(['images', '-o', 'json'], { env })))
  assert.ok(many.every(({ code, stdout }) => code === 0 && stdout === many[0]!.stdout))
  const streamed = await runtime.run({ name: 'streamed', command: ['sleep', '1000'] })
  const large = Buffer.alloc(50 * 1024 * 1024, 'scow trace')
  for (const transport of ['spdy', 'websocket']) {
    const back = await cri.run(['exec', '-i', '-r', transport, streamed.container, 'sh', '-c', `head -c ${large.length} | md5sum`], { env, input: large })
    assert.deepEqual([back.code, back.stdout.split(' ')[0]], [0, createHash('md5').update(large).digest('hex')], back.stderr)
    const out = await cri.run(['exec', '-r', transport, streamed.container, 'sh', '-c', `yes scow | head -c ${large.length}`], { env })
    assert.deepEqual([out.code, out.stdout.length], [0, large.length], out.stderr)
  }
  await runtime.crictl.ok('rmp', '-f', streamed.pod)
  tracing.child.kill('SIGINT')
  const { code, stdout } = await tracing.end()
  assert.equal(code, 0)
  assert.match(stdout, /^\d\d:\d\d:\d\d\.\d{3} +\d+ ms  RunPodSandbox +default\/seen  [\da-f]{13}$/m)
  assert.match(stdout, / ContainerStatus +nope  NotFound: /)
  assert.ok(!existsSync(socket))
  const text = readFileSync(record, 'utf8')
  assert.ok(!/hush|lovelace/.test(text))
  const calls = text.trim().split('\n').map((line) => JSON.parse(line))
  assert.ok(calls.every(({ rpc, durationMs, time, version }) => typeof rpc === 'string' && durationMs >= 0 && time && (version === peer.api || version === 'v1')))
  const page = await cri.ok('trace', 'show', record)
  // where v1 is not known, the first call of each client fails too
  assert.match(page, new RegExp(`^${calls.length} calls, ${peer.api === 'v1' ? '3' : '\\d+'} failed\n`))
  assert.match(page, /^Slowest:$/m)
  assert.match(page, /^default\/seen:\n  \S+ +\d+ ms  RunPodSandbox /m)
  assert.match(await cri.ok('trace', 'show', '--pod', 'seen', record), /RunPodSandbox[^]*CreateContainer[^]*StartContainer[^]*RemovePodSandbox/)
  assert.match(await cri.fails(2, 'trace', 'show', '--pod', 'never-seen', record), /^Error: no call in \S+ is for never-seen\n$/)
  writeFileSync(record, text.slice(0, -20))
  const cut = await cri.run(['trace', 'show', record])
  assert.match(cut.stdout, new RegExp(`^${calls.length - 1} calls, `))
  assert.match(cut.stderr, new RegExp(`^left out, as no lines of a recording: 1, the first at ${record}:${calls.length}\n$`))
  assert.match(await cri.fails(3, 'trace', '/tmp/nope.sock', '--listen', socket), /^Error: there is no socket \/tmp\/nope\.sock/)
  assert.match(await cri.fails(1, 'trace', endpoint, '--listen', 'tcp://127.0.0.1:1'), /^Error: cannot listen on tcp:[^\n]* no unix socket; [^\n]+\n$/)
})

test('why tells how a container ended and what to try', async () => {
  const { cri } = runtime
  const failed = await runtime.run({ name: 'sick', command: ['sh', '-c', 'echo last words >&2; exit 127'] })
  await cri.ok('wait', failed.container)
  const page = await cri.ok('why', failed.container.slice(0, 12))
  assert.match(page, /^Cause\n  container main: it ended with 127: the command was not found\nPod default\/sick \([\da-f]{13}, attempt 0\)\n  ready, created /)
  assert.match(page, /\n  exited with 127 \(Error\): the command was not found\n/)
  assert.match(page, /\n  err \| last words\n/)
  assert.match(page, /\nWhat to try\n  - does the image have this command, and is PATH right\?/)
  const hungry = await runtime.run({ name: 'hungry', command: ['sh', '-c', 'a=x; while true; do a=$a$a; done'], container: { linux: { resources: { memory_limit_in_bytes: 16 * 1024 * 1024 } } } })
  await cri.ok('wait', hungry.container)
  const { findings, advice } = await cri.json('why', '-o', 'json', 'hungry')
  assert.match(findings[2].lines[0], /^exited with 137 \(OOMKilled\): the kernel killed it because its memory was used up$/)
  assert.equal(advice[0], 'give it more memory, or make it use less')
  assert.match(await cri.fails(2, 'why', 'nobody'), /^Error: neither a pod nor a container is called nobody/)
  await cri.ok('rmp', '-f', failed.pod, hungry.pod)
})

test('run jsonschema prints what the files of pods and containers may hold', async () => {
  const { crictl, cri } = runtime
  const { Ajv2020 } = await import('ajv/dist/2020.js')
  const pod = await crictl.json('run', 'jsonschema', '-p')
  const isPod = new Ajv2020({ strict: false }).compile(pod)
  assert.ok(isPod({ metadata: { name: 'a', namespace: 'b', attempt: 1 }, log_directory: '/l', linux: { security_context: { namespace_options: { network: 2, pid: 'CONTAINER' } } }, port_mappings: [{ host_port: 80 }] }))
  assert.ok(!isPod({ metadata: { nam: 'a' } }))
  const isContainer = new Ajv2020({ strict: false }).compile(await cri.json('run', 'jsonschema', '--container-config'))
  assert.ok(isContainer({ image: { image: 'x' }, linux: { resources: { memory_limit_in_bytes: 1 } }, envs: [{ key: 'a', value: 'b' }] }))
  assert.ok(!isContainer({ linux: { resources: { memory_limit_in_bytes: 'much' } } }))
  assert.match(await crictl.fails(1, 'run', 'jsonschema'), /^Error: jsonschema needs one of /)
})

test('crictl completes its own commands in every shell, and takes all its flags', async () => {
  const { crictl } = runtime
  for (const shell of ['bash', 'zsh', 'fish']) assert.match(await crictl.ok('completion', shell), /crictl __complete/)
  assert.match(await crictl.fails(1, 'completion', 'tcsh'), /^Error: there is no completion for "tcsh"; [^\n]*\n$/)
  assert.match(await crictl.fails(1, 'completion', 'bash', 'zsh'), /^Error: crictl completion takes at most 1, got 2: [^\n]*see 'crictl completion --help'\n$/)
  assert.match(await crictl.ok('__complete', '--', 'inspect'), /^inspect\b[^]*^inspecti\b[^]*^inspectp\b/m)
  assert.match(await crictl.ok('__complete', '--', 'ps', '--no-t'), /^--no-trunc/)
  await crictl.ok('--enable-tracing', '--tracing-endpoint', '127.0.0.1:1', '--tracing-sampling-rate-per-million=1', '--profile-cpu', '/nope/x', '--profile-mem=/nope/y', 'version')
  assert.match(await crictl.ok('help'), /^Usage: crictl /)
  assert.equal(await crictl.ok('images', '-q', 'busybox'), await crictl.ok('images', '-q', runtime.busybox))
})
