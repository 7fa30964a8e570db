import '../support/jail.ts'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { eventually, openBox, type Box, type BoxOptions } from '../support/box.ts'
import { patience } from '../support/patience.ts'
import { openRegistry, type Registry } from '../support/registry.ts'
import type { TestContext } from 'node:test'

let registry: Registry
let busybox: string
let probe: string
before(async () => {
  registry = await openRegistry()
  busybox = `${registry.host}/busybox:1`
  probe = `${registry.host}/probe:1`
})
after(() => registry.close())

/** A box that has the image already. */
async function boxWithImage(t: TestContext, options?: BoxOptions): Promise<Box> {
  const box = await openBox(t, options)
  await box.ok('pull', '-q', busybox)
  return box
}

test('run prints what the container prints, on the same streams', async (t) => {
  const box = await boxWithImage(t)
  const result = await box.scow(['run', '--rm', busybox, 'sh', '-c', 'echo out; echo err >&2; printf end'])
  assert.deepEqual(result, { code: 0, stdout: 'out\nend', stderr: 'err\n' })
})

test('run with networks and ports loads no sockets, streams, processes or cryptography of Node', async (t) => {
  const box = await boxWithImage(t)
  const file = join(box.dir, 'loads')
  const env = { NODE_OPTIONS: `--require ${join(import.meta.dirname, '../cli/fixtures/trace-builtins.cjs')}`, TRACE_LOADS: file }
  await box.ok('run', '--rm', busybox, 'true') // makes the network, which takes more
  for (const flags of [['--network', 'none'], ['-p', '80'], ['-p', '53/udp', '-d', '--name', 'ns']]) {
    assert.equal((await box.scow(['run', '--rm', ...flags, busybox, 'true'], { env })).code, 0)
    const names = readFileSync(file, 'utf8').split('\n').flatMap((name) => /^NativeModule (.*)/.exec(name)?.[1] ?? [])
    assert.ok(names.includes('vm'), names.join())
    assert.deepEqual(names.filter((name) => /^(net|dgram|os|stream|child_process|crypto|zlib|http|https|worker_threads|fs\/promises|internal\/streams\/.*)$/.test(name)), [], flags.join(' '))
  }
})

test('a working directory that the image lacks is its user\'s', async (t) => {
  const box = await boxWithImage(t)
  const made = async (...flags: string[]): Promise<string> => box.ok('run', '--rm', '--network', 'none', ...flags, busybox, 'sh', '-c', 'stat -c "%u:%g %a" . ..')
  assert.equal(await made('-u', '1000:1001', '-w', '/w/x'), '1000:1001 755\n0:0 755')
  assert.equal(await made('-w', '/w/x'), '0:0 755\n0:0 755')
  assert.equal(await made('-u', '1000', '-w', '/tmp'), '0:0 1777\n0:0 755')
  assert.match(await box.fails(126, 'run', '--rm', '--network', 'none', '-u', '1000', '-w', '/bin/sh', busybox, 'true'), /not a directory/)
})

test('the umask and the other users of the host see nothing of what a container has', async (t) => {
  const box = await boxWithImage(t)
  const before = process.umask(0o077)
  try {
    assert.equal(await box.ok('run', '--rm', '-u', '1000', '-v', 'shared:/shared', busybox, 'sh', '-c', 'cat /etc/hosts /etc/resolv.conf /etc/passwd >/dev/null && ls -d /shared && umask'), '/shared\n0022')
    await box.ok('volume', 'rm', 'shared')
    process.umask(0)
    await box.ok('run', '--name', 'secret', '-e', 'PASSWORD=hidden', '-v', 'kept:/kept', busybox, 'true')
  } finally {
    process.umask(before)
  }
  for (const [path, mode] of [['state.db', 0o600], ['volumes', 0o700], ['blobs', 0o700], ['containers', 0o700]] as const) assert.equal(statSync(join(box.root, path)).mode & 0o777, mode, path)
  const { stderr, status } = spawnSync('setpriv', ['--reuid', '65534', '--regid', '65534', '--clear-groups', 'cat', join(box.root, 'state.db'), join(box.root, 'volumes/kept/_data/x')], { encoding: 'utf8' })
  assert.deepEqual([status, stderr.match(/Permission denied/g)?.length], [1, 2])
})

