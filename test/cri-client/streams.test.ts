import '../support/jail.ts'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openRuntime } from './runtime.ts'

let [pod, container] = ['', '']
const runtime = openRuntime(async ({ run }) => { ({ pod, container } = await run({ command: ['sleep', '1000'] })) })
const MEGABYTES = 8

test('exec --sync has the command\'s own exit code, and both outputs', async () => {
  const { code, stdout, stderr } = await runtime.crictl.run(['exec', '--sync', container, 'sh', '-c', 'echo out; echo err >&2; exit 3'])
  assert.deepEqual([code, stdout, stderr], [3, 'out\n', 'err\n'])
})

test('exec --sync of more than an answer holds is whole, or it is said what to do', async () => {
  const { code, stdout, stderr } = await runtime.crictl.run(['exec', '--sync', container, 'head', '-c', '20000000', '/dev/zero'])
  if (code === 0) assert.ok(stdout.length >= 16_000_000)
  else assert.match(stderr, /^Error: [^\n]*; drop --sync: the output is too large for one answer\n$/)
})

test('exec --sync whose time is over is told apart', async () => {
  assert.match(await runtime.crictl.fails(124, 'exec', '--sync', '--timeout', '1', container, 'sleep', '30'), /^Error: [^\n]*\b1 ?s\b[^\n]*\n$/)
})

for (const transport of ['spdy', 'websocket']) {
  test(`exec over ${transport} keeps outputs apart and has the exit code`, async () => {
    const { code, stdout, stderr } = await runtime.crictl.run(['exec', '-r', transport, container, 'sh', '-c', 'echo out; echo err >&2; exit 4'])
    assert.deepEqual([code, stdout, stderr], [4, 'out\n', 'err\n'])
  })

  test(`exec over ${transport} passes on large input and output whole`, async () => {
    const input = Buffer.alloc(MEGABYTES * 1024 * 1024, 'scow')
    // WebSocket cannot tell the end of the input before its fifth version
    const command = transport === 'spdy' ? ['md5sum'] : ['sh', '-c', `head -c ${input.length} | md5sum`]
    const { createHash } = await import('node:crypto')
    const sent = await runtime.crictl.run(['exec', '-i', '-r', transport, container, ...command], { input })
    assert.deepEqual([sent.code, sent.stdout.split(' ')[0]], [0, createHash('md5').update(input).digest('hex')], sent.stderr)
    const { code, stdout } = await runtime.crictl.run(['exec', '-r', transport, container, 'sh', '-c', `yes scow | head -c ${MEGABYTES * 1024 * 1024}`])
    assert.deepEqual([code, stdout.length], [0, MEGABYTES * 1024 * 1024])
  })

  test(`exec and attach over ${transport} end quietly with the reader of their output`, async () => {
    const talks = await runtime.run({ command: ['yes', 'scow'] })
    for (const args of [['exec', '-r', transport, container, 'yes', 'scow'], ['attach', '-r', transport, talks.container]]) {
      const talking = runtime.crictl.start(args)
      await once(talking.child.stdout!, 'data')
      talking.child.stdout!.destroy()
      const { code, stderr } = await talking.end()
      assert.deepEqual([code, stderr], [141, ''], args.join(' '))
    }
    await runtime.crictl.ok('rmp', '-f', talks.pod)
    // Where the runtime reads on though nobody listens, it would be busy with it until the container goes.
    await runtime.crictl.run(['exec', container, 'killall', 'yes'])
  })

  test(`exec -it over ${transport} gives a terminal of the caller's size`, async () => {
    const { code, stdout } = await runtime.crictl.run(['exec', '-it', '-r', transport, container, 'sh', '-c', 'for n in 1 2 3 4 5 6 7 8 9; do stty size 2>/dev/null | grep 77 && break; sleep 0.2; done; sleep 0.3; exit 5'], { terminal: { rows: 33, columns: 77 } })
    assert.equal(code, 5, stdout)
    assert.match(stdout, /33 77/)
  })
}

test('input over a WebSocket has an end, or it is said that this runtime cannot be told of it', async () => {
  const reading = runtime.crictl.start(['exec', '-i', '-r', 'websocket', container, 'cat'], { input: 'a word' })
  let isOver = false
  const ended = reading.end().finally(() => { isOver = true })
  while (!isOver && reading.stderr() === '') await sleep(20)
  if (!isOver) reading.child.kill('SIGTERM')
  const { stdout, stderr } = await ended
  assert.equal(stdout, 'a word')
  assert.match(stderr, /^(warn: the WebSocket [^\n]*--transport spdy\nError: interrupted by SIGTERM\n)?$/)
})

