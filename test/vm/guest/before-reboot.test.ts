// Leaves containers of every restart policy behind, in the machine's own roots; after-reboot.test.ts looks at them.
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import test from 'node:test'
import { promisify } from 'node:util'
import { checkout } from '../../support/box.ts'
import { openRegistry } from '../../support/registry.ts'

const scow = (...args: string[]): string => execFileSync('scow', args, { encoding: 'utf8' }).trim()

test('the shipped unit can be enabled', () => {
  copyFileSync(`${checkout}/docs/systemd/scow-restart.service`, '/etc/systemd/system/scow-restart.service')
  execFileSync('systemctl', ['enable', '--quiet', 'scow-restart.service'], { stdio: 'inherit' })
  // Its files are not scow's: where the power is cut, they are there all the same.
  execFileSync('sync', ['/etc/systemd/system/scow-restart.service', '/etc/systemd/system', '/etc/systemd/system/multi-user.target.wants'])
})

test('containers of every restart policy run', async () => {
  await using registry = await openRegistry()
  const image = `${registry.host}/busybox:1`
  // While this process answers for the registry.
  await promisify(execFile)('scow', ['pull', '-q', image])
  const loop = 'echo begun; while :; do sleep 1; done'
  for (const [name, policy] of [['always', 'always'], ['unless', 'unless-stopped'], ['halted', 'unless-stopped'], ['failing', 'on-failure'], ['never', 'no']]) {
    scow('run', '-d', '--name', name!, '--restart', policy!, image, 'sh', '-c', loop)
  }
  scow('run', '-d', '--rm', '--name', 'passing', image, 'sh', '-c', loop)
  scow('run', '-d', '--name', 'published', '--restart', 'always', '-p', '8088:80', image, 'httpd', '-f', '-p', '80', '-h', '/data')
  scow('stop', '-t', '0', 'halted')
  assert.equal(scow('ps', '-q').split('\n').length, 6)
})

test('the unit leaves containers alone that run', () => {
  const pids = () => scow('inspect', '-f', '{{.State.Pid}}', 'always', 'unless', 'halted', 'failing', 'never', 'published')
  const before = pids()
  execFileSync('systemctl', ['start', 'scow-restart.service'], { stdio: 'inherit' })
  assert.equal(pids(), before)
})
