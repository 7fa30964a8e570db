// What a container needs is killed while it runs: monitor, container, exit program, cleanup, the foreground command, or
// everything at once with the run root gone, as after a reboot. What is shown is true, and all comes back.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { eventually, type Box } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'
import { findAnything } from './state-rows.ts'

const suite = openSuite()

const state = (box: Box, name: string) => box.ok('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', name)
const idOf = (box: Box, name: string) => box.ok('inspect', '-f', '{{.Id}}', name)
const pidOf = async (box: Box, name: string) => Number(await box.ok('inspect', '-f', '{{.State.Pid}}', name))
const monitorOf = async (box: Box, name: string) => Number(readFileSync(join(box.runRoot, 'containers', await idOf(box, name), 'conmon.pid'), 'utf8'))
const kill = (pid: number) => process.kill(pid, 'SIGKILL')
const gone = (pid: number) => eventually(`process ${pid} is gone`, () => {
  try { return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z') } catch { return true }
})

async function removedWhole(box: Box): Promise<void> {
  await box.ok('rm', '-a', '-f', '-t', '0', '-v')
  assert.deepEqual(await findAnything(box), [])
}

const runSleeper = (box: Box, ...flags: string[]) => box.ok('run', '-d', '--name', 'k', '-p', '7413:80', ...flags, suite.busybox, 'sleep', '1000')

test('a container goes on when its monitor is killed, and its end is seen without a code', async (t) => {
  const box = await suite.box(t)
  await runSleeper(box)
  const [pid, monitor] = [await pidOf(box, 'k'), await monitorOf(box, 'k')]
  kill(monitor)
  await gone(monitor)
  assert.equal(await state(box, 'k'), 'running 0')
  assert.equal(await box.ok('exec', 'k', 'echo', 'on'), 'on')
  kill(pid)
  await gone(pid)
  assert.equal(await state(box, 'k'), 'exited -1')
  await box.ok('start', 'k')
  assert.equal(await box.ok('exec', 'k', 'echo', 'again'), 'again')
  await removedWhole(box)
})

test('a monitor that never came to start the exit program is made up for by a stop', async (t) => {
  const box = await suite.box(t)
  await runSleeper(box, '--rm')
  for (const each of [await monitorOf(box, 'k'), await pidOf(box, 'k')]) { kill(each); await gone(each) }
  await box.ok('stop', 'k')
  assert.equal(await box.ok('ps', '-aq'), '', '--rm takes it away')
  await removedWhole(box)
})

test('an end that nobody saw is recorded once by the next command, and --rm or a restart follows', async (t) => {
  const box = await suite.box(t)
  await runSleeper(box, '--rm')
  await box.ok('run', '-d', '--name', 'plain', suite.busybox, 'sleep', '1000')
  await box.ok('run', '-d', '--name', 'again', '--restart', 'always', suite.busybox, 'sleep', '1000')
  const names = ['k', 'plain', 'again']
  for (const name of names) for (const each of [await monitorOf(box, name), await pidOf(box, name)]) { kill(each); await gone(each) }
  assert.equal(await box.ok('inspect', '-f', '{{.State.Status}} {{.State.Pid}}', 'plain'), 'exited 0')
  await box.ok('volume', 'create', 'v')
  await eventually('--rm takes it away', async () => !(await box.ok('ps', '-a', '--format', '{{.Names}}')).split('\n').includes('k'))
  await eventually('it is restarted', async () => await state(box, 'again') === 'running 0')
  const died = () => box.ok('events', '--stream=false', '--filter', 'event=died', '--filter', 'container=plain', '--format', '{{.ContainerExitCode}}')
  await eventually('its end is recorded', async () => await died() === '-1')
  const finished = await box.ok('inspect', '-f', '{{.State.FinishedAt}}', 'plain')
  await box.ok('volume', 'rm', 'v')
  assert.equal(await box.ok('inspect', '-f', '{{.State.FinishedAt}}', 'plain'), finished)
  assert.equal(await died(), '-1')
  await removedWhole(box)
})

test('an end that nobody saw is noticed at the end of another container', async (t) => {
  const box = await suite.box(t)
  await runSleeper(box, '--rm')
  for (const each of [await monitorOf(box, 'k'), await pidOf(box, 'k')]) { kill(each); await gone(each) }
  await box.ok('run', '--rm', suite.busybox, 'true')
  await eventually('both are gone', async () => await box.ok('ps', '-aq') === '')
})

test('whoever wants what such a container holds leaves its restart to the exit program', async (t) => {
  const box = await suite.box(t)
  await runSleeper(box, '--restart', 'always')
  for (const each of [await monitorOf(box, 'k'), await pidOf(box, 'k')]) { kill(each); await gone(each) }
  await box.scow(['run', '--rm', '-p', '7413:80', suite.busybox, 'true'])
  await eventually('it is restarted', async () => await state(box, 'k') === 'running 0')
  await removedWhole(box)
})

test('a container that is killed from outside ends with 137 and can be started again', async (t) => {
  const box = await suite.box(t)
  await runSleeper(box)
  kill(await pidOf(box, 'k'))
  await eventually('its end shows', async () => await state(box, 'k') === 'exited 137')
  await box.ok('start', 'k')
  await removedWhole(box)
})

/** What its runtime knows of it is gone, as when somebody clears the run root. */
async function forgetState(box: Box, name: string): Promise<void> {
  const dir = join(box.runRoot, 'runtime', await idOf(box, name))
  assert.ok(existsSync(dir))
  rmSync(dir, { recursive: true })
}

test('a container whose runtime has lost its state is signalled, stopped and removed all the same', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'k', suite.busybox, 'sh', '-c', 'trap "exit 7" TERM; trap "echo hup" HUP; echo up; while :; do sleep 0.1; done')
  await eventually('its traps', async () => await box.ok('logs', 'k') === 'up')
  await forgetState(box, 'k')
  await box.ok('kill', '-s', 'HUP', 'k')
  await eventually('the signal', async () => await box.ok('logs', 'k') === 'up\nhup')
  await box.ok('stop', 'k')
  assert.equal(await state(box, 'k'), 'exited 7')
  for (const ending of [['kill', 'k'], ['stop', '-t', '0', 'k']]) {
    await box.ok('start', 'k')
    await box.ok('pause', 'k')
    await forgetState(box, 'k')
    await box.ok(...ending)
    await eventually('its end shows', async () => await state(box, 'k') === 'exited 137')
  }
  await box.ok('start', 'k')
  await forgetState(box, 'k')
  await removedWhole(box)
})

