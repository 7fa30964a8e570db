import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Box, DEBIANS, k8sText, Launch, logNames, OURS, running, sleep, StreamClient, until, withoutTimes } from './harness.ts'

/** Clients that connect are not answered: the monitor has had time to see them, and what they sent. */
const takenIn = (): Promise<void> => sleep(300)

test('a created container is reported by its pid, and its exit code is kept in both directories', async () => {
  await using box = new Box({ script: 'exit 3' })
  const launch = await box.launch()
  assert.deepEqual(launch.lines(), [{ data: Number(box.read('pid')) }])
  await until('the end of who started the monitor', () => launch.code !== undefined)
  assert.equal(launch.code, 0)
  box.start()
  assert.equal(await box.ended(), '3')
  assert.equal(box.read('persist/exit'), '3')
  assert.ok(!box.has('bundle/attach') && !box.has('bundle/attach.stream'))
})

test('a failed create tells the words of the runtime', async () => {
  await using box = new Box({ script: '' })
  rmSync(box.path('bundle/rootfs'), { recursive: true })
  const [line] = (await box.launch()).lines()
  assert.equal(line?.['data'], -1)
  assert.match(String(line?.['message']), /rootfs/)
})

test('the older interface calls the pid pid', async () => {
  await using box = new Box({ script: '' })
  const launch = await box.launch([], [...box.args().slice(2), '-l', 'none'])
  assert.deepEqual(Object.keys(launch.lines()[0] ?? {}), ['pid'])
})

test('a process ended by a signal has 128 and the signal', async () => {
  await using box = new Box({ script: 'sleep 60' })
  await box.launch()
  box.start()
  box.runc('kill', box.id, 'KILL')
  assert.equal(await box.ended(), '137')
})

test('bad options are refused in one line with exit code 1', async () => {
  await using box = new Box({ script: '' })
  for (const [args, words] of [[['-c', 'x'], /--cuuid/], [['--what'], /--what/], [['-c', 'x', '-u', 'x', '-r', '/none', '-l', 'none'], /\/none/],
    [[...box.args(), '-l', 'nonsense:/x'], /nonsense/], [[...box.args(), '-t', '-l', 'passthrough'], /terminal/],
    [[...box.args(), '-l', '/etc/never', '--log-allowlist-dir', box.dir], /not allowed/], [[...box.args(), '-l', `k8s-file:${box.dir}`], new RegExp(`${box.dir}: Is a directory`)]] as const) {
    const launch = new Launch(OURS, args)
    await until('its end', () => launch.code !== undefined)
    assert.equal(launch.code, 1)
    assert.match(launch.stderr, words)
    assert.equal(launch.stderr.trimEnd().split('\n').length, 1)
  }
})

test('the version is one that podman can read', () => {
  assert.match(execFileSync(OURS, ['--version'], { encoding: 'utf8' }), /^conmon version \d+\.\d+\.\d+\ncommit: .+\n$/)
})

