import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import test from 'node:test'

const scow = (...args: string[]): string => execFileSync('scow', args, { encoding: 'utf8' }).trim()
const listed = (): string[] => scow('ps', '-a', '--format', '{{.Names}}').split('\n').filter(Boolean)

test('the records are sound', () => {
  const database = new DatabaseSync('/var/lib/scow/state.db')
  assert.deepEqual(database.prepare('PRAGMA integrity_check').all().map((row) => Object.values(row)), [['ok']])
  database.close()
})

test('every container that was said to be there is there, and starts', () => {
  const wanted = (/scow\.created=(\S+)/.exec(execFileSync('cat', ['/proc/cmdline'], { encoding: 'utf8' }))?.[1] ?? '').split(',')
  const names = listed()
  assert.deepEqual(wanted.filter((name) => !names.includes(name)), [])
  for (const name of names.slice(0, 5).concat(names.slice(5).slice(-3))) assert.equal(scow('start', '-a', name), 'sails', name)
})

test('names that no container has are free', () => {
  const names = listed()
  const image = scow('images', '-q')
  for (let number = 0, free = 0; free < 4; number++) {
    if (names.includes(`cut-${number}`)) continue
    free++
    scow('create', '--name', `cut-${number}`, image, 'true')
  }
})

test('after their removal nothing is left', () => {
  scow('rm', '-a', '-f')
  for (const dir of ['containers', 'staging']) assert.deepEqual(readdirSync(`/var/lib/scow/${dir}`), [], dir)
  scow('rmi', '-a')
  assert.deepEqual(readdirSync('/var/lib/scow/blobs/sha256'), [])
})
