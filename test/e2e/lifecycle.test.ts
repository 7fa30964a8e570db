import '../support/jail.ts'
import assert from 'node:assert/strict'
import test from 'node:test'
import { eventually } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()
const status = '{{.State.Status}}'

test('create, start, stop, restart and rm move a container through its states', async (t) => {
  const box = await suite.box(t)
  const state = () => box.ok('inspect', '-f', status, 'c')
  const id = await box.ok('create', '--name', 'c', suite.busybox, 'sh', '-c', 'trap "exit 7" TERM; echo up; while :; do sleep 0.1; done')
  assert.match(id, /^[0-9a-f]{64}$/)
  assert.equal(await state(), 'created')
  assert.equal(await box.ok('start', 'c'), 'c')
  assert.equal(await state(), 'running')
  await box.ok('start', 'c')
  await eventually('its first line', async () => await box.ok('logs', 'c') === 'up')
  assert.equal(await box.ok('stop', 'c'), 'c')
  assert.equal(await box.ok('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'c'), 'exited 7')
  assert.equal(await box.ok('stop', 'c'), 'c')
  const before = await box.ok('inspect', '-f', '{{.State.StartedAt}}', 'c')
  assert.equal(await box.ok('restart', 'c'), 'c')
  assert.equal(await state(), 'running')
  assert.notEqual(await box.ok('inspect', '-f', '{{.State.StartedAt}}', 'c'), before)
  await box.fails(2, 'rm', 'c')
  assert.equal(await box.ok('rm', '-f', 'c'), 'c')
  await box.fails(1, 'rm', 'c')
  assert.equal(await box.ok('rm', '-f', 'c'), '')
})

test('stop kills what does not listen, after its time', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'deaf', suite.busybox, 'sleep', '1000')
  assert.equal(await box.ok('stop', '-t', '1', 'deaf'), 'deaf')
  assert.equal(await box.ok('inspect', '-f', '{{.State.ExitCode}}', 'deaf'), '137')
})

test('a container starts again while another has the whole host mounted, its old root included', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'app', '--stop-timeout', '0', suite.busybox, 'sleep', '1000')
  await box.ok('exec', 'app', 'sh', '-c', 'echo kept >/tmp/file')
  await box.ok('run', '-d', '--name', 'monitor', '--stop-timeout', '0', '-v', '/:/host:ro', suite.busybox, 'sleep', '1000')
  const upper = await box.ok('inspect', '-f', '{{.GraphDriver.Data.UpperDir}}', 'app')
  assert.match(await box.ok('exec', 'monitor', 'cat', '/proc/1/mounts'), new RegExp(`upperdir=${upper}`), 'it is mounted there too')
  await box.ok('restart', 'app')
  assert.equal(await box.ok('exec', 'app', 'cat', '/tmp/file'), 'kept')
  await box.ok('rm', '-f', 'app')
})

test('with a time of -1 nothing is killed, however long it takes', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'slow', suite.busybox, 'sh', '-c', 'trap "sleep 1; exit 5" TERM; echo ready; while :; do sleep 0.1; done')
  await eventually('its trap', async () => await box.ok('logs', 'slow') === 'ready')
  await box.ok('restart', '-t', '-1', 'slow')
  await eventually('its trap again', async () => await box.ok('logs', 'slow') === 'ready\nready')
  await box.ok('stop', '-t', '-1', 'slow')
  assert.deepEqual((await box.ok('events', '--stream=false', '--since', '10m', '--filter', 'event=died', '--format', '{{.ContainerExitCode}}')).split('\n'), ['5', '5'])
})

test('a container that was stopped and started keeps its files and gets a new process', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'keep', suite.busybox, 'sleep', '1000')
  await box.ok('exec', 'keep', 'sh', '-c', 'echo mine >/tmp/file')
  await box.ok('stop', '-t', '0', 'keep')
  await box.ok('start', 'keep')
  assert.equal(await box.ok('exec', 'keep', 'cat', '/tmp/file'), 'mine')
})

test('kill sends the signal that it is given', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'sig', suite.probe, 'signals')
  await eventually('ready', async () => await box.ok('logs', 'sig') === 'ready')
  for (const [name, number] of [['USR1', 10], ['SIGUSR2', 12], ['1', 1]] as const) {
    assert.equal(await box.ok('kill', '-s', name, 'sig'), 'sig')
    await eventually(`signal ${number}`, async () => (await box.ok('logs', 'sig')).endsWith(`signal ${number}`))
  }
  await box.fails(125, 'kill', '-s', 'NOSUCH', 'sig')
  await box.ok('kill', 'sig')
  assert.equal(await box.ok('wait', 'sig'), '137')
  await box.fails(125, 'kill', 'sig')
})