test('a log in k8s-file format is the same as that of Debian\'s conmon, long lines included', async () => {
  // One write of the long line: how a monitor cuts it depends on what a read finds in the pipe.
  const long = 'head -c 20000 /dev/zero | tr "\\0" x | dd bs=20000 iflag=fullblock 2>/dev/null'
  const script = `echo a; sleep 0.3; echo; sleep 0.3; printf part; sleep 0.3; echo end; sleep 0.3; echo bad >&2; sleep 0.3; ${long}; sleep 0.2; echo`
  const logs = []
  for (const conmon of [OURS, DEBIANS]) {
    await using box = new Box({ script, conmon })
    await box.launch()
    box.start()
    await box.ended()
    assert.match(box.read('log'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\+00:00 stdout F a\n/)
    logs.push(withoutTimes(box.read('log')))
  }
  assert.equal(logs[0], logs[1])
})

test('a line that the container leaves open gets a final F', async () => {
  await using box = new Box({ script: 'printf half' })
  await box.launch()
  box.start()
  await box.ended()
  assert.equal(withoutTimes(box.read('log')), 'stdout P half\nstdout F \n')
})

test('rotation keeps the newest files and loses no line of them', async () => {
  await using box = new Box({ script: 'seq 1 2000' })
  await box.launch(['--log-size-max', '20000', '--log-max-files', '9'])
  box.start()
  await box.ended()
  const names = logNames(box)
  assert.ok(names.length > 3 && names.length <= 10, names.join())
  assert.ok(names.every((name) => statSync(box.path(name)).size <= 20000))
  const all = [...names].sort((a, b) => Number(b.slice(4) || 0) - Number(a.slice(4) || 0)).map((name) => box.read(name)).join('')
  assert.deepEqual(k8sText(all).split('\n').slice(0, -1).map(Number), Array.from({ length: 2000 }, (_, index) => index + 1))
})

test('rotation drops the oldest file, and without it a full log is emptied', async () => {
  for (const [more, expected] of [[['--log-max-files', '2'], ['log', 'log.1', 'log.2']], [['--log-rotate'], ['log', 'log.1']], [[], ['log']]] as const) {
    await using box = new Box({ script: 'seq 1 2000' })
    await box.launch(['--log-size-max', '10000', ...more])
    box.start()
    await box.ended()
    assert.deepEqual(logNames(box), expected)
    assert.match(box.read('log'), / 2000\n$/)
  }
})

test('logging stops at the limit over all files', async () => {
  await using box = new Box({ script: 'seq 1 1000' })
  await box.launch(['--log-global-size-max', '5000'])
  box.start()
  await box.ended()
  assert.ok(statSync(box.path('log')).size <= 5000)
})

test('json-file is docker\'s format, with characters whole and the tag as attribute', async () => {
  await using box = new Box({ script: 'printf "a<\\"\\303"; sleep 0.2; printf "\\251\\n"; echo e >&2; printf open' })
  await box.launch(['--log-tag', 'tag', '--log-label', 'k=v'], [...box.args(), '-l', `json-file:${box.path('log')}`, '-l', `k8s-file:${box.path('log.k8s')}`])
  box.start()
  await box.ended()
  const lines = box.read('log').trimEnd().split('\n').map((line) => JSON.parse(line))
  const text = (stream: string): string => lines.filter((line) => line.stream === stream).map((line) => line.log).join('')
  assert.equal(text('stdout'), 'a<"é\nopen')
  assert.equal(text('stderr'), 'e\n')
  assert.match(lines[0].time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/)
  assert.deepEqual(lines[0].attrs, { tag: 'tag', k: 'v' })
  assert.match(box.read('log.k8s'), /stdout P open/)
})

test('a client that attached before the start gets all output, and so does a second one', async () => {
  await using box = new Box({ script: 'seq 1 100000; echo err >&2' })
  await box.launch()
  const clients = [new StreamClient(box), new StreamClient(box)]
  await takenIn()
  box.start()
  const expected = execFileSync('seq', ['1', '100000'], { encoding: 'utf8' })
  for (const client of clients) {
    await client.closed()
    assert.equal(client.stdout.toString() === expected, true)
    assert.equal(client.stderr.toString(), 'err\n')
  }
  await box.ended()
  assert.equal(k8sText(box.read('log')) === expected, true)
})

test('a client that attached before the start gets all output of a container that ended before the monitor looked', async () => {
  // The monitor is held up right after it has told that there is a container, where it first looks at its process.
  await using box = new Box({ script: 'echo whole', wrap: ['strace', '-f', '-qqq', '-b', 'execve', '-o', '/dev/null', '-e', 'trace=waitid', '-e', 'inject=waitid:delay_enter=2000000:when=1'] })
  await box.launch()
  const client = new StreamClient(box)
  box.start()
  await until('the end of the container', () => !running(Number(box.read('pid'))))
  await client.closed()
  assert.equal(client.stdout.toString(), 'whole\n')
})

test('stdin goes in by either socket, and a half close ends it', async () => {
  await using program = seqpacketProgram()
  for (const kind of ['stream', 'seqpacket']) {
    await using box = new Box({ script: 'cat; echo bye' })
    await box.launch(['-i'])
    const text = 'x'.repeat(300_000)
    let got = ''
    if (kind === 'stream') {
      const client = new StreamClient(box)
      client.send(0, text)
      client.send(1)
      await takenIn()
      box.start()
      await client.closed()
      got = client.stdout.toString()
    } else {
      const child = spawn(program.file, [box.path('bundle/attach')])
      child.stdout.on('data', (bytes) => { got += String(bytes) })
      child.stdin.end(text)
      await takenIn()
      box.start()
      await new Promise((resolve) => child.on('close', resolve))
    }
    assert.equal(got.length, text.length + 4)
    assert.equal(await box.ended(), '0')
  }
})

test('stdin stays open when a client that detached, or only watched, leaves, and when it is to be left open', async () => {
  await using box = new Box({ script: 'cat' })
  await box.launch(['-i', '--leave-stdin-open'])
  box.start()
  const first = new StreamClient(box)
  first.send(0, 'one\n')
  await until('the first text', () => first.stdout.toString() === 'one\n')
  first.close()
  const second = new StreamClient(box)
  second.send(1)
  second.send(0, 'two\n')
  await until('the second text', () => second.stdout.toString() === 'two\n')
  second.send(5)
  await second.closed()
  assert.ok(running(Number(box.read('pid'))))
})

test('a container that reads no stdin does not hold up its monitor', async () => {
  await using box = new Box({ script: 'sleep 0.5; echo alive; sleep 60' })
  await box.launch(['-i'])
  box.start()
  const feeder = new StreamClient(box), watcher = new StreamClient(box)
  feeder.send(0, Buffer.alloc(1 << 20))
  await until('its output', () => watcher.stdout.includes('alive'))
  assert.match(box.read('log'), /alive/)
})

test('a hung client is dropped and holds back neither the log nor the others for long', async () => {
  await using program = seqpacketProgram()
  await using box = new Box({ script: 'seq 1 300000' })
  await box.launch(['--attach-stall', '1'])
  const hung = spawn(program.file, [box.path('bundle/attach'), 'hang'])
  await new Promise((resolve) => hung.stderr.once('data', resolve))
  const hungStream = new StreamClient(box), well = new StreamClient(box)
  hungStream.pause()
  await takenIn()
  box.start()
  assert.equal(await box.ended(), '0')
  hung.kill('SIGKILL')
  hungStream.close()
  await well.closed()
  const expected = execFileSync('seq', ['1', '300000'], { encoding: 'utf8', maxBuffer: 1 << 24 })
  assert.equal(k8sText(box.read('log')) === expected, true)
  assert.equal(well.stdout.toString() === expected, true)
})

test('a slow client gets everything: it holds the container back', async () => {
  await using box = new Box({ script: 'seq 1 300000' })
  await box.launch(['-l', 'none'])
  const slow = new StreamClient(box)
  slow.send(6, Uint8Array.of(1))
  await takenIn()
  slow.pause()
  box.start()
  await sleep(700)
  assert.ok(running(Number(box.read('pid'))), 'the container waits')
  slow.resume()
  await slow.closed()
  assert.equal(slow.stdout.toString() === execFileSync('seq', ['1', '300000'], { encoding: 'utf8', maxBuffer: 1 << 24 }), true)
  assert.equal(await box.ended(), '0')
})

test('a terminal has the size that a client or the ctl fifo gives it', async () => {
  await using box = new Box({ script: 'stty size </dev/tty 2>&1 || stty size; cat', terminal: true })
  await box.launch(['-t', '-i'])
  const client = new StreamClient(box)
  client.send(4, Uint8Array.of(0, 40, 0, 132))
  await takenIn()
  box.start()
  await until('the size', () => client.stdout.includes('40 132'))
  writeFileSync(box.path('bundle/ctl'), '1 30 90\n')
  client.send(0, 'typed\r')
  await until('the echo', () => client.stdout.includes('typed\r\n'))
  await until('the new size', () => {
    const size = execFileSync('stty', ['size', '-F', `/proc/${box.read('pid')}/fd/0`], { encoding: 'utf8' })
    return size.trim() === '30 90'
  })
})

test('the output of a terminal is whole though the monitor looks when the runtime and the process have both ended', async () => {
  await using box = new Box({ script: 'sleep 60' })
  await box.launch()
  box.start()
  const late = ['strace', '-f', '-qqq', '-b', 'execve', '-o', '/dev/null', '-e', 'trace=poll', '-e', 'inject=poll:delay_enter=2000000:when=1']
  const exec = await box.launch(['-t'], execArgs(box, 'echo whole', { terminal: true }), late)
  assert.equal(typeof exec.lines()[0]?.['data'], 'number')
  assert.deepEqual(await exec.line(1), { data: 0 })
  assert.match(box.read('session/log'), /^\S+ stdout F whole\r?$/m)
})

test('logs are opened anew when the ctl fifo says so', async () => {
  await using box = new Box({ script: 'echo before; sleep 1.5; echo after' })
  await box.launch()
  box.start()
  await until('the first line', () => box.read('log').includes('before'))
  renameSync(box.path('log'), box.path('log.old'))
  writeFileSync(box.path('bundle/ctl'), '2 0 0\n')
  await box.ended()
  assert.equal(withoutTimes(box.read('log')), 'stdout F after\n')
})

test('a process is added with exec: pid, exit code and log', async () => {
  await using box = new Box({ script: 'sleep 60' })
  await box.launch()
  box.start()
  const exec = await box.launch([], execArgs(box, 'echo in; exit 5'))
  assert.equal(typeof exec.lines()[0]?.['data'], 'number')
  assert.deepEqual(await exec.line(1), { data: 5 })
  assert.match(box.read('session/log'), /stdout F in/)
  assert.equal(readFileSync(box.path(`session/exits/${box.id}`), 'utf8'), '5')
})

test('an exec that cannot start tells the exit code of the runtime', async () => {
  await using box = new Box({ script: 'sleep 60' })
  await box.launch()
  box.start()
  const exec = await box.launch([], execArgs(box, '', { args: ['/none'] }))
  assert.ok(Number(exec.lines()[0]?.['data']) < 0)
  assert.match(String(exec.lines()[0]?.['message']), /none/)
})

test('an exec that takes too long is killed and said to have timed out', async () => {
  await using box = new Box({ script: 'sleep 60' })
  await box.launch()
  box.start()
  const exec = await box.launch(['-T', '1'], execArgs(box, 'sleep 50'))
  assert.deepEqual(await exec.line(1), { data: -1, message: 'command timed out' })
})

test('an end is seen though a grandchild still holds the output', async () => {
  await using box = new Box({ script: 'sleep 60' })
  await box.launch()
  box.start()
  const exec = await box.launch([], execArgs(box, '(sleep 30; echo late) & echo early'))
  assert.deepEqual(await exec.line(1), { data: 0 })
  assert.match(box.read('session/log'), /early/)
})

test('a killed caller changes nothing', async () => {
  await using box = new Box({ script: 'sleep 0.5; echo done; exit 9' })
  const caller = spawn('sh', ['-c', '"$@"; exec sleep 60', 'sh', OURS, ...box.args(), '-l', box.path('log')], { stdio: 'ignore', detached: true })
  await until('the container', () => box.has('pid') && box.has('monitor.pid') && /created/.test(box.runc('list')))
  process.kill(-Number(caller.pid), 'SIGKILL')
  box.start()
  assert.equal(await box.ended(), '9')
  assert.match(box.read('log'), /done/)
})

test('the exit command runs once, after the exit file, with its arguments and no open descriptors', async () => {
  await using box = new Box({ script: 'exit 4' })
  writeFileSync(box.path('after'), `#!/bin/sh\necho "$1,$2,$(cat ${box.path('exits')}/*),$(ls /proc/self/fd | wc -l)" >> ${box.path('after.txt')}\n`)
  chmodSync(box.path('after'), 0o755)
  await box.launch(['--exit-command', box.path('after'), '--exit-command-arg', '--id', '--exit-command-arg', 'a b', '--exit-delay', '1'])
  box.start()
  await until('the exit file', () => box.has(`exits/${box.id}`))
  assert.ok(!box.has('after.txt'))
  await box.ended()
  // 0, 1, 2 and the directory that ls reads.
  assert.equal(box.read('after.txt'), '--id,a b,4,4\n')
})

test('descriptors of the caller are kept for the container\'s life', async () => {
  await using box = new Box({ script: 'sleep 60' })
  const child = spawn('sh', ['-c', 'exec 7<"$0"; "$@"', box.path('bundle/config.json'), OURS, ...box.args(), '-l', 'none'], { stdio: 'ignore' })
  await until('the container', () => child.exitCode !== null && box.has('pid'))
  assert.ok(existsSync(`/proc/${box.monitorPid}/fd/7`))
  box.runc('kill', box.id, 'KILL')
  await box.ended()
})

test('lack of memory leaves a mark', { skip: existsSync('/sys/fs/cgroup/memory') || existsSync('/sys/fs/cgroup/cgroup.controllers') ? false : 'no memory cgroup' }, async () => {
  await using box = new Box({ script: 'head -c 100000000 /dev/zero | tail', memoryBytes: 16 << 20 })
  symlinkSync('busybox', box.path('bundle/rootfs/bin/tail'))
  await box.launch()
  box.start()
  assert.equal(await box.ended(), '137')
  assert.ok(box.has('persist/oom') && box.has('bundle/oom'))
})

test('an end without lack of memory leaves no such mark', async () => {
  await using box = new Box({ script: 'exit 1', memoryBytes: 64 << 20 })
  await box.launch()
  box.start()
  await box.ended()
  assert.ok(!box.has('persist/oom'))
})

test('notifications are relayed, but none that the container may not send', async () => {
  await using box = new Box({ script: 'sleep 60' })
  const server = spawn('python3', ['-c', `import socket
s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); s.bind('${box.path('host.sock')}'); s.settimeout(15); print(s.recv(4096).decode(),end='')`])
  let got = ''
  server.stdout.on('data', (bytes) => { got += String(bytes) })
  await until('the socket', () => box.has('host.sock'))
  await box.launch(['--sdnotify-socket', box.path('host.sock')])
  execFileSync('python3', ['-c', `import socket
s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); s.sendto(b'MAINPID=1\\nREADY=1\\nSTATUS=well',"${box.path('bundle/notify/notify.sock')}")`])
  await until('the notification', () => server.exitCode !== null)
  assert.equal(got, 'READY=1\nSTATUS=well\n')
})

test('attach works in a directory whose path is longer than a socket address', async () => {
  await using box = new Box({ script: 'echo hi' })
  const long = join(box.dir, 'd'.repeat(120))
  mkdirSync(long)
  renameSync(box.bundle, join(long, 'bundle'))
  symlinkSync(join(long, 'bundle'), box.bundle)
  const args = box.args()
  args[args.indexOf('-b') + 1] = join(long, 'bundle')
  await box.launch([], [...args, '-l', 'none'])
  const client = new StreamClient(box)
  await takenIn()
  box.start()
  await client.closed()
  assert.equal(client.stdout.toString(), 'hi\n')
})

test('sockets are linked from the socket directory until the end', async () => {
  await using box = new Box({ script: 'true' })
  mkdirSync(box.path('sockets'))
  await box.launch([], [...box.args().filter((arg) => arg !== '--full-attach'), '-l', 'none', '--socket-dir-path', box.path('sockets')])
  assert.ok(box.has(`sockets/${box.id}/attach`))
  assert.equal(statSync(box.path(`sockets/${box.id}/attach`)).mode & 0o777, 0o700)
  box.start()
  await box.ended()
  assert.ok(!box.has(`sockets/${box.id}`))
})

test('a monitor needs at most a tenth of the memory of Debian\'s', async () => {
  const sizes = []
  for (const conmon of [OURS, DEBIANS]) {
    await using box = new Box({ script: 'sleep 60', conmon })
    await box.launch()
    box.start()
    sizes.push(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${box.monitorPid}/status`, 'utf8'))?.[1]))
  }
  assert.ok((sizes[0] ?? 0) * 10 <= (sizes[1] ?? 0), sizes.join())
})

function execArgs(box: Box, script: string, { args = ['sh', '-c', script], terminal = false } = {}): string[] {
  mkdirSync(box.path('session/exits'), { recursive: true })
  writeFileSync(box.path('session/process.json'), JSON.stringify({ terminal, args, cwd: '/', env: ['PATH=/bin'], user: { uid: 0, gid: 0 } }))
  return ['--api-version', '1', '-e', '-c', box.id, '-u', `${box.id}-1`, '-r', '/usr/sbin/runc', '-b', box.path('session'), '--full-attach', '-p', box.path('session/pid'),
    '-P', box.path('session/monitor.pid'), '--exit-dir', box.path('session/exits'), '--exec-process-spec', box.path('session/process.json'),
    '-l', `k8s-file:${box.path('session/log')}`, '--runtime-arg', '--root', '--runtime-arg', box.path('runc')]
}

function seqpacketProgram(): { file: string } & AsyncDisposable {
  const dir = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim()
  const file = join(dir, 'seqpacket')
  execFileSync('gcc', ['-o', file, join(import.meta.dirname, 'seqpacket.c')])
  return { file, [Symbol.asyncDispose]: async () => { rmSync(dir, { recursive: true }) } }
}