test('of a container without pids of its own whose runtime has lost its state every process ends', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'k', '--pid', 'host', suite.busybox, 'sh', '-c', 'setsid sleep 1000 & echo $!; exec sleep 1000')
  const other = Number(await eventually('its other process', () => box.ok('logs', 'k')))
  await forgetState(box, 'k')
  await box.ok('stop', '-t', '0', 'k')
  assert.equal(await state(box, 'k'), 'exited 137')
  await gone(other)
  await removedWhole(box)
})

test('a pause or unpause that was killed before it was recorded is made up for by the next command', async (t) => {
  const box = await suite.box(t)
  const id = await box.ok('run', '-d', '--name', 'k', '--stop-timeout', '0', suite.busybox, 'sleep', '1000')
  const runc = (verb: string) => assert.equal(spawnSync('runc', ['--root', join(box.runRoot, 'runtime'), verb, id]).status, 0)
  const thawed = async () => { await box.ok('pause', 'k'); runc('resume') } // recorded as paused
  const frozen = () => runc('pause') // recorded as running
  const echo = () => box.ok('exec', 'k', 'echo', 'on')

  await thawed()
  assert.match(await box.fails(125, 'exec', 'k', 'true'), /scow unpause k/)
  await box.ok('unpause', 'k')
  assert.equal(await echo(), 'on')
  await box.fails(125, 'unpause', 'k')
  frozen()
  assert.match(await box.fails(125, 'exec', 'k', 'true'), /is paused; .*scow unpause/)
  await box.ok('unpause', 'k')
  assert.equal(await echo(), 'on')
  frozen()
  await box.ok('pause', 'k')
  assert.equal(await box.ok('inspect', '-f', '{{.State.Status}}', 'k'), 'paused')
  await box.fails(125, 'pause', 'k')
  runc('resume')
  await box.ok('pause', 'k')
  await box.ok('unpause', 'k')
  assert.equal(await echo(), 'on')

  for (const leave of [thawed, frozen]) {
    await leave()
    await box.ok('restart', 'k')
    assert.equal(await echo(), 'on')
    await leave()
    await box.ok('stop', 'k')
    assert.equal(await state(box, 'k'), 'exited 137')
    await box.ok('start', 'k')
  }
  await thawed()
  await box.ok('rm', '-f', 'k')
  await removedWhole(box)
})

