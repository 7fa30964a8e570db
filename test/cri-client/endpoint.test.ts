import '../support/jail.ts'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test, { afterEach } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openProgram, type Program } from './program.ts'
import { peer } from './peer.ts'
import { openRuntime } from './runtime.ts'

/** `scow` with --endpoint, and without: on its own roots. */
let scow: Program
let local: Program
const runtime = openRuntime(async ({ dir, endpoint }) => {
  for (const name of ['there', 'here']) mkdirSync(join(dir, name))
  scow = openProgram({ dir: join(dir, 'there'), name: 'scow', before: ['--endpoint', endpoint], env: { HOME: dir } })
  local = openProgram({ dir: join(dir, 'here'), name: 'scow', env: { HOME: dir, SCOW_ROOT: join(dir, 'own'), SCOW_RUNROOT: join(dir, 'own-run') } })
})
/** A test that fails leaves nothing for the next. */
afterEach(async () => { await runtime.crictl.run(['rmp', '-a', '-f']) })
const ID = /^[\da-f]{64}$/

/** Folders of logs that containers of this name left; the folder of all is the machine's own. */
const logsOf = (name: string): string[] => (existsSync('/var/log/pods') ? readdirSync('/var/log/pods') : []).filter((folder) => folder.startsWith(`default_${name}_`))

test('run shows both outputs, ends with the container\'s code and leaves nothing with --rm', async () => {
  const { busybox, crictl } = runtime
  const name = `fore-${randomUUID()}`
  const ran = await scow.run(['run', '--rm', '--name', name, '-e', 'A=b', '-u', '1000', '-w', '/tmp', busybox, 'sh', '-c', 'echo $A $(id -u) $PWD; echo err >&2; exit 3'])
  assert.deepEqual(ran, { code: 3, stdout: 'b 1000 /tmp\n', stderr: 'err\n' })
  assert.equal((await scow.run(['run', '--rm', '-i', busybox, 'cat'], { input: 'through\n' })).stdout, 'through\n')
  assert.equal((await scow.run(['run', '--rm', '-i', busybox, 'echo', 'at once'], { input: '' })).stdout, 'at once\n')
  assert.match((await scow.run(['run', '--rm', '-i', '-a', 'stdin', busybox, 'cat'], { input: 'unseen\n' })).stdout, /^[\da-f]{64}\n$/)
  const terminal = await scow.run(['run', '--rm', '-it', busybox, 'sh', '-c', 'n=0; until stty size | grep -q "31 71" || [ $((n+=1)) = 100 ]; do sleep 0.1; done; stty size; exit 2'], { terminal: { rows: 31, columns: 71 } })
  assert.deepEqual([terminal.code, /31 71/.test(terminal.stdout)], [2, true], terminal.stdout)
  const wrong = await scow.run(['run', '--rm', busybox, 'no-such-program'])
  assert.equal(wrong.code, 127)
  assert.match(wrong.stderr, /^Error: .*(executable file not found|no such command).*\n$/)
  assert.equal(await crictl.ok('pods', '-q'), '')
  assert.deepEqual(logsOf(name), [])
})

test('logs of another node can be followed', async () => {
  const { dir, crictl } = runtime
  const far = await runtime.run({ name: 'far', command: ['sh', '-c', 'while ! [ -e /tmp/go ]; do sleep 0.1; done; echo after; exec sleep 1000'] })
  renameSync(join(dir, 'logs'), join(dir, 'logs-away'))
  try {
    assert.match(await scow.fails(125, 'logs', 'main'), /^Error: cannot read the log [^\n]*--follow[^\n]*\n$/)
    const following = scow.start(['logs', '-f', 'main'])
    while (!following.stderr().includes('from now on')) await sleep(50)
    await sleep(500)
    await crictl.ok('exec', far.container, 'touch', '/tmp/go')
    while (!following.stdout().includes('after')) await sleep(50)
    following.child.kill('SIGINT')
    await following.end()
  } finally {
    renameSync(join(dir, 'logs-away'), join(dir, 'logs'))
  }
})

