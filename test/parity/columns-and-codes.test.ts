// Listings have podman's columns and rows, and commands end with podman's exit codes, whatever state the object is in.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { openSuite } from '../support/suite.ts'
import { makeObjects } from './twin-objects.ts'
import { compareAll, listedDifferences, openTwins, type Comparison } from './twins.ts'

const suite = openSuite()

const of = (...args: string[]): Comparison => ({ args })
const listed = (line: string, comparison: Comparison): Comparison => ({ ...comparison, listed: line })
const SIZE = [/\d[\d.]*( ?[kM]?B)/g, '<size>'] as const
const ROWS = [/^(\S.*?) {2}.*\n/gm, '$1\n'] as const
const NAMESPACES = [/\b402653\d{4}\b/g, '<ns>'] as const
const own: Comparison['mask'] = [[/^.*(podman|scow|<bridge>).*\n/gm, ''], [/ +/g, ' ']]

const COLUMNS: readonly Comparison[] = [
  of('ps', '-a', '--sort', 'names'), of('ps', '-a', '--sort', 'names', '--no-trunc'), of('ps', '--filter', 'status=running', '--sort', 'names'), of('ps', '-aq', '--sort', 'names'), of('ps', '-aq', '--no-trunc', '--sort', 'names'), of('ps', '-a', '--noheading', '--sort', 'names'),
  of('ps', '-a', '-p', '--sort', 'names'), { args: ['ps', '-a', '-s', '--sort', 'names'], mask: [SIZE] }, { args: ['ps', '-a', '--ns', '--sort', 'names'], mask: [NAMESPACES, [/ [1-9]\d* /g, ' <pid> '], [/ +/g, ' ']] }, of('ps', '-l'), of('ps', '-n', '2'), of('ps', '-aq', '-n', '1'),
  of('ps', '-a', '--sort', 'id', '--filter', 'name=plain'), of('ps', '-a', '--sort', 'command', '--format', '{{.Command}}'), of('ps', '-a', '--sort', 'status', '--filter', 'status=exited'), of('ps', '-a', '--sort', 'nosuch'), of('ps', 'extra'), of('container', 'ls', '-a', '--sort', 'names'), of('container', 'list', '-aq', '--sort', 'names'),
  { args: ['images', '--sort', 'repository'], mask: [SIZE] }, { args: ['images', '--digests', '--sort', 'repository'], mask: [SIZE] }, { args: ['images', '--no-trunc', '--sort', 'repository'], mask: [SIZE] }, of('images', '-q', '--filter', 'label=kind'), of('images', '-q', '--no-trunc', '--filter', 'label=kind'),
  { args: ['images', '--history', '--sort', 'repository'], mask: [SIZE] }, { args: ['images', '-n', '--sort', 'repository'], mask: [SIZE] }, { args: ['image', 'ls', '-a', '--sort', 'tag', '--filter', 'label=nosuch'], mask: [SIZE] }, of('images', '--sort', 'nosuch'),
  { args: ['network', 'ls'], mask: own }, { args: ['network', 'ls', '--no-trunc'], mask: own }, { args: ['network', 'ls', '-q'], mask: own }, listed('default network', of('network', 'ls', '--filter', 'driver=bridge')),
  of('volume', 'ls', '--filter', 'label=v'), of('volume', 'ls', '-q', '--filter', 'label=v'), { args: ['volume', 'ls'], unordered: true, mask: [ROWS] },
  { args: ['port', 'web'], unordered: true }, of('port', 'web', '80'), of('port', 'web', '80/tcp'), of('port', 'web', '90'), of('port', 'web', '77'), of('port', 'plain'), { args: ['port', '-a'], unordered: true }, of('port', 'nosuch'), of('port', 'ended'),
  { args: ['top', 'plain', 'pid', 'user', 'args'] }, { args: ['top', 'plain', 'user', 'group', 'comm', 'pid', 'ppid', 'tty'] }, { args: ['top', 'plain', 'state', 'nice', 'capeff'], mask: [[/[A-Z_]+(,[A-Z_]+)+/, 'CAPS']] }, { args: ['top', 'plain', 'hgroups', 'groups', 'hgroup', 'huser', 'stime'], mask: [[/ +/g, ' ']] }, of('top', 'ended'), of('top', 'nosuch'), { args: ['top', 'plain'], mask: [[/\d+(\.\d+)?m?s?/g, '<n>'], [/ +/g, ' ']] },
  of('logs', 'ended'), of('logs', '--tail', '1', 'ended'), of('logs', '--tail', '0', 'ended'), of('logs', '-t', 'ended'), listed('`logs -n`', of('logs', '-n', 'ended')), of('logs', '--since', '5m', 'ended'), of('logs', '--until', '5m', 'ended'), of('logs', 'nosuch'), of('logs', 'made'), of('logs', '--tail', 'x', 'ended'),
]