test('run ends with the exit code of the container', async (t) => {
  const box = await boxWithImage(t)
  for (const code of [1, 3, 42, 125, 126, 127, 255]) {
    assert.equal((await box.scow(['run', '--rm', busybox, 'sh', '-c', `exit ${code}`])).code, code)
  }
})

test('a container that a signal killed ends with 128 and the signal', async (t) => {
  const box = await boxWithImage(t)
  const running = box.start(['run', '--name', 'victim', busybox, 'sh', '-c', 'echo up; sleep 1000'])
  await running.sees(/up/)
  await box.ok('kill', '-s', 'KILL', 'victim')
  assert.equal((await running.end()).code, 137)
  assert.equal(await box.ok('inspect', '-f', '{{.State.ExitCode}}', 'victim'), '137')
  for (const [signal, code] of [[15, 143], [6, 134]]) {
    assert.equal((await box.scow(['run', '--rm', busybox, 'sh', '-c', `sh -c 'kill -${signal} $$'; exit $?`])).code, code)
  }
})

test('a command that does not exist gives 127, one that cannot run 126, one wrong flag 125', async (t) => {
  const box = await boxWithImage(t)
  assert.match(await box.fails(127, 'run', '--rm', busybox, '/no/such'), /\/no\/such/)
  assert.match(await box.fails(127, 'run', '--rm', busybox, 'nosuch'), /nosuch/)
  assert.match(await box.fails(126, 'run', '--rm', busybox, '/etc'), /\/etc/)
  assert.match(await box.fails(126, 'run', '--rm', busybox, '/etc/passwd'), /\/etc\/passwd/)
  assert.match(await box.fails(125, 'run', '--no-such-flag', busybox), /no-such-flag/)
  await box.fails(125, 'run')
  assert.match(await box.fails(125, 'run', '--rm', `${registry.host}/nosuch:1`), /nosuch/)
  assert.match(await box.fails(125, 'run', '--rm', 'UPPER/Case'), /UPPER/)
  assert.equal(await box.ok('ps', '-aq'), '')
})

test('errors are one line and never a stack', async (t) => {
  const box = await boxWithImage(t)
  for (const args of [['run', '--no-such-flag', busybox], ['run', '--rm', busybox, '/no/such'], ['start', 'nobody'], ['run', '-v', 'a:b:c:d:e', busybox, 'true'],
    ['run', '-p', 'x:y', busybox, 'true'], ['run', '--memory', 'lots', busybox, 'true'], ['run', '--network', 'nosuch', busybox, 'true']]) {
    const { code, stderr } = await box.scow(args)
    assert.notEqual(code, 0)
    assert.doesNotMatch(stderr, /^ +at |node:internal|\.cjs/m)
    assert.match(stderr, /^Error: [^\n]+\n(\n?[^\n]+\n)?$/, `of scow ${args.join(' ')}`)
  }
})

test('standard input goes in with -i alone, to its end', async (t) => {
  const box = await boxWithImage(t)
  assert.deepEqual(await box.scow(['run', '--rm', '-i', busybox, 'cat'], { input: 'one\ntwo' }), { code: 0, stdout: 'one\ntwo', stderr: '' })
  assert.equal((await box.scow(['run', '--rm', busybox, 'cat'], { input: 'lost' })).stdout, '')
  const big = Buffer.alloc(5_000_000, 'scow ')
  const { stdout } = await box.scow(['run', '--rm', '-i', busybox, 'md5sum'], { input: big })
  assert.equal(stdout, `${(await import('node:crypto')).createHash('md5').update(big).digest('hex')}  -\n`)
})

test('without a terminal the detach keys are bytes like any others', async (t) => {
  const box = await boxWithImage(t)
  const { code, stdout } = await box.scow(['run', '--rm', '-i', busybox, 'od', '-An', '-c'], { input: 'ab\x10\x11cd\n' })
  assert.deepEqual([code, stdout.trim()], [0, 'a   b 020 021   c   d  \\n'])
})

