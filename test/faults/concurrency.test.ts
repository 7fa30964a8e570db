// Many processes at once on one installation: nothing is lost, one wins, and nobody waits for what does not concern it.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../support/box.ts'
import { faultyRuntime } from '../support/faulty.ts'
import { openSuite } from '../support/suite.ts'
import { findAnything } from './state-rows.ts'

const suite = openSuite()
const MANY = 16
const many = <T>(make: (n: number) => T): T[] => Array.from({ length: MANY }, (_, n) => make(n))

test('of many that create the same name at once exactly one wins', async (t) => {
  const box = await suite.box(t)
  const results = await Promise.all(many(() => box.scow(['create', '--name', 'k', '-v', '/anonymous', suite.busybox, 'true'])))
  assert.deepEqual(results.map(({ code }) => code).sort(), [0, ...Array.from({ length: MANY - 1 }, () => 125)])
  for (const { code, stderr } of results) if (code !== 0) assert.match(stderr, /^Error: the name "k" is already in use[^\n]*\n$/)
  assert.equal((await box.ok('volume', 'ls', '-q')).split('\n').length, 1)
  await box.ok('rm', '-v', 'k')
  assert.deepEqual(await findAnything(box), [])
})

test('many run --rm at once, with network, all give their own exit code and leave nothing', async (t) => {
  const box = await suite.box(t)
  const results = await Promise.all(many((n) => box.scow(['run', '--rm', ...(n % 2 ? ['--network', 'none'] : []), suite.busybox, 'sh', '-c', `echo ${n}; exit ${n}`], { timeoutMs: 120_000 })))
  assert.deepEqual(results.map(({ code, stdout, stderr }) => [code, stdout, stderr]), many((n) => [n, `${n}\n`, '']))
  await eventually('all are removed', async () => (await box.ok('ps', '-aq')) === '')
  assert.deepEqual(await findAnything(box), [])
})

test('start, stop and rm of one container at once come one after the other', async (t) => {
  const box = await suite.box(t)
  for (let round = 0; round < 3; round++) {
    await box.ok('create', '--name', 'k', '--network', 'none', suite.busybox, 'sleep', '1000')
    const results = await Promise.all([['start', 'k'], ['stop', '-t', '0', 'k'], ['start', 'k'], ['rm', '-f', '-t', '0', 'k'], ['stop', '-t', '0', 'k'], ['rm', '-f', '-t', '0', 'k'], ['start', 'k']]
      .map((args) => box.scow(args)))
    for (const { code, stderr } of results) {
      assert.ok([0, 1, 2, 125].includes(code), `${code}: ${stderr}`)
      if (code !== 0) assert.match(stderr, /no such container|already running|is being removed|was removed meanwhile|not running|as it is running/)
      assert.doesNotMatch(stderr, /\n {4}at /)
    }
    await box.ok('rm', '-f', '-t', '0', 'k')
    assert.deepEqual(await findAnything(box), [])
  }
})

test('a stop in the middle of a restart by policy ends what is being started too', async (t) => {
  const box = await suite.box(t)
  const runtime = faultyRuntime(join(box.dir, 'bin'))
  t.after(() => runtime.heal())
  const creations = (): number => runtime.calls().filter((words) => / create /.test(` ${words} `)).length
  await box.ok('--runtime', runtime.path, 'run', '-d', '--name', 'a', '--restart', 'always', '--network', 'none', suite.busybox, 'sleep', '0.3')
  runtime.hold('create')
  const before = creations()
  await eventually('a restart', () => creations() > before)
  const stopping = box.scow(['stop', '-t', '1', 'a'])
  await eventually('what was said', async () => (await box.ok('inspect', '-f', '{{json .State}}', 'a')).includes('"StoppedByUser":true'))
  runtime.heal()
  assert.equal((await stopping).code, 0)
  const after = creations()
  await new Promise((resolve) => { setTimeout(resolve, 2000) })
  assert.equal(await box.ok('inspect', '-f', '{{.State.Status}}', 'a'), 'exited')
  assert.equal(creations(), after)
})