type Command = Comparison | readonly string[]

/** Change nothing: what they are to do cannot be done. */
const REFUSED: readonly Command[] = [
  ['container', 'exists', 'plain'], ['container', 'exists', 'nosuch'], ['container', 'exists', '--external', 'nosuch'], ['image', 'exists', 'mine:2'], ['image', 'exists', 'nosuch'], ['volume', 'exists', 'data'], ['volume', 'exists', 'nosuch'], ['network', 'exists', 'lan'], ['network', 'exists', 'nosuch'],
  ...['stop', 'kill', 'rm', 'start', 'restart', 'pause', 'unpause', 'wait', 'attach', 'inspect', 'rmi', 'tag', 'untag'].flatMap((verb) => [[verb, 'nosuch'], [verb]]),
  ['rm', '-f', 'nosuch'], ['rm', '-i', 'nosuch'], ['stop', '-i', 'nosuch'], ['rmi', '-f', 'nosuch'], ['rmi', '-i', 'nosuch'], ['exec', 'nosuch', 'true'], listed('`exec`: exit code', of('exec', 'plain')), listed('`exec`: exit code', of('exec', 'ended', 'true')), ['rename', 'nosuch', 'x'], ['rename', 'plain', 'web'], ['volume', 'rm', 'nosuch'], ['volume', 'rm', '-f', 'nosuch'], ['volume', 'rm', 'data'],
  ['network', 'rm', 'nosuch'], ['network', 'rm', 'lan'], ['network', 'create', 'lan'], ['volume', 'create', 'data'], ['rmi', 'localhost/mine:2', 'nosuch'], ['rm', 'plain'], listed('`rm`, `wait` of several', of('rm', 'plain', 'nosuch')), ['rm', 'held'],
]

const CHANGING: readonly Command[] = [
  ['kill', 'ended'], ['kill', 'made'], ['kill', '-s', 'NOSUCH', 'plain'], ['kill', '-s', 'CONT', 'plain'], ['stop', 'ended'], ['stop', 'made'], listed('`start` of one that runs', of('start', 'plain')), ['pause', 'held'], ['pause', 'ended'], ['unpause', 'plain'], ['wait', 'ended'], listed('`rm`, `wait` of several', of('wait', 'ended', 'nosuch')), ['attach', 'ended'], ['unpause', 'held'], ['pause', 'held'], listed('`stop`, `restart` of one that is paused', of('restart', '-t', '0', 'held')),
  ['exec', 'plain', 'sh', '-c', 'exit 7'], ['exec', 'plain', 'cat', '/run/.containerenv'], ['exec', 'plain', 'nosuchprogram'], ['exec', 'plain', '/etc'], ['exec', 'plain', 'sh', '-c', 'kill -9 $$'], ['exec', '-w', '/nosuch', 'plain', 'true'], listed('`exec`: exit code', of('exec', '-u', 'nosuch', 'plain', 'true')), ['container', 'nosuchverb'], ['nosuchcommand'], ['ps', '--nosuchflag'],
  ['start', '-a', 'ended'], ['stop', '-t', '0', 'plain'], ['stop', 'plain'], ['rm', 'plain'], ['container', 'prune', '-f', '--filter', 'label=nosuch'], ['restart', '-t', '0', 'tty'], ['kill', 'tty'], ['wait', 'tty'], ['rm', 'tty'],
]

