// What takes systemd, cgroup v2, AppArmor and a log-in to see.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { eventually, type Box } from '../../support/box.ts'
import { openSuite } from '../../support/suite.ts'

const suite = openSuite()
const call = (file: string, ...args: string[]): string => execFileSync(file, args, { encoding: 'utf8' }).trim()
const isActive = (unit: string): boolean => spawnSync('systemctl', ['is-active', '--quiet', unit]).status === 0
const cgroupOf = (pid: string): string => /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))![1]!
const limit = (pid: string, file: string): string => readFileSync(join('/sys/fs/cgroup', cgroupOf(pid), file), 'utf8').trim()
const pidOf = (box: Box, name: string): Promise<string> => box.ok('inspect', '-f', '{{.State.Pid}}', name)

test('systemd manages the cgroups by itself: container and monitor have scopes of their own until the end', async (t) => {
  const box = await suite.box(t)
  assert.equal(await box.ok('info', '-f', '{{.Host.CgroupManager}} {{.Host.CgroupsVersion}}'), 'systemd v2')
  const id = await box.ok('run', '-d', '--name', 'c', suite.busybox, 'sleep', '1000')
  const [scope, monitorScope] = [`scow-${id}.scope`, `scow-conmon-${id}.scope`]
  const [pid, monitor] = (await box.ok('inspect', '-f', '{{.State.Pid}} {{.State.ConmonPid}}', 'c')).split(' ') as [string, string]
  assert.equal(cgroupOf(pid), `/machine.slice/${scope}`)
  assert.equal(cgroupOf(monitor), `/machine.slice/${monitorScope}`)
  assert.ok(isActive(scope) && isActive(monitorScope))
  const tree = call('systemd-cgls', '--no-pager', '--full', '/machine.slice')
  assert.match(tree, new RegExp(`${scope}[^]*sleep 1000`))
  assert.ok(tree.includes(monitorScope))
  await box.ok('stop', '-t', '0', 'c')
  await eventually('the end of both scopes', () => !isActive(scope) && !isActive(monitorScope))
})

test('doctor finds nothing to mend', async (t) => {
  const box = await suite.box(t)
  assert.equal(await box.ok('doctor', '--quiet'), '')
  const subjects = (await box.json('doctor', '--format', 'json')).map(({ subject }: { subject: string }) => subject)
  for (const subject of ['cgroups', 'runtime', 'network', 'apparmor']) assert.ok(subjects.includes(subject), subject)
})

test('limits are those of the cgroup v2 files', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'c', '-m', '64m', '--memory-swap', '96m', '--memory-reservation', '32m', '--pids-limit', '50', '--cpus', '0.5', '--cpu-shares', '1024',
    '--cpuset-cpus', '1', suite.busybox, 'sleep', '1000')
  const pid = await pidOf(box, 'c')
  const files = ['memory.max', 'memory.swap.max', 'memory.low', 'pids.max', 'cpu.max', 'cpu.weight', 'cpuset.cpus']
  assert.deepEqual(files.map((file) => limit(pid, file)), ['67108864', '33554432', '33554432', '50', '50000 100000', '39', '1'])
  assert.equal(await box.ok('exec', 'c', 'cat', '/sys/fs/cgroup/memory.max'), '67108864')
  await box.ok('run', '-d', '--name', 'plain', suite.busybox, 'sleep', '1000')
  assert.equal(limit(await pidOf(box, 'plain'), 'memory.max'), 'max')
  assert.equal(limit(await pidOf(box, 'plain'), 'pids.max'), '2048')
})

test('a container that takes more memory than it may is killed, and known as such', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'hog', '-m', '32m', '--memory-swap', '32m', suite.busybox, 'tail', '/dev/zero')
  assert.equal(await box.ok('wait', 'hog'), '137')
  assert.equal(await box.ok('inspect', '-f', '{{.State.OOMKilled}} {{.State.ExitCode}}', 'hog'), 'true 137')
  await box.ok('run', '-d', '--name', 'killed', suite.busybox, 'sleep', '1000')
  await box.ok('kill', 'killed')
  assert.equal(await box.ok('inspect', '-f', '{{.State.OOMKilled}} {{.State.ExitCode}}', 'killed'), 'false 137')
})

test('pause freezes by cgroup v2, and unpause thaws', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'c', suite.busybox, 'sleep', '1000')
  const pid = await pidOf(box, 'c')
  await box.ok('pause', 'c')
  assert.equal(limit(pid, 'cgroup.freeze'), '1')
  await box.ok('unpause', 'c')
  assert.equal(limit(pid, 'cgroup.freeze'), '0')
})

test('exec -t gives a terminal of the right size', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'c', suite.busybox, 'sleep', '1000')
  const running = box.start(['exec', '-it', 'c', 'sh'], { terminal: { rows: 31, columns: 97 } })
  await running.sees(/# /)
  running.type('tty; stty size\n')
  await running.sees(/\/dev\/pts\/\d+\s+31 97/)
  running.type('exit 7\n')
  assert.equal((await running.end()).code, 7)
})