test('wait prints the exit code, at once or when it comes', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'w', suite.busybox, 'sh', '-c', 'sleep 1; exit 9')
  assert.equal(await box.ok('wait', 'w'), '9')
  assert.equal(await box.ok('wait', 'w'), '9')
  await box.ok('run', '-d', '--name', 'v', suite.busybox, 'sleep', '1000')
  const waiting = box.start(['wait', 'w', 'v'])
  await box.ok('kill', 'v')
  assert.equal((await waiting.end()).stdout, '9\n137\n')
  await box.fails(125, 'wait', 'nobody')
  await box.ok('create', '--name', 'never', suite.busybox)
  assert.equal(await box.ok('wait', 'w', 'w', 'never'), '9\n9\n0')
})

test('pause stops the processes and unpause lets them go on', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'p', suite.busybox, 'sh', '-c', 'i=0; while :; do echo $i; i=$((i+1)); sleep 0.05; done')
  await eventually('some lines', async () => await box.ok('logs', 'p') !== '')
  assert.equal(await box.ok('pause', 'p'), 'p')
  assert.equal(await box.ok('inspect', '-f', status, 'p'), 'paused')
  await new Promise((resolve) => { setTimeout(resolve, 300) }) // what was written before is in the log
  const first = await box.ok('logs', 'p')
  await new Promise((resolve) => { setTimeout(resolve, 300) })
  assert.equal(await box.ok('logs', 'p'), first)
  assert.notEqual((await box.scow(['exec', 'p', 'true'])).code, 0)
  assert.equal(await box.ok('unpause', 'p'), 'p')
  await eventually('more lines', async () => await box.ok('logs', 'p') !== first)
  await box.fails(125, 'unpause', 'p')
})

test('exec runs beside the container with its own exit code, user, folder, environment and input', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'e', '-e', 'FROM=container', suite.busybox, 'sleep', '1000')
  assert.deepEqual(await box.scow(['exec', 'e', 'sh', '-c', 'echo out; echo err >&2; exit 6']), { code: 6, stdout: 'out\n', stderr: 'err\n' })
  assert.equal(await box.ok('exec', '-u', 'ada', '-w', '/tmp', '-e', 'X=1', 'e', 'sh', '-c', 'echo $X $FROM $(pwd) $(id -un)'), '1 container /tmp ada')
  assert.equal((await box.scow(['exec', '-i', 'e', 'cat'], { input: 'in' })).stdout, 'in')
  await box.fails(127, 'exec', 'e', 'nosuch')
  await box.fails(126, 'exec', 'e', '/etc')
  await box.fails(125, 'exec', 'nobody', 'true')
  await box.fails(137, 'exec', 'e', 'sh', '-c', 'kill -9 $$')
  assert.match(await box.ok('exec', '-d', 'e', 'sh', '-c', 'echo detached >/tmp/d'), /^[0-9a-f]{64}$/)
  await eventually('what exec -d wrote', async () => (await box.scow(['exec', 'e', 'cat', '/tmp/d'])).stdout === 'detached\n')
  const terminal = await box.scow(['exec', '-t', 'e', 'stty', 'size'], { terminal: { rows: 20, columns: 70 } })
  assert.equal(terminal.stdout, '20 70\r\n')
  await box.ok('stop', '-t', '0', 'e')
  assert.notEqual((await box.scow(['exec', 'e', 'true'])).code, 0)
})

test('rename gives a container a new name and the old one is free', async (t) => {
  const box = await suite.box(t)
  const id = await box.ok('create', '--name', 'old', suite.busybox)
  await box.ok('create', '--name', 'taken', suite.busybox)
  assert.equal(await box.ok('rename', 'old', 'new'), '')
  assert.equal(await box.ok('inspect', '-f', '{{.Id}}', 'new'), id)
  assert.match(await box.fails(125, 'rename', 'new', 'taken'), /in use by .* or choose another name\n$/)
  await box.ok('create', '--name', 'old', suite.busybox)
})

test('on-failure restarts a failing container as often as it was told', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'r', '--restart', 'on-failure:2', suite.busybox, 'sh', '-c', 'echo run; exit 3')
  await eventually('three runs', async () => await box.ok('logs', 'r') === 'run\nrun\nrun')
  await eventually('its end', async () => await box.ok('inspect', '-f', status, 'r') === 'exited')
  assert.equal(await box.ok('inspect', '-f', '{{.RestartCount}} {{.State.ExitCode}}', 'r'), '2 3')
  await box.ok('run', '-d', '--name', 'fine', '--restart', 'on-failure:2', suite.busybox, 'sh', '-c', 'echo run')
  assert.equal(await box.ok('wait', 'fine'), '0')
  assert.equal(await box.ok('logs', 'fine'), 'run')
})