test('a container is removed while another command still gives back what its killed start had taken', async (t) => {
  const box = await suite.box(t)
  const runtime = faultyRuntime(join(box.dir, 'bin'))
  t.after(() => runtime.heal())
  const called = (verb: string): number => runtime.calls().filter((words) => ` ${words} `.includes(` ${verb} `)).length
  await box.ok('--runtime', runtime.path, 'create', '--name', 'k', '--network', 'none', suite.busybox, 'true')
  runtime.hold('create')
  const starting = box.start(['start', 'k'])
  await eventually('the runtime is called', () => called('create') > 0)
  starting.kill('SIGKILL')
  await starting.end()
  runtime.hold('delete')
  const before = called('delete')
  const recovering = box.scow(['volume', 'create', 'v'])
  await eventually('the run is given back', () => called('delete') > before)
  const removing = box.scow(['rm', 'k'])
  await Promise.race([removing, sleep(1500)]) // long enough to come to it; it may not
  runtime.heal()
  for (const { code, stderr } of await Promise.all([removing, recovering])) assert.deepEqual([code, stderr], [0, ''])
  await box.ok('volume', 'rm', 'v')
  assert.deepEqual(await findAnything(box), [])
})

test('an image is not removed under a container that is being created', async (t) => {
  const box = await suite.box(t)
  for (let round = 0; round < 4; round++) {
    const [created, removed] = await Promise.all([box.scow(['create', '--pull', 'never', '--name', 'k', suite.busybox, 'true']), box.scow(['rmi', suite.busybox])])
    if (created.code === 0) {
      assert.equal(await box.ok('start', '-a', 'k'), '')
      await box.ok('rm', 'k')
    } else {
      assert.equal(removed.code, 0, removed.stderr)
      assert.match(created.stderr, /^Error: [^\n]*\n$/)
    }
    await box.ok('pull', '-q', suite.busybox)
    assert.equal(await box.ok('run', '--rm', '--network', 'none', suite.busybox, 'cat', '/etc/layer'), 'second')
  }
  assert.deepEqual(await findAnything(box), [])
})

test('who only reads does not wait for one that holds the database', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'k', '--network', 'none', suite.busybox, 'sh', '-c', 'echo words; exec sleep 1000')
  const db = new DatabaseSync(join(box.root, 'state.db'))
  db.exec('BEGIN IMMEDIATE')
  try {
    // Nothing of these may end only because the lock is given back: it is not.
    for (const args of [['ps', '-a'], ['images'], ['inspect', 'k'], ['logs', 'k'], ['top', 'k'], ['port', 'k'], ['volume', 'ls'], ['exec', 'k', 'true'], ['version'], ['info']]) await box.ok(...args)
  } finally {
    db.exec('ROLLBACK')
    db.close()
  }
})

test('nobody waits for a monitor that hangs', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'k', '--network', 'none', suite.busybox, 'sh', '-c', 'echo words; exec sleep 1000')
  const id = await box.ok('inspect', '-f', '{{.Id}}', 'k')
  const monitor = Number(readFileSync(join(box.runRoot, 'containers', id, 'conmon.pid'), 'utf8'))
  process.kill(monitor, 'SIGSTOP')
  try {
    assert.match(await box.ok('ps', '--format', '{{.Names}} {{.Status}}'), /^k Up/)
    assert.equal(await box.ok('logs', 'k'), 'words')
    assert.equal(await box.ok('exec', 'k', 'echo', 'on'), 'on')
    await box.ok('run', '--rm', '--network', 'none', suite.busybox, 'true')
    await box.ok('create', '--name', 'other', suite.busybox, 'true')
    await box.ok('rm', 'other')
    // It cannot tell how the container ends: that is given up after a while.
    await box.ok('rm', '-f', '-t', '0', 'k')
  } finally {
    try { process.kill(monitor, 'SIGCONT') } catch { /* it was killed with the container */ }
  }
  await box.ok('rm', '-f', '-t', '0', 'k')
  assert.deepEqual(await findAnything(box), [])
})

test('a pull that waits for a silent registry keeps nobody else waiting', async (t) => {
  const box = await suite.box(t)
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const pulling = box.start(['pull', '-q', `127.0.0.1:${(silent.address() as { port: number }).port}/no/such:1`])
  const [peer] = await once(silent, 'connection')
  try {
    await box.ok('run', '--rm', '--network', 'none', suite.busybox, 'true')
    await box.ok('rmi', suite.busybox)
    await box.ok('pull', '-q', suite.busybox)
  } finally {
    pulling.kill('SIGKILL')
    await pulling.end()
    peer.destroy()
    silent.close()
  }
})