test('a container has the life that it has here: run -d, ps, exec, logs, top, port, inspect, stop, wait, rm', async () => {
  const { busybox, dir, crictl } = runtime
  writeFileSync(join(dir, 'page'), 'mounted\n')
  const cidfile = join(dir, 'cid')
  const id = await scow.ok('run', '-d', '--name', 'web', '--cidfile', cidfile, '-p', '127.0.0.1:8765:80', '-v', `${dir}/page:/data/page:ro`, '-m', '64m', '--label', 'a=b', busybox, 'sh', '-c', 'echo ready; echo bad >&2; exec httpd -f -h /data')
  assert.match(id, ID)
  const logs = dirname(dirname(JSON.parse(await crictl.ok('inspect', id)).status.logPath))
  assert.match(logs, /^\/var\/log\/pods\/default_web_/)
  assert.match(await scow.fails(125, 'run', '-d', '--name', 'web', busybox, 'true'), /^Error: the name "web" is already in use by container [\da-f]{12}; /)
  const [heading, row, ...more] = (await scow.ok('ps')).split('\n')
  assert.match(heading!, /^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES$/)
  assert.match(row!, new RegExp(`^${id.slice(0, 12)}  ${busybox}  sh -c echo ready;\\.\\.\\.  .* ago  +Up .* ago  +127\\.0\\.0\\.1:8765->80/tcp  web$`))
  assert.deepEqual(more, [])
  assert.equal(await scow.ok('port', 'web', '80'), '127.0.0.1:8765')
  assert.deepEqual(await scow.run(['exec', 'web', 'sh', '-c', 'cat /data/page; echo err >&2; exit 4']), { code: 4, stdout: 'mounted\n', stderr: 'err\n' })
  assert.equal((await scow.run(['exec', '-i', 'web', 'cat'], { input: 'x' })).stdout, 'x')
  assert.equal((await scow.run(['exec', 'web', 'no-such-program'])).code, 127)
  assert.deepEqual(await scow.run(['logs', 'web']), { code: 0, stdout: 'ready\n', stderr: 'bad\n' })
  assert.match(await scow.ok('logs', '-t', '--tail', '2', '-n', 'web'), /^web 20\d\d-\S+T\S+ ready$/)
  assert.equal((await scow.run(['logs', '--until', '1h', '--since', '1h', 'web'])).stdout, 'ready\n')
  assert.equal((await scow.run(['logs', '--until', '2020-01-01', 'web'])).stdout, '')
  assert.match(await scow.ok('top', 'web', 'pid', 'args'), /^PID +COMMAND\n1 +httpd -f -h \/data *$/)
  const [inspected] = await scow.json('inspect', 'web')
  assert.deepEqual([inspected.Id, inspected.Name, inspected.State.Status, inspected.ImageName, inspected.Config.Labels.a, inspected.Path], [id, 'web', 'running', busybox, 'b', 'sh'])
  assert.deepEqual(inspected.NetworkSettings.Ports, { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8765' }] })
  assert.match(inspected.NetworkSettings.IPAddress, /^10\.77\.0\.\d+$/)
  assert.deepEqual(inspected.Mounts.map(({ Source, Destination, RW }: Record<string, unknown>) => [Source, Destination, RW]), [[join(dir, 'page'), '/data/page', false]])
  assert.equal(inspected.HostConfig.Memory, 64 * 1024 * 1024)
  assert.equal(await scow.ok('inspect', '-f', '{{.State.Running}} {{.HostConfig.RestartPolicy.Name}}', id.slice(0, 12)), 'true no')
  const answer = await fetch(`http://${inspected.NetworkSettings.IPAddress}/page`, { headers: { connection: 'close' } })
  assert.equal(await answer.text(), 'mounted\n')
  const waiting = scow.start(['wait', 'web'])
  assert.match(await scow.fails(2, 'rm', 'web'), /^Error: cannot remove container web \([\da-f]{12}\) as it is running; stop it first, or remove it with --force\n$/)
  await sleep(100)
  assert.equal(await scow.ok('stop', '-t', '1', 'web'), 'web')
  assert.equal((await waiting.end()).stdout, '137\n')
  assert.equal((await scow.ok('ps')).split('\n').length, 1)
  assert.equal(await scow.ok('ps', '-a', '--filter', 'exited=137', '--format', '{{.Names}} {{.Image}} {{.Labels.a}}'), `web ${busybox} b`)
  assert.match(await scow.ok('ps', '-a', '--format', '{{.Status}}'), /^Exited \(137\) /)
  assert.match(await scow.fails(125, 'start', 'web'), /^Error: container [\da-f]{12} has ended, and the CRI starts a container only once; /)
  assert.match(await scow.fails(125, 'exec', 'web', 'true'), /^Error: cannot exec: container web is not running \(exited\)/)
  assert.equal(await scow.ok('rm', 'web'), 'web')
  assert.equal(await crictl.ok('pods', '-q'), '')
  assert.equal(existsSync(logs), false)
  assert.equal((await scow.run(['container', 'exists', 'web'])).code, 1)
  assert.match(await scow.fails(1, 'rm', 'web'), /^Error: no container with name or ID "web" found: no such container\n$/)
  assert.equal(await scow.ok('rm', '-f', 'web'), '')
})

test('files are copied into a container, out of it, and not where it does not run', async () => {
  const { busybox, dir } = runtime
  await scow.ok('run', '-d', '--name', 'files', busybox, 'sleep', '100')
  writeFileSync(join(dir, 'sent'), 'sent\n')
  assert.equal(await scow.ok('cp', join(dir, 'sent'), 'files:/root/'), '')
  assert.equal(await scow.ok('exec', 'files', 'cat', '/root/sent'), 'sent')
  await scow.ok('cp', 'files:/root/sent', join(dir, 'back'))
  assert.equal(readFileSync(join(dir, 'back'), 'utf8'), 'sent\n')
  await scow.ok('stop', '-t', '0', 'files')
  assert.match(await scow.fails(125, 'cp', 'files:/root/sent', dir), /^Error: container files is not running \(exited\): the CRI reaches the files of running containers alone; [^\n]+\n$/)
  await scow.ok('rm', 'files')
})

test('the kubelet\'s containers answer to their own names while one pod alone has them, and to k8s_ names', async () => {
  const first = await runtime.run({ name: 'first', command: ['sleep', '100'], container: { annotations: { 'io.kubernetes.container.ports': '[{"containerPort":53,"protocol":"UDP","hostPort":5353},{"containerPort":9153}]' } } })
  const [name] = (await scow.json('ps', '--format', 'json'))[0].Names
  assert.match(name, /^k8s_main_first_default_uid-\d+_0$/)
  assert.equal(await scow.ok('exec', 'main', 'echo', 'hi'), 'hi')
  assert.equal(await scow.ok('ps', '-q', '--no-trunc', '--filter', 'name=^main$'), first.container)
  assert.equal(await scow.ok('ps', '--format', '{{.Ports}}'), '0.0.0.0:5353->53/udp, 9153/tcp')
  const second = await runtime.run({ name: 'second', command: ['sh', '-c', 'exit 7'] })
  assert.equal(await scow.ok('wait', second.container.slice(0, 12)), '7')
  assert.match(await scow.fails(125, 'exec', 'main', 'true'), /^Error: more than one container is called main: k8s_main_first_\S+, k8s_main_second_\S+; give its whole name, or its id\n$/)
  assert.equal(await scow.ok('exec', name, 'echo', 'hi'), 'hi')
  assert.match(await scow.ok('ps', '-a', '--pod', '--no-trunc', '--filter', 'status=exited'), new RegExp(`${second.container} .* ${second.pod.slice(0, 12)}  second$`))
  assert.equal(await scow.ok('ps', '-aq', '--no-trunc', '--filter', 'pod=first'), first.container)
  assert.equal(await scow.ok('ps', '-aq', '--no-trunc', '--filter', `before=${second.container}`), first.container)
  assert.equal(await scow.ok('ps', '-lq', '--no-trunc'), second.container)
  assert.equal(await scow.ok('ps', '-aq', '--no-trunc', '--filter', `ancestor=${runtime.busybox}`, '--filter', 'command=sleep'), first.container)
  const [heading, newest] = (await scow.ok('pod', 'ps', '--ctr-status')).split('\n')
  assert.match(heading!, /^POD ID +NAME +STATUS +CREATED +INFRA ID +STATUS$/)
  assert.match(newest!, new RegExp(`^${second.pod.slice(0, 12)}  second +Degraded +.* ago +exited$`))
  assert.equal(await scow.ok('pod', 'ps', '--format', '{{.Name}} {{.Status}} {{.NumberOfContainers}}', '--filter', 'name=first'), 'first Running 1')
  assert.deepEqual((await scow.json('inspect', '--type', 'pod', 'second'))[0].Containers.map(({ Id }: { Id: string }) => Id), [second.container])
  assert.match(await scow.fails(125, 'kill', '-s', 'HUP', name), /^Error: --signal cannot be expressed over the CRI .*exec CONTAINER kill -SIGNAL 1\n$/)
  assert.equal(await scow.ok('kill', name), name)
  assert.equal(await scow.ok('wait', name), String(peer.killedCode))
  assert.equal((await scow.ok('container', 'prune', '-f')).split('\n').sort().join(), [first.container, second.container].sort().join())
  await runtime.crictl.ok('rmp', '-f', first.pod, second.pod)
})

test('images are listed, filtered, inspected, pulled and removed as here', async () => {
  const { busybox, registry } = runtime
  const [heading, ...rows] = (await scow.ok('images')).split('\n')
  assert.match(heading!, /^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$/)
  assert.ok(rows.some((row) => new RegExp(`^${registry.host}/busybox  +1 +[\\da-f]{12}  .* ago +[\\d.]+ [kM]B$`).test(row)), rows.join('\n'))
  const id = await scow.ok('images', '-q', '--no-trunc', busybox)
  assert.equal(await scow.ok('images', '--filter', 'label=kind=busybox', '--format', '{{.Repository}}:{{.Tag}}'), busybox)
  assert.equal(await scow.ok('images', '-q', '--filter', 'reference=*/nothing'), '')
  const [image] = await scow.json('image', 'inspect', busybox)
  assert.deepEqual([`sha256:${image.Id}`, image.RepoTags, image.Config.Cmd, image.Os], [id, [busybox], ['sh'], 'linux'])
  assert.equal(await scow.ok('inspect', '--type', 'image', '-f', '{{.Architecture}}', 'busybox:1'), image.Architecture)
  assert.equal((await scow.run(['image', 'exists', 'nothing'])).code, 1)
  assert.equal((await scow.run(['image', 'exists', busybox])).code, 0)
  assert.equal(await scow.ok('create', '--name', 'user', busybox, 'sleep', '100').then((made) => ID.test(made)), true)
  assert.match(await scow.fails(2, 'rmi', busybox), /^Error: image [\da-f]{12} is used by container [\da-f]{12}; /)
  assert.equal(await scow.ok('ps', '-a', '--format', '{{.Names}} {{.Status}}'), 'user Created')
  assert.equal(await scow.ok('start', 'user'), 'user')
  assert.equal(await scow.ok('start', 'user'), 'user')
  assert.equal(await scow.ok('rm', '-f', '-t', '0', 'user'), 'user')
  assert.equal(await scow.ok('rmi', busybox), `Untagged: ${busybox}\nDeleted: ${image.Id}`)
  assert.match(await scow.fails(1, 'rmi', busybox), /: image not known; pull it first/)
  assert.match(await scow.fails(125, 'run', '--pull', 'never', busybox), /: image not known; /)
  assert.equal(await scow.ok('pull', '-q', busybox), image.Id)
  assert.equal(await scow.ok('pull', '-q', '--policy', 'missing', busybox), image.Id)
})

test('version, info and completion speak of the runtime', async () => {
  const { endpoint } = runtime
  assert.match(await scow.ok('version'), /^Client: +scow\n[^]*\n\nServer: +(containerd|scow|cri-o|docker)\nVersion: +\S+\nAPI Version: +\S+$/)
  assert.equal(await scow.ok('version', '--format', '{{.Server.APIVersion}}'), peer.api)
  const info = await scow.json('info', '--format', 'json')
  assert.deepEqual([info.host.serviceIsRemote, info.host.remoteSocket.path, info.host.ociRuntime.name === '' ], [true, endpoint, false])
  assert.ok(info.store.imageStore.number >= 1)
  const id = await scow.ok('run', '-d', '--name', 'completed', runtime.busybox, 'sleep', '100')
  assert.equal((await local.run(['__complete', '--', '--endpoint', endpoint, 'exec', 'comp'])).stdout, 'completed\n')
  await scow.ok('rm', '-f', '-t', '0', id)
})

test('what ends a program stops a container in the foreground; the detach keys leave it, and attach comes back', async () => {
  const { busybox } = runtime
  const running = scow.start(['run', '--rm', '--name', 'fore', busybox, 'sh', '-c', 'trap "echo bye; exit 9" TERM; echo up; while true; do sleep 0.1; done'])
  while (!running.stdout().includes('up')) await sleep(20)
  running.child.kill('SIGINT')
  const { code, stdout } = await running.end()
  assert.deepEqual([code, stdout], [9, 'up\nbye\n'])
  const terminal = { rows: 24, columns: 80 }
  const left = scow.start(['run', '-it', '--name', 'tty', busybox, 'sh'], { terminal, typed: true })
  while (!left.stdout().includes('/ # ')) await sleep(20)
  left.child.stdin!.write('\x10\x11')
  assert.equal((await left.end()).code, 0, left.stdout())
  assert.equal(await scow.ok('ps', '--format', '{{.Names}}'), 'tty')
  const back = scow.start(['attach', 'tty'], { terminal, typed: true })
  // what is typed before the terminal is raw may be lost
  for (let tries = 0; !back.stdout().includes('42') && tries < 100; tries++) { back.child.stdin!.write('echo $((40+2))\n'); await sleep(100) }
  back.child.stdin!.write('exit 5\n')
  assert.equal((await back.end()).code, 5, back.stdout())
  await scow.ok('rm', 'tty')
})

test('create and start are run in two steps, and logs -f ends with the container', async () => {
  const { busybox } = runtime
  await scow.ok('create', '-i', '--name', 'two', busybox, 'sh', '-c', 'cat; sleep 0.3; exit 6')
  const started = await scow.run(['start', '-ai', 'two'], { input: 'typed\n' })
  assert.deepEqual([started.code, started.stdout], [6, 'typed\n'], started.stderr)
  await scow.ok('run', '-d', '--name', 'slow', busybox, 'sh', '-c', 'for i in 1 2 3; do echo $i; sleep 0.2; done')
  assert.equal(await scow.ok('logs', '-f', 'slow'), '1\n2\n3')
  assert.equal(await scow.ok('ps', '-a', '--sort', 'names', '--format', '{{.Names}} {{.State}}').then((text) => text.replace(/ \(.*/gm, '')), 'slow Exited\ntwo Exited')
  assert.equal((await scow.ok('rm', '-a')).split('\n').length, 2)
})

test('events come as they happen, or one line says that the runtime has none', async () => {
  if (!peer.hasEvents) return assert.match(await scow.fails(125, 'events'), /^Error: the runtime at unix:\S+ does not have GetContainerEvents/)
  const events = scow.start(['events', '--filter', 'type=container', '--format', '{{.Status}} {{.Name}} {{.ContainerExitCode}}'])
  // it says nothing when it has begun to listen
  for (let n = 0; !events.stdout().includes('died'); n++) { await scow.run(['run', '--rm', '--name', `early${n}`, runtime.busybox, 'true']); await sleep(200) }
  await scow.run(['run', '--rm', '--name', 'seen', runtime.busybox, 'sh', '-c', 'exit 3'])
  while (!events.stdout().includes('died seen')) await sleep(20)
  events.child.kill('SIGINT')
  assert.match((await events.end()).stdout, /^create seen 0\nstart seen 0\ndied seen 3\n/m)
})

test('what the CRI cannot do is one line with 125 that names it and what to use instead', async () => {
  const { busybox, dir, crictl } = runtime
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['pause', 'x'], /^Error: scow pause cannot be done over the CRI \(--endpoint\); the CRI knows no pause: .*\n$/],
    [['network', 'ls'], /^Error: scow network ls cannot be done over the CRI \(--endpoint\); .*\/etc\/cni\/net\.d\n$/],
    [['volume', 'create'], /^Error: scow volume create cannot be done .*run -v \/path:\/path\n$/],
    [['serve'], /^Error: scow serve cannot be done over the CRI \(--endpoint\); it works on this machine only: /],
    [['exec', '-u', '1', 'x', 'id'], /^Error: --user cannot be expressed over the CRI \(--endpoint\); use exec CONTAINER su /],
    [['run', '--tmpfs', '/t', busybox], /^Error: --tmpfs cannot be expressed .*; mount a path of the node with -v\n$/],
    [['run', '-d', '--rm', busybox], /^Error: --detach and --rm together cannot be expressed/],
    [['run', '-p', '80', busybox], /^Error: --publish 80: the CRI chooses no port of the node; give one, such as 80:80\n$/],
    [['run', '-v', 'named:/x', busybox], /^Error: the CRI has no named volumes: "named"; give a path of the node\n$/],
    [['run', '--network', 'none', busybox], /^Error: --network none is nothing that the CRI knows; use host, pod\n$/],
    [['run', '--mount', 'type=tmpfs,dst=/x', busybox], /^Error: --mount type=tmpfs cannot be expressed/],
    [['pull', '--tls-verify=false', busybox], /^Error: --tls-verify cannot be expressed .*; set it in the configuration of the runtime\n$/],
    [['inspect', '--type', 'volume', 'x'], /^Error: --type volume cannot be inspected over the CRI \(--endpoint\): it knows containers, images and pods\n$/],
    [['events', '--since', '1h'], /^Error: --since cannot be expressed/],
    [['--root', '/x', 'ps'], /^Error: --root is about this machine's own engine and does nothing with --endpoint; drop one of them\n$/],
  ]
  for (const [args, line] of cases) assert.match(await scow.fails(125, ...args), line, args.join(' '))
  assert.equal(await crictl.ok('pods', '-q'), '')
  assert.equal(await local.fails(125, '--endpoint', join(dir, 'nope.sock'), 'ps'), `Error: there is no socket ${dir}/nope.sock; start the runtime, or name its socket with --endpoint or SCOW_ENDPOINT\n`)
  assert.match(await local.fails(125, '--endpoint', 'http://x', 'ps'), /^Error: "http:\/\/x" is no address of a runtime; /)
})

test('the environment names the endpoint too, and commands without one stay on this machine', async () => {
  const { endpoint, busybox, crictl } = runtime
  const env = { SCOW_ENDPOINT: endpoint }
  assert.ok((await local.run(['images', '-q'], { env })).stdout.trim().length > 0)
  assert.equal((await local.run(['ps', '-q', '--endpoint', endpoint])).code, 0)
  assert.equal((await local.run(['cri', 'version'], { env })).code, 0)
  assert.equal((await crictl.run(['version'], { env: { SCOW_ENDPOINT: 'unix:///nope' } })).code, 0)
  assert.equal((await local.run(['--version'], { env: { SCOW_ENDPOINT: 'unix:///nope' } })).code, 0)
  assert.equal((await local.run(['--help'], { env: { SCOW_ENDPOINT: 'unix:///nope' } })).code, 0)
  for (const args of [['images', '-q'], ['ps', '-aq'], ['pod', 'ps', '-q']]) assert.equal(await local.ok(...args), '')
  assert.equal((await local.run(['--endpoint=', 'images', '-q'], { env })).stdout, '')
  assert.match(await local.fails(125, 'run', '--pull', 'never', busybox), /image not known/)
})
