// One installation seen from several PID namespaces, as a root that containers or shells of unshare share: pids of one mean
// other processes in the other, and what runs is never taken for ended.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'node:test'
import { eventually, finish, type Box, type Result } from '../support/box.ts'
import { faultyRuntime } from '../support/faulty.ts'
import { patience } from '../support/patience.ts'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()
const ELSEWHERE = ['--pid', '--fork', '--kill-child', '--mount-proc']

/** Runs a command in a PID namespace of its own, with which it ends. */
async function elsewhere(box: Box, ...args: string[]): Promise<Result> {
  const child = spawn('unshare', [...ELSEWHERE, ...box.command, ...args], { env: box.env, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text) => { stdout += text })
  child.stderr.setEncoding('utf8').on('data', (text) => { stderr += text })
  return { code: await finish(child), stdout, stderr }
}

/** The same, and the namespace stays. */
const endlessly = (box: Box, ...args: string[]): ChildProcess =>
  spawn('unshare', [...ELSEWHERE, 'sh', '-c', '"$@" >/dev/null && exec sleep 1000', 'sh', ...box.command, ...args], { env: box.env, stdio: ['ignore', 'ignore', 'inherit'] })

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

const FOREIGN = 'Error: container f belongs to another PID namespace: run this where it was started\n'
const ACTS = [['rm', 'f'], ['rm', '-f', '-t', '0', 'f'], ['start', 'f'], ['stop', '-t', '0', 'f'], ['restart', '-t', '0', 'f'], ['kill', 'f'], ['exec', 'f', 'true'], ['cp', 'f:/etc/passwd', '-']]

test('a container runs for other PID namespaces too, which leave it alone and say why', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'f', '--stop-timeout', '0', suite.busybox, 'sleep', '1000')
  assert.match((await elsewhere(box, 'ps', '--format', '{{.Names}} {{.Status}}')).stdout, /^f Up/)
  for (const act of ACTS) assert.deepEqual(await elsewhere(box, ...act), { code: 125, stdout: '', stderr: FOREIGN }, act.join(' '))
  assert.equal((await elsewhere(box, 'volume', 'create', 'v')).code, 0)
  assert.equal(await box.ok('exec', 'f', 'echo', 'on'), 'on')
  const waiting = elsewhere(box, 'wait', 'f')
  await box.ok('stop', 'f')
  assert.equal((await waiting).stdout, '137\n')
  assert.match((await elsewhere(box, 'ps', '-a', '--format', '{{.Names}} {{.Status}}')).stdout, /^f Exited \(137\)/)
  await box.ok('rm', 'f')
})

test('a container ends for the others with its PID namespace', async (t) => {
  const box = await suite.box(t)
  const there = endlessly(box, 'run', '-d', '--name', 'f', suite.busybox, 'sleep', '1000')
  await eventually('it runs', async () => (await box.ok('ps', '--format', '{{.Names}} {{.Status}}')).startsWith('f Up'))
  assert.equal(await box.fails(125, 'rm', '-f', 'f'), FOREIGN)
  await end(there)
  await eventually('it has ended', async () => await box.ok('ps', '-q') === '')
  await box.ok('start', 'f')
  assert.equal(await box.ok('exec', 'f', 'echo', 'again'), 'again')
})

test('what a process of another PID namespace is at is not taken for abandoned', async (t) => {
  const box = await suite.box(t)
  const runtime = faultyRuntime(join(box.dir, 'bin'))
  await box.ok('--runtime', runtime.path, 'create', '--name', 'f', '--network', 'none', suite.busybox, 'sleep', '1000')
  runtime.hold('create')
  const there = endlessly(box, 'start', 'f')
  try {
    await eventually('the runtime is called', () => runtime.calls().some((words) => / create /.test(` ${words} `)))
    // It would wait for the lock of the start.
    assert.equal((await box.scow(['volume', 'create', 'v'], { timeoutMs: 10_000 * patience })).code, 0)
    const db = new DatabaseSync(join(box.root, 'state.db'), { readOnly: true, timeout: 5000 })
    assert.deepEqual(db.prepare('SELECT kind FROM intents').all().map(({ kind }) => kind), ['start'])
    db.close()
    runtime.heal()
    await eventually('it runs', async () => await box.ok('ps', '--format', '{{.Names}}') === 'f')
  } finally {
    runtime.heal()
    await end(there)
  }
})