test('with the exit program killed before it does anything, the next command cleans up', async (t) => {
  const box = await suite.box(t)
  await runSleeper(box, '--rm')
  for (const name of readdirSync(join(box.root, 'programs'))) writeFileSync(join(box.root, 'programs', name), '#!/bin/sh\nkill -9 $$\n')
  kill(await pidOf(box, 'k'))
  await eventually('its end shows', async () => (await box.ok('ps', '-q')) === '')
  // Name and port are free for whoever asks.
  await runSleeper(box)
  await removedWhole(box)
})

test('an exit program that a power cut left empty is written anew', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '--rm', suite.busybox, 'true')
  const programs = join(box.root, 'programs')
  const [name] = readdirSync(programs).filter((file) => file.startsWith('scow-exit-'))
  const whole = readFileSync(join(programs, name!))
  writeFileSync(join(programs, name!), '')
  await box.ok('run', '-d', '--rm', suite.busybox, 'true')
  assert.ok(readFileSync(join(programs, name!)).equals(whole))
  await eventually('it is removed', async () => (await box.ok('ps', '-aq')) === '')
  assert.deepEqual(readdirSync(programs).filter((file) => file.startsWith('scow-exit-')), [name])
})

/** A cleanup that finds the container's plugins hanging: it is in the middle of its work. */
async function hangDel(t: TestContext): Promise<{ heal: () => void; hangs: () => boolean }> {
  mkdirSync('/etc/containers', { recursive: true })
  mkdirSync('/tmp/plugins', { recursive: true })
  writeFileSync('/etc/containers/containers.conf', '[network]\ncni_plugin_dirs = ["/tmp/plugins", "/usr/lib/cni"]\n')
  const write = (text: string) => writeFileSync('/tmp/plugins/bridge', `#!/bin/sh\n${text}exec /usr/lib/cni/bridge\n`, { mode: 0o755 })
  write('if [ "$CNI_COMMAND" = DEL ]; then : >/tmp/plugins/hanging; exec sleep 30; fi\n')
  t.after(() => spawnSync('rm', ['-r', '/etc/containers/containers.conf', '/tmp/plugins']))
  return { heal: () => write(''), hangs: () => existsSync('/tmp/plugins/hanging') }
}

const processes = (match: (command: string) => boolean): number[] => readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
  try { return match(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')) } catch { return false }
})

test('a cleanup that is killed in mid work is finished by the next command', async (t) => {
  const plugin = await hangDel(t)
  const box = await suite.box(t)
  await runSleeper(box, '--rm')
  kill(await pidOf(box, 'k'))
  await eventually('the cleanup hangs', plugin.hangs)
  assert.equal(await box.ok('ps', '-q'), '')
  for (const pid of processes((command) => command.includes('container cleanup') && command.includes(box.dir) && command.includes('node'))) kill(pid)
  for (const pid of processes((command) => command.trim() === 'sleep 30')) kill(pid)
  plugin.heal()
  await runSleeper(box)
  await removedWhole(box)
})