test('--log-driver journald writes to the journal, and logs reads it from there', async (t) => {
  const box = await suite.box(t)
  const id = await box.ok('run', '-d', '--name', 'j', '--log-driver', 'journald', suite.busybox, 'sh', '-c', 'echo one; echo two >&2; printf three; exec sleep 1000')
  // The journal takes what it is sent in its own time.
  await eventually('all lines', async () => /two/.test((await box.scow(['logs', 'j'])).stderr))
  const { stdout, stderr } = await box.scow(['logs', 'j'])
  assert.match(stdout, /^one\n/)
  assert.match(stderr, /^two\n/)
  const fields = call('journalctl', '--no-pager', '--output=json', `CONTAINER_ID_FULL=${id}`).split('\n').map((line) => JSON.parse(line) as Record<string, string>)
  // What came through two pipes may be read in any order.
  for (const [text, priority] of [['one', '6'], ['two', '3']] as const) {
    const entry = fields.find(({ MESSAGE }) => MESSAGE === text)
    assert.deepEqual([entry?.PRIORITY, entry?.CONTAINER_NAME, entry?.CONTAINER_ID], [priority, 'j', id.slice(0, 12)])
  }
  const following = box.start(['logs', '-f', 'j'])
  await following.sees(/two/)
  await box.ok('stop', '-t', '0', 'j')
  assert.equal((await following.end()).code, 0)
  await eventually('the last half line', async () => /three/.test((await box.scow(['logs', 'j'])).stdout))
})

test('the end of the session that started a container ends neither it nor its log', async (t) => {
  const box = await suite.box(t)
  const words = [...box.command, 'run', '-d', '--name', 'stay', suite.busybox, 'sh', '-c', 'i=0; while :; do echo line $i; i=$((i+1)); sleep 0.2; done']
  const idFile = join(box.dir, 'tmp/id')
  const script = `${words.map((word) => `'${word}'`).join(' ')} >${idFile}; exec sleep 1000`
  t.after(() => spawnSync('systemctl', ['stop', 'log-in.service']))
  call('systemd-run', '--quiet', '--unit=log-in', '--property=PAMName=login', '--property=User=root', ...Object.entries(box.env).map(([key, value]) => `--setenv=${key}=${value}`), 'sh', '-c', script)
  await eventually('the container', () => existsSync(idFile) && readFileSync(idFile, 'utf8').length === 65)
  const [session] = call('loginctl', '--no-legend', 'list-sessions').split(/\s+/) as [string]
  assert.ok(call('loginctl', 'session-status', session).includes('sleep 1000'), 'the session holds the shell')
  call('loginctl', 'terminate-session', session)
  await eventually('the end of the session', () => !call('loginctl', '--no-legend', 'list-sessions').includes(session))
  assert.equal(await box.ok('inspect', '-f', '{{.State.Status}}', 'stay'), 'running')
  const count = async () => (await box.ok('logs', 'stay')).split('\n').length
  const before = await count()
  await eventually('more lines', async () => await count() > before)
})

test('the container of a service goes on when the service is stopped', async (t) => {
  const box = await suite.box(t)
  const idFile = join(box.dir, 'tmp/id')
  const words = [...box.command, 'run', '-d', '--name', 'stay', suite.busybox, 'sleep', '1000']
  call('systemd-run', '--quiet', '--unit=starter', ...Object.entries(box.env).map(([key, value]) => `--setenv=${key}=${value}`), 'sh', '-c', `${words.join(' ')} >${idFile}; exec sleep 1000`)
  await eventually('the container', () => existsSync(idFile) && readFileSync(idFile, 'utf8').length === 65)
  call('systemctl', 'stop', 'starter')
  assert.equal(await box.ok('inspect', '-f', '{{.State.Status}}', 'stay'), 'running')
  await box.ok('exec', 'stay', 'true')
})

