// The power went when scow had just said that a pull is done.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { promisify } from 'node:util'
import { openRegistry } from '../../support/registry.ts'
import { WEB_PAGE } from '../../support/images.ts'
import { assertAsPulled } from './assert-as-pulled.ts'

const run = promisify(execFile)
const scow = async (...args: string[]): Promise<string> => (await run('scow', args)).stdout.trim()
const id = /scow\.pulled=(\S+)/.exec(readFileSync('/proc/cmdline', 'utf8'))![1]!

test('the image is there, and runs without a registry', async () => {
  assert.equal(await scow('images', '-q', '--no-trunc'), `sha256:${id}`)
  assert.equal(`${await scow('run', '--rm', '--pull', 'never', '--entrypoint', 'cat', id, '/var/www/html/index.html')}\n`, WEB_PAGE)
})

test('every file of it is as in a pull that nothing disturbed', async () => {
  await using registry = await openRegistry()
  const image = `${registry.host}/web:1`
  await scow('tag', id, image)
  await assertAsPulled(scow, image)
})
