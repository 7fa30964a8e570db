import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import test from 'node:test'
import { eventually } from '../../support/box.ts'

const scow = (...args: string[]): string => execFileSync('scow', args, { encoding: 'utf8' }).trim()
const state = (name: string): string => scow('inspect', '-f', '{{.State.Status}}', name)

const unit = (property: string): string => execFileSync('systemctl', ['show', `--property=${property}`, '--value', 'scow-restart'], { encoding: 'utf8' }).trim()

test('the unit that starts containers at boot has no trouble', async () => {
  await eventually('its end', () => !['activating', 'inactive'].includes(unit('ActiveState')))
  assert.equal(unit('Result'), 'success', execFileSync('journalctl', ['--no-pager', '--boot', '--unit=scow-restart'], { encoding: 'utf8' }))
})

test('containers that are to run always run again, with a new start in their logs', () => {
  for (const name of ['always', 'unless', 'published']) assert.equal(state(name), 'running', name)
  // Of what was written just before a power cut nothing may have come to the disk.
  const isCut = readFileSync('/proc/cmdline', 'utf8').includes('scow.cut')
  assert.ok(scow('logs', 'always').split('\n').filter((line) => line.includes('begun')).length >= (isCut ? 1 : 2))
  assert.match(scow('exec', 'always', 'cat', '/proc/1/cmdline'), /begun/)
})

test('containers that are not to run do not, and say how they ended', () => {
  for (const name of ['halted', 'failing', 'never']) assert.equal(state(name), 'exited', name)
  assert.equal(scow('start', 'never'), 'never')
  assert.equal(state('never'), 'running')
})

test('a container of --rm that the reboot ended is gone', () => {
  assert.doesNotMatch(scow('ps', '-a', '--format', '{{.Names}}'), /passing/)
})

test('a published port is served again', async () => {
  const response = await fetch('http://127.0.0.1:8088/from-image')
  assert.equal(await response.text(), 'image\n')
})

test('everything can be removed, and nothing is left', () => {
  scow('rm', '-a', '-f', '-t', '0')
  assert.equal(scow('ps', '-aq'), '')
  for (const dir of ['/var/lib/scow/containers', '/var/lib/scow/staging', '/run/scow/containers', '/run/scow/netns']) assert.deepEqual(readdirSync(dir), [], dir)
})