test('always restarts whatever happens, and a stop is a stop', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'a', '--restart', 'always', suite.busybox, 'sh', '-c', 'echo run; sleep 0.2')
  await eventually('two more runs', async () => (await box.ok('logs', 'a')).split('\n').length >= 3)
  await box.ok('stop', '-t', '1', 'a')
  const runs = await box.ok('logs', 'a')
  await new Promise((resolve) => { setTimeout(resolve, 1500) })
  assert.equal(await box.ok('logs', 'a'), runs)
  assert.equal(await box.ok('inspect', '-f', status, 'a'), 'exited')
})

test('kill ends what always restarts, and another signal leaves its policy alone', async (t) => {
  const box = await suite.box(t)
  const log = () => box.ok('logs', 'k')
  await box.ok('run', '-d', '--name', 'k', '--restart', 'always', suite.busybox, 'sh', '-c', 'trap "echo hup" HUP; echo up; while :; do sleep 0.1; done')
  await eventually('its start', async () => (await log()).includes('up'))
  await box.ok('kill', '-s', 'HUP', 'k')
  await eventually('its trap', async () => (await log()).includes('hup'))
  await box.ok('restart', '-t', '0', 'k')
  await box.ok('kill', 'k')
  assert.equal(await box.ok('wait', 'k'), '137')
  await box.ok('container', 'cleanup', 'k')
  assert.equal(await box.ok('inspect', '-f', '{{.State.Status}} {{.State.StoppedByUser}} {{.RestartCount}}', 'k'), 'exited true 0')
  await box.ok('start', 'k')
  assert.equal(await box.ok('inspect', '-f', status, 'k'), 'running')
  await box.ok('rm', '-f', '-t', '0', 'k')
})

test('ps lists what runs, and all with -a, by filter and format', async (t) => {
  const box = await suite.box(t)
  const up = await box.ok('run', '-d', '--name', 'up', '-l', 'k=v', suite.busybox, 'sleep', '1000')
  const out = await box.ok('create', '--name', 'out', suite.busybox, 'true')
  const names = async (...args: string[]) => (await box.ok('ps', '--format', '{{.Names}}', ...args)).split('\n').filter(Boolean).sort()
  assert.deepEqual(await names(), ['up'])
  assert.deepEqual(await names('-a'), ['out', 'up'])
  for (const [filter, expected] of [
    ['name=up', ['up']], ['name=^u', ['up']], ['status=created', ['out']], ['status=running', ['up']], ['label=k', ['up']], ['label=k=v', ['up']],
    ['label=k=w', []], [`id=${out.slice(0, 12)}`, ['out']], [`ancestor=${suite.busybox}`, ['out', 'up']], ['since=up', ['out']], ['before=out', ['up']],
  ] as const) assert.deepEqual(await names('-a', '--filter', filter), expected, filter)
  assert.equal(await box.ok('ps', '-q'), up.slice(0, 12))
  assert.equal(await box.ok('ps', '-aq', '--no-trunc', '--filter', 'name=out'), out)
  const [header, row] = (await box.ok('ps')).split('\n')
  assert.match(header!, /^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES$/)
  assert.match(row!, new RegExp(`^${up.slice(0, 12)} +${suite.busybox} +sleep 1000 .*Up (?:\\S+ seconds?|About a minute|\\S+ minutes) .* up$`))
  const [listed] = await box.json('ps', '--format', 'json')
  assert.equal(listed.Id, up)
  assert.deepEqual(listed.Names, ['up'])
  await box.fails(125, 'ps', '--filter', 'nosuch=1')
})

test('top shows the processes of a container', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 't', suite.busybox, 'sleep', '1234')
  const lines = (await box.ok('top', 't')).split('\n')
  assert.match(lines[0]!, /^USER +PID +PPID +%CPU +ELAPSED +TTY +TIME +COMMAND/)
  assert.match(lines[1]!, /^root +1 +0 .*sleep 1234/)
  assert.match(await box.ok('top', 't', '--', '-o', 'pid,comm'), /^ *PID COMMAND\n *\d+ sleep$/)
})

test('container prune takes what has ended and leaves what runs', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'stays', suite.busybox, 'sleep', '1000')
  // an empty name is none, as for podman
  const gone = [await box.ok('create', '--name', '', suite.busybox), await box.ok('create', suite.busybox)]
  assert.deepEqual((await box.ok('container', 'prune', '-f')).split('\n').sort(), gone.sort())
  assert.equal(await box.ok('ps', '-a', '--format', '{{.Names}}'), 'stays')
  await box.ok('container', 'exists', 'stays')
  await box.fails(1, 'container', 'exists', gone[0]!)
})