test('a container goes on when the run in the foreground is killed, and is removed at its end', async (t) => {
  const box = await suite.box(t)
  for (const network of ['bridge', 'none']) {
    const running = box.start(['run', '--rm', '--name', 'k', '--network', network, suite.busybox, 'sh', '-c', 'echo up; while [ ! -e /end ]; do sleep 0.05; done; exit 3'])
    await running.sees(/up/)
    // It may have spoken before its start was recorded.
    await eventually('it shows as running', async () => await state(box, 'k') === 'running 0')
    running.kill('SIGKILL')
    await running.end()
    assert.equal(await state(box, 'k'), 'running 0')
    assert.match(await box.ok('ps', '--format', '{{.Names}} {{.Status}}'), /^k Up/)
    // the container may end, and take it along, before it has ended itself
    assert.ok([0, 137].includes((await box.scow(['exec', 'k', 'touch', '/end'])).code))
    await eventually('it is removed', async () => (await box.ok('ps', '-aq')) === '')
    assert.match(await box.ok('events', '--stream=false', '--filter', 'event=died', '--format', '{{.ContainerExitCode}}'), /(^|\n)3$/)
    assert.deepEqual(await findAnything(box), [])
  }
})

test('after a loss of power nothing runs, codes are known or -1, and what was there starts again', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'early', suite.busybox, 'sh', '-c', 'exit 7')
  await eventually('its end shows', async () => await state(box, 'early') === 'exited 7')
  // From here on the run root is a file system of its own, as /run is.
  await box.ok('rm', '-f', 'none-such')
  await runSleeper(box)
  await box.ok('run', '-d', '--rm', '--name', 'passing', suite.busybox, 'sleep', '1000')
  const holder = spawn('sleep', ['1000'])
  await powerLoss(t, box)
  assert.ok(holder.exitCode === null)
  holder.kill('SIGKILL')
  await once(holder, 'exit')

  assert.equal(await box.ok('ps', '-q'), '')
  assert.equal(await state(box, 'k'), 'exited -1')
  assert.equal(await state(box, 'early'), 'exited 7')
  await box.ok('start', 'k')
  assert.equal(await box.ok('exec', 'k', 'echo', 'again'), 'again')
  // What was to go at its end has gone with the machine; its name is free.
  await box.ok('run', '-d', '--name', 'passing', suite.busybox, 'sleep', '1000')
  await removedWhole(box)
})

/** Ends every process of the box at once, empties the run root, gives up the namespaces' mounts, and changes the boot id. */
async function powerLoss(t: TestContext, box: Box): Promise<void> {
  const containers = (await box.ok('ps', '-q', '--no-trunc')).split('\n')
  const pids = await Promise.all(containers.map((id) => pidOf(box, id)))
  const monitors = await Promise.all(containers.map((id) => monitorOf(box, id)))
  for (const pid of [...monitors, ...pids]) kill(pid)
  for (const pid of [...monitors, ...pids]) await gone(pid)
  for (const pid of processes((command) => command.includes(box.dir))) kill(pid)
  const points = readFileSync('/proc/self/mountinfo', 'utf8').trimEnd().split('\n').map((line) => line.split(' ')[4]!).filter((point) => point.startsWith(`${box.dir}/`))
  for (const point of points.reverse()) spawnSync('umount', ['--lazy', point])
  spawnSync('sh', ['-c', 'rm -rf "$1"; for link in $(ip -o link show type veth | sed "s/^[0-9]*: //;s/@.*//"); do ip link delete $link; done; ip link delete scow0; iptables -t nat -F; iptables -F; find /sys/fs/cgroup -depth -type d -regextype posix-extended -regex ".*[0-9a-f]{64}.*" -exec rmdir {} +; rm -rf /run/runc/*', 'sh', box.runRoot])
  writeFileSync('/tmp/boot-id', `${randomUUID()}\n`)
  assert.equal(spawnSync('mount', ['--bind', '/tmp/boot-id', '/proc/sys/kernel/random/boot_id']).status, 0)
  t.after(() => spawnSync('umount', ['/proc/sys/kernel/random/boot_id']))
}
