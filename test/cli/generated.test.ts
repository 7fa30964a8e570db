import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { generatedFiles } from '../../src/commands/generate.ts'

const root = join(import.meta.dirname, '../..')
const REMEDY = 'run: node src/commands/generate.ts'

test('completions, man pages and the parity page are those of the specs', () => {
  for (const [path, text] of generatedFiles()) assert.equal(readFileSync(join(root, path), 'utf8'), text, `${path} is stale; ${REMEDY}`)
})

test('no generated file is left over from an older command', () => {
  const known = new Set(generatedFiles().keys())
  for (const folder of ['completions', 'man']) {
    assert.deepEqual(readdirSync(join(root, folder)).filter((name) => !known.has(`${folder}/${name}`)), [], REMEDY)
  }
})