test('crun runs, executes, limits, pauses, stops and removes as runc does', async (t) => {
  const box = await suite.box(t, { flags: ['--runtime', 'crun'] })
  assert.equal(await box.ok('run', '--rm', suite.busybox, 'echo', 'hi'), 'hi')
  assert.equal((await box.scow(['run', '--rm', suite.busybox, 'sh', '-c', 'exit 9'])).code, 9)
  await box.fails(127, 'run', '--rm', suite.busybox, '/no/such')
  await box.fails(126, 'run', '--rm', suite.busybox, '/etc')
  await box.ok('run', '-d', '--name', 'c', '-m', '64m', '--pids-limit', '50', suite.busybox, 'sh', '-c', 'trap "exit 3" TERM; while :; do sleep 0.1; done')
  assert.match(await box.ok('inspect', '-f', '{{.OCIRuntime}}', 'c'), /crun/)
  const pid = await pidOf(box, 'c')
  assert.match(cgroupOf(pid), /^\/machine\.slice\/scow-[0-9a-f]{64}\.scope/)
  assert.equal(await box.ok('exec', 'c', 'cat', '/sys/fs/cgroup/pids.max'), '50')
  assert.equal((await box.scow(['exec', 'c', 'sh', '-c', 'exit 4'])).code, 4)
  await box.ok('pause', 'c')
  await box.ok('unpause', 'c')
  await box.ok('stop', 'c')
  assert.equal(await box.ok('inspect', '-f', '{{.State.ExitCode}}', 'c'), '3')
  await box.ok('run', '-d', '--name', 'hog', '-m', '32m', '--memory-swap', '32m', suite.busybox, 'tail', '/dev/zero')
  assert.equal(await box.ok('wait', 'hog'), '137')
  assert.equal(await box.ok('inspect', '-f', '{{.State.OOMKilled}}', 'hog'), 'true')
})

test('AppArmor confines containers under a profile that scow loads itself', async (t) => {
  const box = await suite.box(t)
  const confinement = async (...options: string[]) => box.ok('run', '--rm', ...options, suite.busybox, 'cat', '/proc/self/attr/current')
  assert.equal(await box.ok('info', '-f', '{{.Host.Security.AppArmorEnabled}}'), 'true')
  assert.equal(await confinement(), 'scow-default (enforce)')
  assert.match(readFileSync('/sys/kernel/security/apparmor/profiles', 'utf8'), /^scow-default \(enforce\)$/m)
  assert.equal(await confinement('--privileged'), 'unconfined')
  assert.equal(await confinement('--security-opt', 'apparmor=unconfined'), 'unconfined')
  assert.match(await box.fails(125, 'run', '--rm', '--security-opt', 'apparmor=no-such', suite.busybox, 'true'), /no-such/)
  await box.ok('run', '-d', '--name', 'c', suite.busybox, 'sh', '-c', 'trap "exit 3" TERM; while :; do sleep 0.1; done')
  assert.equal(await box.ok('inspect', '-f', '{{.AppArmorProfile}}', 'c'), 'scow-default')
  assert.equal(await box.ok('exec', 'c', 'cat', '/proc/self/attr/current'), 'scow-default (enforce)')
  await box.ok('exec', 'c', 'sh', '-c', 'sleep 100 & kill $!')
  await box.ok('stop', 'c')
  assert.equal(await box.ok('inspect', '-f', '{{.State.ExitCode}}', 'c'), '3', 'a signal from outside arrives')
  const mount = ['run', '--rm', '--cap-add', 'SYS_ADMIN', '--security-opt', 'seccomp=unconfined']
  const command = [suite.busybox, 'mount', '-t', 'tmpfs', 'none', '/mnt']
  assert.match((await box.scow([...mount, ...command.with(-1, '/tmp')])).stderr, /denied/)
  await box.ok(...mount, '--security-opt', 'apparmor=unconfined', ...command.with(-1, '/tmp'))
})

test('a service of type notify is ready when its container says so, or when it runs', async (t) => {
  const box = await suite.box(t)
  await box.ok('pull', '-q', suite.web)
  const ready = 'use Socket; socket(S, PF_UNIX, SOCK_DGRAM, 0); sleep 2; send(S, "READY=1\\nSTATUS=all aboard", 0, sockaddr_un($ENV{NOTIFY_SOCKET})) or die $!; sleep 1000'
  const start = (unit: string, ...words: string[]) => {
    const { status, stderr } = spawnSync('systemd-run', ['--quiet', `--unit=${unit}`, '--property=Type=notify', '--property=NotifyAccess=all', '--property=TimeoutStartSec=1200',
      ...Object.entries(box.env).map(([key, value]) => `--setenv=${key}=${value}`), ...box.command, 'run', ...words], { encoding: 'utf8' })
    assert.equal(status, 0, `${stderr}${call('journalctl', '--no-pager', `--unit=${unit}`)}`)
  }
  t.after(() => spawnSync('systemctl', ['stop', 'by-container', 'by-monitor']))
  // systemd-run comes back when the service is ready, or fails when it never is.
  start('by-container', '--name', 'says', '--sdnotify', 'container', '--entrypoint', 'perl', suite.web, '-e', ready)
  const shown = (unit: string, property: string) => call('systemctl', 'show', `--property=${property}`, '--value', unit)
  assert.deepEqual([shown('by-container', 'ActiveState'), shown('by-container', 'StatusText')], ['active', 'all aboard'])
  start('by-monitor', '-d', '--name', 'runs', '--sdnotify', 'conmon', suite.busybox, 'sleep', '1000')
  assert.equal(shown('by-monitor', 'ActiveState'), 'active')
  assert.equal(shown('by-monitor', 'MainPID'), await box.ok('inspect', '-f', '{{.State.ConmonPid}}', 'runs'))
})
