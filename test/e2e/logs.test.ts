import '../support/jail.ts'
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()

test('logs gives both streams back, apart, whole or the last lines', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'l', suite.busybox, 'sh', '-c', 'for i in 1 2 3 4 5; do echo o$i; echo e$i >&2; done; sleep 0.5; printf partial')
  await box.ok('wait', 'l')
  const whole = await box.scow(['logs', 'l'])
  assert.match(whole.stdout, /^o1\no2\no3\no4\no5\npartial\n?$/)
  assert.equal(whole.stderr, 'e1\ne2\ne3\ne4\ne5\n')
  const tail = await box.scow(['logs', '--tail', '1', 'l'])
  assert.equal(tail.stdout.trimEnd(), 'partial')
  assert.equal(tail.stderr, '')
  assert.equal((await box.scow(['logs', '--tail', '0', 'l'])).stdout, '')
  await box.fails(125, 'logs', 'nobody')
})

test('logs -t puts the time before each line, and several containers are told apart by name', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '--name', 'l', suite.busybox, 'echo', 'hello')
  assert.match(await box.ok('logs', '-t', 'l'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(Z|[+-]\d\d:\d\d) hello$/)
  await box.ok('run', '--name', 'm', suite.busybox, 'echo', 'bye')
  assert.deepEqual((await box.ok('logs', '--names', 'l', 'm')).split('\n').sort(), ['l hello', 'm bye'])
  await box.ok('run', '-d', '--name', 'n', '--stop-timeout', '0', suite.busybox, 'sh', '-c', 'printf unfinished; exec sleep 100')
  await eventually('its output', async () => (await box.scow(['logs', 'n'])).stdout === 'unfinished')
  assert.equal(await box.ok('logs', '--names', 'n', 'l'), 'n unfinished\nl hello')
})

test('logs -f follows until the container ends', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'f', suite.busybox, 'sh', '-c', 'echo one; sleep 0.5; echo two; sleep 0.5; echo three')
  const following = box.start(['logs', '-f', 'f'])
  await following.sees(/one\ntwo\nthree\n/)
  assert.equal((await following.end()).code, 0)
})

test('--since and --until choose by time', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 's', suite.busybox, 'sh', '-c', 'echo early; until [ -e /go ]; do sleep 0.1; done; sleep 1; echo late')
  await eventually('the first line', () => box.ok('logs', 's'))
  await sleep(100)
  const middle = new Date().toISOString()
  await box.ok('exec', 's', 'touch', '/go')
  await box.ok('wait', 's')
  assert.equal(await box.ok('logs', '--since', middle, 's'), 'late')
  assert.equal(await box.ok('logs', '--until', middle, 's'), 'early')
  assert.equal(await box.ok('logs', '--since', '1h', 's'), 'early\nlate')
})

test('the drivers k8s-file, json-file and none keep what they should', async (t) => {
  const box = await suite.box(t)
  for (const driver of ['k8s-file', 'json-file']) {
    await box.ok('run', '--name', driver, '--log-driver', driver, suite.busybox, 'echo', 'kept')
    assert.equal(await box.ok('logs', driver), 'kept', driver)
  }
  assert.equal(await box.ok('run', '--name', 'none', '--log-driver', 'none', suite.busybox, 'echo', 'shown'), 'shown')
  await box.fails(125, 'logs', 'none')
})

test('events tells what happened, by filter, and follows', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '--name', 'ev', suite.busybox, 'true')
  await box.ok('rm', 'ev')
  const seen = (await box.ok('events', '--stream=false', '--filter', 'container=ev', '--format', '{{.Status}}')).split('\n')
  for (const event of ['create', 'start', 'died', 'remove']) assert.ok(seen.includes(event), `${event} in ${seen.join(' ')}`)
  assert.ok(seen.indexOf('create') < seen.indexOf('start') && seen.indexOf('start') < seen.indexOf('died') && seen.indexOf('died') < seen.indexOf('remove'))
  const following = box.start(['events', '--filter', 'event=start', '--format', '{{.Name}} {{.Status}}'])
  // it says nothing when it has begun to listen
  await eventually('an event', async () => {
    await box.ok('run', '--rm', '--name', 'later', suite.busybox, 'true')
    return /later start/.test(following.stdout())
  })
  following.kill('SIGINT')
  await following.end()
})

test('max-file counts the log that is written', async (t) => {
  const box = await suite.box(t)
  for (const [files, names] of [[3, ['log', 'log.1', 'log.2']], [1, ['log']]] as const) {
    const dir = join(box.dir, `logs-${files}`)
    mkdirSync(dir)
    const options = ['max-size=2k', `max-file=${files}`, `path=${dir}/log`].flatMap((option) => ['--log-opt', option])
    await box.ok('run', '--name', `m${files}`, '--network', 'none', ...options, suite.busybox, 'sh', '-c', 'for i in $(seq 1 200); do echo "line $i of the log"; done')
    assert.deepEqual(readdirSync(dir).sort(), names)
    assert.match(await box.ok('logs', '--tail', '1', `m${files}`), /^line 200 of the log$/)
  }
})
