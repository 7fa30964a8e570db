// What depends on the monitor, with conmon in place of ours.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import test from 'node:test'
import { eventually } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()
const flags = ['--conmon', '/usr/bin/conmon']
const terminal = { rows: 20, columns: 70 }

test('with conmon, run and exec give streams, input and exit codes back', async (t) => {
  const box = await suite.box(t, { flags })
  assert.deepEqual(await box.scow(['run', '--rm', suite.busybox, 'sh', '-c', 'echo out; echo err >&2; exit 7']), { code: 7, stdout: 'out\n', stderr: 'err\n' })
  assert.equal((await box.scow(['run', '--rm', '-i', suite.busybox, 'cat'], { input: 'in' })).stdout, 'in')
  await box.fails(127, 'run', '--rm', suite.busybox, 'nosuch')
  await box.ok('run', '-d', '--name', 'c', '--network', 'none', suite.busybox, 'sleep', '1000')
  assert.deepEqual(await box.scow(['exec', 'c', 'sh', '-c', 'echo out; echo err >&2; exit 6']), { code: 6, stdout: 'out\n', stderr: 'err\n' })
  assert.equal((await box.scow(['exec', '-i', 'c', 'cat'], { input: 'in' })).stdout, 'in')
  assert.equal((await box.scow(['exec', '-t', 'c', 'stty', 'size'], { terminal })).stdout, '20 70\r\n')
  await box.fails(127, 'exec', 'c', 'nosuch')
  await box.ok('kill', 'c')
  assert.equal(await box.ok('wait', 'c'), '137')
})

test('with conmon, a terminal is attached, detached from and attached again', async (t) => {
  const box = await suite.box(t, { flags })
  const running = box.start(['run', '-it', '--network', 'none', '--name', 'c', suite.busybox, 'sh'], { terminal })
  await running.sees(/# /)
  running.type('stty size\n')
  await running.sees(/20 70/)
  running.type('\x10\x11')
  assert.equal((await running.end()).code, 0)
  const again = box.start(['attach', 'c'], { terminal })
  await eventually('a prompt', () => { again.type('\n'); return /# /.test(again.stdout()) })
  again.type('exit 3\n')
  assert.equal((await again.end()).code, 3)
})

test('with conmon, logs are kept, followed and restarted after', async (t) => {
  const box = await suite.box(t, { flags })
  await box.ok('run', '-d', '--network', 'none', '--name', 'l', suite.busybox, 'sh', '-c', 'echo one; echo two >&2; sleep 0.5; printf end; exit 4')
  const following = box.start(['logs', '-f', 'l'])
  assert.deepEqual(await following.end().then(({ stdout, stderr }) => [stdout.trimEnd(), stderr]), ['one\nend', 'two\n'])
  assert.equal(await box.ok('logs', '--tail', '1', 'l'), 'end')
  assert.equal(await box.ok('wait', 'l'), '4')
  await box.ok('run', '-d', '--network', 'none', '--name', 'r', '--restart', 'on-failure:1', suite.busybox, 'sh', '-c', 'echo run; exit 3')
  await eventually('two runs', async () => await box.ok('logs', 'r') === 'run\nrun')
  await eventually('its end', async () => await box.ok('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'r') === 'exited 3')
})