test('columns, rows and exit codes', async (t) => {
  const twins = await openTwins(t, suite)
  await makeObjects(twins, suite)
  await compareAll(t, twins, COLUMNS)
  const comparison = (command: Command): Comparison => ('args' in command ? command : { args: command })
  await compareAll(t, twins, REFUSED.map(comparison))
  for (const command of CHANGING) await compareAll(t, twins, [comparison(command)])

  const { busybox } = suite
  const run = (...args: string[]): Comparison => of('run', '--rm', '--network', 'none', ...args)
  const name = ['--name', 'twice'] as const
  writeFileSync(join(twins.shared, 'spaces'), 'c = 4\n')
  await twins.make('create', '--name', 'twice', '--network', 'none', busybox)
  const callX32 = '#include <unistd.h>\nint main() { return syscall(0x40000000 + 39) == -1 ? 0 : 3; }'
  execFileSync('musl-gcc', ['-static', '-x', 'c', '-o', join(twins.shared, 'x32'), '-'], { input: callX32 })
  for (const dir of ['lower', 'upper', 'work']) mkdirSync(join(twins.shared, dir))
  await twins.make('create', '--name', 'open', '--network', 'none', '--expose', '99', busybox)
  await compareAll(t, twins, [
    run(busybox, 'true'), run(busybox, 'sh', '-c', 'exit 9'), run(busybox, 'nosuchprogram'), run(busybox, '/nosuch'), run(busybox, '/etc'), run(busybox, '/etc/passwd'), run(busybox, 'sh', '-c', 'sh -c "kill -9 \\$\\$"'), run(suite.probe, 'exit', '125'),
    run('--nosuchflag', busybox), run(...name, busybox, 'true'), listed('`run`: exit code', run('-u', 'nosuch', busybox, 'true')), run('-v', '/nosuch/path:/x', busybox, 'true'), run('--timeout', '1', busybox, 'sleep', '9'), run('--pull', 'never', 'localhost/nosuch'), of('run'), run('--memory', 'x', busybox),
    run('-p', 'x', busybox), run('--cap-add', 'NOSUCH', busybox, 'true'), run('--restart', 'nosuch', busybox), run('--network', 'nosuch', busybox, 'true'), listed('`run --workdir`', run('-w', '/made/for/it', busybox, 'pwd')), run('--entrypoint', 'nosuch', busybox), of('create', '--name', 'twice', busybox), of('create', '--name', 'a b', busybox),
    run('--log-driver', 'nosuch', busybox), run('--stop-signal', 'NOSUCH', busybox), run('-e', '=x', busybox, 'true'), run('--ulimit', 'x', busybox), run('--device', '/dev/nosuch', busybox, 'true'), run('--env-file', '/nosuch', busybox),
    listed('`run --read-only-tmpfs=false`', run('--read-only', '--read-only-tmpfs=false', busybox, 'touch', '/dev/shm/x')), listed('`run --privileged --cap-drop`', run('--privileged', '--cap-drop', 'CHOWN', busybox, 'grep', 'CapEff', '/proc/self/status')),
    listed('`run --hostname`', run('--hostname', 'ünï', busybox, 'true')), listed('`--creds USER`', of('pull', '-q', '--tls-verify=false', '--creds', 'user', busybox)),
    listed('`run --init --pid host`', run('--init', '--pid', 'host', busybox, 'true')), listed('`run --detach --attach`', run('--detach', '--attach', 'stdout', busybox, 'true')), run('--log-opt', 'bogus=1', busybox, 'true'),
    listed('`run --mount`, `--tmpfs`', run('--tmpfs', '/t:uid=3', busybox, 'stat', '-c', '%u', '/t')), run('--tmpfs', '/t:mode=700', busybox, 'stat', '-c', '%a', '/t'),
    ...[['-e', 'A=7', '--env-merge', 'A=${A}-x'], ['--env-merge', 'N'], ['-e', 'Q=5', '--env-merge', 'N=${Q}', '--env-merge', 'PATH=${Q}${PATH}'], ['--env-merge', 'PATH=1', '--env-merge', 'PATH=${PATH}2'], ['-e', 'PATH=/bin', '--env-merge', 'PATH=${PATH}:u'], ['--unsetenv', 'PATH', '--env-merge', 'PATH=${PATH}:u']]
      .map((flags): Comparison => ({ ...run(...flags, busybox, '/bin/env'), mask: [[/^(HOSTNAME|TERM|container|HOME)=.*\n/gm, '']], unordered: true })),
    run('--stop-signal', '0', busybox, 'true'), run('-p', '::80', busybox, 'true'), run('--shm-size', '1m', '--ipc', 'host', busybox, 'true'), run('--shm-size', '1m', '--ipc', 'none', busybox, 'true'), run('--label-file', 'spaces', busybox, 'true'), run('-d', '--log-driver', 'passthrough', busybox, 'true'),
    run('-e', '', '-w', '', '-h', '', '-m', '', '-u', '', '--userns', '', '--cap-add', '', '--device', '', '--log-driver', '', busybox, 'sh', '-c', 'pwd; id'), run('--userns', 'host', '-m', '0', busybox, 'true'), run('--group-add', 'keep-groups', busybox, 'id'),
    run('-v', '/etc:/x', '-v', '/etc:/x', busybox, 'ls', '-d', '/x'), run('-v', '/etc:/x:cached,ro', busybox, 'ls', '-d', '/x'), run('--security-opt', 'systempaths=unconfined', busybox, 'sh', '-c', 'grep -c " /proc/" /proc/mounts'),
    run('--uts', 'host', '-h', 'x', busybox), run('--replace', busybox, 'true'), run('--dns', '1.1.1.1', busybox, 'true'), run('--annotation', 'x', busybox, 'true'), run('--preserve-fds', '3', busybox, 'true'), run('--stop-timeout', '-1', busybox), run('--cidfile', '/nosuch/x/y', busybox, 'true'), of('run', '--rm', '--dns', 'none', busybox, 'cat', '/etc/resolv.conf'),
    of('wait', 'twice'), of('ps', '-l', '-n', '2'), of('ps', '-w', '-1'), of('inspect', '--size', '--type', 'image', busybox), of('inspect', '-f', '{{.SizeRw}} {{.Path}} {{.Args}} {{.HostConfig.LogConfig.Config}} {{.NetworkSettings.Networks}}', 'twice'), of('logs', '--details', 'twice'),
    listed('default seccomp profile', run('-v', `${join(twins.shared, 'x32')}:/x32`, busybox, '/x32')),
    listed('`ps`: PORTS', of('ps', '-a', '--filter', 'name=open', '--format', '{{.Ports}}')), run('-v', `${join(twins.shared, 'lower')}:/x:O`, busybox, 'touch', '/x/new'), listed('`-v ...:O`', run('-v', `${join(twins.shared, 'lower')}:/x:O,upperdir=${join(twins.shared, 'upper')},workdir=${join(twins.shared, 'work')}`, busybox, 'true')),
  ])
  await t.test('an error is one line, where podman may print two', async () => {
    for (const args of [['run', '--pull', 'never', 'localhost/nosuch'], ['ps', '--nosuchflag'], ['rm', 'nosuch'], ['inspect', 'nosuch'], ['start', 'nosuch']]) {
      assert.match((await twins.box.scow(args)).stderr, /^Error: [^\n]+\n$/, args.join(' '))
    }
    assert.match((await twins.podman(['ps', '--nosuchflag'])).stderr, /\n.+\n/)
  })
  await t.test('networks of rootless containers are refused', async () => {
    for (const mode of ['slirp4netns', 'pasta']) assert.match(await twins.box.fails(125, 'run', '--network', mode, busybox), /rootless/)
  })
})

test('every line of docs/parity.md about differences is shown by a test of this folder', () => {
  const texts = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.test.ts')).map((file) => readFileSync(join(import.meta.dirname, file), 'utf8')).join('\n')
  // Lines that other tests show: without registries.conf, with podman's rootless networks, a terminal, standard error, and test/e2e/archives.test.ts and readers.test.ts.
  const elsewhere = ['errors', '`run --log-opt`', '`attach`: exit code', '`run` into a pipe whose reader has gone', '`run --network slirp4netns`, `pasta`', 'short image names', '`save`', '`load`']
  assert.deepEqual(listedDifferences().filter((line) => !elsewhere.includes(line) && !texts.includes(`listed('${line}'`)), [])
})
