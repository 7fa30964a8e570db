import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import test, { after, before } from 'node:test'
import { promisify } from 'node:util'
import { openRegistry, type Registry } from '../../support/registry.ts'
import { WEB_PAGE } from '../../support/images.ts'
import { assertAsPulled } from './assert-as-pulled.ts'

const run = promisify(execFile)
const scow = async (...args: string[]): Promise<string> => (await run('scow', args)).stdout.trim()

let registry: Registry
let image: string
before(async () => {
  registry = await openRegistry()
  image = `${registry.host}/web:1`
})
after(() => registry.close())

test('the records are sound', () => {
  const database = new DatabaseSync('/var/lib/scow/state.db')
  assert.deepEqual(database.prepare('PRAGMA integrity_check').all().map((row) => Object.values(row)), [['ok']])
  database.close()
})

test('no half of an image shows, and what shows runs', async () => {
  const listed = (await scow('images', '-q', '--no-trunc')).split('\n').filter(Boolean)
  for (const id of listed) await scow('run', '--rm', '--entrypoint', 'true', id.replace('sha256:', ''))
})

test('the pull goes on and finishes, and the image runs', async () => {
  await scow('pull', '-q', image)
  assert.equal(`${await scow('run', '--rm', '--entrypoint', 'cat', image, '/var/www/html/index.html')}\n`, WEB_PAGE)
  assert.deepEqual(readdirSync('/var/lib/scow/staging'), [])
})

test('every file of it is as in a pull that nothing disturbed', () => assertAsPulled(scow, image))

test('it can be removed, and nothing of it is left', async () => {
  await scow('rmi', '-a', '-f')
  for (const dir of ['containers', 'staging', 'blobs/sha256']) assert.deepEqual(readdirSync(`/var/lib/scow/${dir}`), [], dir)
})