test('exec in all containers that a filter chooses, at once', async () => {
  const other = await runtime.run({ command: ['sleep', '1000'] })
  const { code, stdout } = await runtime.crictl.run(['exec', '-x', '--name', 'main', 'hostname'])
  assert.equal(code, 0)
  assert.equal(stdout.trim().split('\n').length, 2)
  assert.match(await runtime.crictl.ok('exec', '-l', 'echo', 'hi'), new RegExp(`^${other.container}:\nhi$`))
  assert.equal(await runtime.crictl.ok('exec', '-q', '-l', 'echo', 'hi'), 'hi')
  assert.equal((await runtime.crictl.run(['exec', '--name', 'main', 'sh', '-c', 'exit 9'])).code, 9)
  assert.equal((await runtime.crictl.run(['exec', '-e', '--name', 'main', 'false'])).code, 0)
  assert.match(await runtime.crictl.fails(125, 'exec', '--name', 'other', 'true'), /^Error: no container matches\n$/)
  await runtime.crictl.ok('rmp', '-f', other.pod)
})

test('a wait that is interrupted says so in one line, however many it waits for', async () => {
  const waiting = runtime.cri.start(['--debug', 'wait', container, container])
  while (!waiting.stderr().includes('ContainerStatusResponse')) await sleep(20)
  waiting.child.kill('SIGTERM')
  const { code, stdout, stderr } = await waiting.end()
  assert.deepEqual([code, stdout, stderr.split('\n').filter((line) => !line.startsWith('debug: '))], [143, '', ['Error: interrupted by SIGTERM', '']])
})

test('what cannot be started has 127, and who is not there 125', async () => {
  const missing = await runtime.crictl.run(['exec', container, 'no-such-program'])
  assert.equal(missing.code, 127)
  // some runtimes send it as if the command had said it
  assert.match(missing.stdout + missing.stderr, /^(Error: |time="|OCI runtime ).*(executable file not found|no such command).*\s*$/)
  assert.match(await runtime.crictl.fails(125, 'exec', 'nope', 'true'), /not found|No such container/)
  assert.match(await runtime.crictl.fails(125, 'exec', container), /^Error: no command to run/)
})

test('attach joins a container that reads and writes', async () => {
  const reader = await runtime.run({ command: ['sh', '-c', 'read line; echo got $line; exit 6'], container: { stdin: true, stdin_once: true } })
  const attached = await runtime.crictl.run(['attach', '-i', reader.container], { input: 'a word\n' })
  assert.equal(attached.stdout, 'got a word\n', attached.stderr)
  await runtime.crictl.ok('rmp', '-f', reader.pod)
})

for (const transport of ['spdy', 'websocket']) {
  test(`port-forward carries connections to several ports over ${transport} until it is interrupted`, async () => {
    const web = await runtime.run({ command: ['httpd', '-f', '-p', '80', '-h', '/data'] })
    const forward = runtime.crictl.start(['port-forward', '-r', transport, web.pod, ':80', ':81'])
    const portTo = async (remote: number): Promise<string> => {
      for (;;) {
        const found = new RegExp(`127\\.0\\.0\\.1:(\\d+) -> ${remote}`).exec(forward.stdout())?.[1]
        if (found !== undefined) return found
        await sleep(20)
      }
    }
    const port = await portTo(80)
    for (let times = 0; times < 3; times++) {
      const answer = await fetch(`http://127.0.0.1:${port}/from-image`, { headers: { connection: 'close' } })
      assert.equal(await answer.text(), 'image\n')
    }
    const nobody = await portTo(81)
    await assert.rejects(fetch(`http://127.0.0.1:${nobody}/`))
    while (!forward.stderr().includes(`port ${nobody}: `)) await sleep(20)
    forward.child.kill('SIGINT')
    assert.equal((await forward.end()).code, 0)
    const refused = connect(Number(port), '127.0.0.1')
    const [error] = await once(refused, 'error') as [NodeJS.ErrnoException]
    assert.equal(error.code, 'ECONNREFUSED')
    await runtime.crictl.ok('rmp', '-f', web.pod)
  })
}

test('a stream that is cut in the middle is one line', async () => {
  const own = { linux: { security_context: { namespace_options: { pid: 1 } } } }
  const lost = await runtime.run({ command: ['sleep', '1000'], pod: own, container: own })
  const running = runtime.crictl.start(['exec', lost.container, 'sh', '-c', 'echo ready; sleep 100'])
  while (!running.stdout().includes('ready')) await sleep(20)
  await runtime.crictl.ok('stop', lost.container)
  const { code } = await running.end()
  assert.ok(code === 137 || code >= 125, `exit code ${code}`)
  await runtime.crictl.ok('rmp', '-f', lost.pod)
  await runtime.crictl.ok('rmp', '-f', pod)
})