test('a start that fails gives its network back without waiting for its monitor', async (t) => {
  const box = await boxWithImage(t)
  const tookMs = async (...args: string[]): Promise<number> => {
    const began = Date.now()
    await box.scow(['run', '--rm', busybox, ...args])
    return Date.now() - began
  }
  const usual = await tookMs('true')
  assert.ok(await tookMs('nosuch') - usual < 4000 * patience)
})

test('output of a container arrives whole, however large', async (t) => {
  const box = await boxWithImage(t)
  const { stdout } = await box.scow(['run', '--rm', busybox, 'sh', '-c', 'seq 1 300000'])
  assert.equal(stdout.length, 1_988_895)
  assert.equal(stdout.slice(-14), '299999\n300000\n')
})

test('a slow reader gets all output, though others clean up meanwhile', async (t) => {
  const box = await boxWithImage(t)
  const { stdout } = spawnSync('bash', ['-c', '"$@" | (sleep 2.5; wc -c)', 'bash', ...box.command, 'run', '--rm', busybox, 'seq', '1', '60000'], { env: box.env, encoding: 'utf8' })
  assert.equal(stdout.trim(), '348894')
})

test('-t gives a terminal of the right size, and follows its changes', async (t) => {
  const box = await boxWithImage(t)
  await box.ok('pull', '-q', probe)
  const plain = await box.scow(['run', '--rm', probe, 'tty'])
  assert.equal(plain.stdout, '0 0 0\n')
  const size = { rows: 31, columns: 97 }
  assert.equal((await box.scow(['run', '--rm', '-t', probe, 'tty'], { terminal: size })).stdout, '1 1 1\r\n')
  const running = box.start(['run', '--rm', '-it', busybox, 'sh'], { terminal: size })
  await running.sees(/# /)
  running.type('stty size\n')
  await running.sees(/31 97/)
  running.resize(40, 120)
  // A new size arrives by a signal: the shell may be asked before it is there.
  await eventually('the new size', () => { running.type('stty size\n'); return /40 120/.test(running.stdout()) })
  running.type('exit 5\n')
  assert.equal((await running.end()).code, 5)
})

test('--attach stdin alone prints the id as soon as the container runs, then waits for it', async (t) => {
  const box = await boxWithImage(t)
  const run = (...words: string[]) => box.start(['run', '-i', '-a', 'stdin', '--name', 'fed', '--network', 'none', busybox, ...words], { openInput: true })
  const running = run('sh', '-c', 'cat; exit 3')
  await running.sees(/^[0-9a-f]{64}\n$/)
  running.type('in\n')
  running.endInput()
  const { code, stdout } = await running.end()
  assert.deepEqual([code, stdout], [3, `${await box.ok('inspect', '-f', '{{.Id}}', 'fed')}\n`])
  assert.equal(await box.ok('logs', 'fed'), 'in')
  await box.ok('rm', 'fed')
  const refused = await run('nosuch').end()
  assert.deepEqual([refused.code, refused.stdout], [127, ''])
})

test('ctrl-p ctrl-q detaches and leaves the container running; attach comes back', async (t) => {
  const box = await boxWithImage(t)
  const terminal = { rows: 24, columns: 80 }
  const running = box.start(['run', '-it', '--name', 'det', busybox, 'sh'], { terminal })
  await running.sees(/# /)
  running.type('\x10\x11')
  assert.equal((await running.end()).code, 0)
  assert.equal(await box.ok('inspect', '-f', '{{.State.Running}}', 'det'), 'true')
  const again = box.start(['attach', 'det'], { terminal })
  // What is typed before it is attached is lost: ask until the shell answers.
  await eventually('a prompt', () => { again.type('\n'); return /# /.test(again.stdout()) })
  again.type('echo back-$((40+2))\n')
  await again.sees(/back-42/)
  again.type('exit 3\n')
  assert.equal((await again.end()).code, 3)
})

test('--rm takes everything away, however the container ends', async (t) => {
  const box = await boxWithImage(t)
  await box.scow(['run', '--rm', '--name', 'gone', busybox, 'false'])
  await box.fails(1, 'container', 'exists', 'gone')
  await box.ok('run', '--rm', '--name', 'gone', busybox, 'true')
  assert.match(await box.fails(125, 'start', 'gone'), /no such container/)
  await box.ok('run', '-d', '--rm', '--name', 'gone', busybox, 'sleep', '100')
  await box.ok('kill', 'gone')
  await eventually('the container is removed', async () => await box.ok('ps', '-aq') === '')
  await box.ok('run', '-d', '--rm', '--name', 'gone', busybox, 'sleep', '100')
  await box.ok('stop', '-t', '0', 'gone')
  await eventually('the container is removed', async () => await box.ok('ps', '-aq') === '')
})

test('a name is taken once, and --replace takes it over', async (t) => {
  const box = await boxWithImage(t)
  const first = await box.ok('create', '--name', 'one', busybox, 'true')
  assert.match(await box.fails(125, 'create', '--name', 'one', busybox, 'true'), /"one".*in use/)
  const second = (await box.ok('create', '--replace', '--name', 'one', busybox, 'true')).split('\n').at(-1)
  assert.notEqual(first, second)
  assert.equal(await box.ok('ps', '-aq', '--no-trunc'), second)
  assert.match(await box.fails(125, 'create', '--name', 'bad name', busybox), /bad name/)
})

test('a container is found by name, whole id and unique beginning', async (t) => {
  const box = await boxWithImage(t)
  const id = await box.ok('create', '--name', 'finder', busybox)
  for (const word of ['finder', id, id.slice(0, 12), id.slice(0, 5)]) assert.equal(await box.ok('inspect', '-f', '{{.Id}}', word), id)
  assert.match(await box.fails(125, 'inspect', 'nobody'), /nobody/)
})

test('environment, working directory, user, host name and labels are what was asked for', async (t) => {
  const box = await boxWithImage(t)
  writeFileSync(join(box.dir, 'vars'), '# comment\nFROM_FILE=yes\nSEEN\n')
  const { stdout } = await box.scow(['run', '--rm', '-e', 'A=1 2', '-e', 'SEEN', '--env-file', join(box.dir, 'vars'), '-w', '/tmp', '-u', 'ada', '-h', 'boat',
    '-l', 'k=v', busybox, 'sh', '-c', 'echo "$A $SEEN $FROM_FILE"; pwd; id; hostname'], { env: { SEEN: 'here' } })
  assert.equal(stdout, '1 2 here yes\n/tmp\nuid=1000(ada) gid=1000(ada) groups=1000(ada),2000(boats)\nboat\n')
})

test('the entry point and the command follow the image, the flags and the words', async (t) => {
  const box = await boxWithImage(t)
  await box.ok('pull', '-q', probe)
  await box.fails(7, 'run', '--rm', probe, 'exit', '7')
  assert.equal(await box.ok('run', '--rm', '--entrypoint', 'echo', busybox, 'a', 'b'), 'a b')
  assert.equal(await box.ok('run', '--rm', '--entrypoint', '["echo","x"]', busybox, 'y'), 'x y')
  assert.equal(await box.ok('run', '--rm', '--entrypoint', '', busybox, 'echo', 'z'), 'z')
})

test('a container has the default capabilities, no new ones, and --privileged all', async (t) => {
  const box = await boxWithImage(t)
  await box.ok('pull', '-q', probe)
  const caps = async (...flags: string[]) => /CapEff:\s*([0-9a-f]+)/.exec(await box.ok('run', '--rm', ...flags, probe, 'status', 'CapEff'))?.[1]
  assert.equal(await caps(), '00000000800405fb')
  assert.equal(await caps('--cap-drop', 'all'), '0000000000000000')
  assert.equal(await caps('--cap-drop', 'all', '--cap-add', 'net_admin'), '0000000000001000')
  assert.equal(await caps('-u', '1000'), '0000000000000000')
  const all = /CapBnd:\s*([0-9a-f]+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]
  assert.equal(await caps('--privileged'), all)
})

test('--read-only leaves only the temporary folders writable', async (t) => {
  const box = await boxWithImage(t)
  const { stdout, stderr } = await box.scow(['run', '--rm', '--read-only', busybox, 'sh', '-c', 'touch /x; touch /tmp/x && echo tmp'])
  assert.match(stderr, /Read-only file system/)
  assert.equal(stdout, 'tmp\n')
})

test('limits reach the cgroup, and memory beyond the limit kills', async (t) => {
  const box = await boxWithImage(t)
  await box.ok('pull', '-q', probe)
  await box.ok('run', '-d', '--name', 'lim', '-m', '64m', '--pids-limit', '50', '--cpus', '0.5', busybox, 'sleep', '100')
  const host = JSON.parse(await box.ok('inspect', 'lim'))[0].HostConfig
  assert.equal(host.Memory, 64 << 20)
  assert.equal(host.PidsLimit, 50)
  assert.equal(host.NanoCpus, 500_000_000)
  await box.fails(137, 'run', '--name', 'oom', '-m', '20m', probe, 'alloc', '60')
  assert.equal(await box.ok('inspect', '-f', '{{.State.OOMKilled}} {{.State.ExitCode}}', 'oom'), 'true 137')
})

test('--cidfile, --pidfile and --conmon-pidfile are written', async (t) => {
  const box = await boxWithImage(t)
  const file = (name: string) => join(box.dir, name)
  const id = await box.ok('run', '-d', '--cidfile', file('cid'), '--pidfile', file('pid'), '--conmon-pidfile', file('cpid'), busybox, 'sleep', '100')
  assert.equal(readFileSync(file('cid'), 'utf8').trim(), id)
  assert.equal(readFileSync(file('pid'), 'utf8').trim(), await box.ok('inspect', '-f', '{{.State.Pid}}', id))
  assert.match(readFileSync(`/proc/${readFileSync(file('cpid'), 'utf8').trim()}/cmdline`, 'utf8'), /conmon/)
  assert.match(await box.fails(125, 'run', '--cidfile', file('cid'), busybox, 'true'), /cid/)
})

test('SIGUSR1 opens no debugger: it ends a command as other signals do', async (t) => {
  const box = await boxWithImage(t)
  await box.ok('run', '-d', '--name', 'long', busybox, 'sleep', '1000')
  for (const [ends, ...words] of [[138, 'wait', 'long'], [0, 'logs', '-f', 'long']] as const) {
    const command = box.start(words)
    const caught = (): bigint => BigInt(`0x${/SigCgt:\s*(\w+)/.exec(readFileSync(`/proc/${command.pid}/status`, 'utf8'))![1]!}`)
    await eventually('it minds SIGHUP, as all commands do', () => Promise.resolve((caught() & 1n) !== 0n))
    process.kill(command.pid, 'SIGUSR1')
    const { code, stderr } = await command.end()
    assert.deepEqual([code, stderr.includes('ebugger')], [ends, false], words.join(' '))
  }
})

test('signals that the caller gets go to the container', async (t) => {
  const box = await boxWithImage(t)
  await box.ok('pull', '-q', probe)
  const running = box.start(['run', '--rm', probe, 'signals'])
  await running.sees(/ready/)
  running.kill('SIGUSR1')
  await running.sees(/signal 10/)
  running.kill('SIGTERM')
  await running.sees(/signal 15/)
  running.kill('SIGQUIT')
  assert.equal((await running.end()).code, 0)
})

test('a container outlives the caller that was killed', async (t) => {
  const box = await boxWithImage(t)
  const running = box.start(['run', '--name', 'orphan', busybox, 'sh', '-c', 'echo up; sleep 1; echo later; exit 4'])
  await running.sees(/up/)
  running.kill('SIGKILL')
  await running.end()
  assert.equal(await box.ok('wait', 'orphan'), '4')
  assert.equal(await box.ok('logs', 'orphan'), 'up\nlater')
})
