// What depends on the runtime, with crun and with gVisor in place of runc.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import test from 'node:test'
import { eventually } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()

for (const { runtime, network, keepsFiles } of [
  { runtime: 'crun', network: 'bridge', keepsFiles: true },
  // gVisor joins no network namespace on old kernels, and keeps what is written in memory of its own.
  { runtime: 'runsc', network: 'none', keepsFiles: false },
]) {
  test(`${runtime} runs, execs, stops and gives exit codes`, async (t) => {
    const box = await suite.box(t, { flags: ['--runtime', runtime] })
    const run = (...args: string[]) => ['run', '--network', network, ...args]
    assert.deepEqual(await box.scow(run('--rm', suite.busybox, 'sh', '-c', 'echo out; echo err >&2; exit 7')), { code: 7, stdout: 'out\n', stderr: 'err\n' })
    assert.equal((await box.scow(run('--rm', '-i', suite.busybox, 'cat'), { input: 'in' })).stdout, 'in')
    await box.fails(127, ...run('--rm', suite.busybox, 'nosuch'))
    await box.ok(...run('-d', '--name', 'c', suite.busybox, 'sh', '-c', 'trap "exit 9" TERM; echo up; while :; do sleep 0.1; done'))
    await eventually('its first line', async () => await box.ok('logs', 'c') === 'up')
    assert.deepEqual(await box.scow(['exec', 'c', 'sh', '-c', 'echo $$ >/tmp/file; echo in; exit 6']), { code: 6, stdout: 'in\n', stderr: '' })
    await box.ok('stop', 'c')
    assert.equal(await box.ok('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}} {{.OCIRuntime}}', 'c'), `exited 9 ${runtime}`)
    await box.ok('start', 'c')
    assert.equal((await box.scow(['exec', 'c', 'test', '-e', '/tmp/file'])).code, keepsFiles ? 0 : 1)
    await box.ok('rm', '-f', '-t', '0', 'c')
  })
}
