// `node build.mjs stack`: the bundles that users have keep no names, so what a bug report says must lead back to src/.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'

const root = join(import.meta.dirname, '..')

/** Where the string `words` begins in a file of this checkout, as a stack has it. */
function placeOf(file: string, words: string): string {
  const lines = readFileSync(join(root, file), 'utf8').split('\n')
  const line = lines.findIndex((text) => text.includes(words))
  return `${file}:${line + 1}:${lines[line]!.indexOf(words)}`
}

test('a place in a bundle is told as one in src/; all else of a stack stays', () => {
  const words = '/var/cache/scow'
  const input = `Error: internal error: x\n    at ab (/opt/scow/${placeOf('dist/main.cjs', words)})\n    at node:internal/x:1:2\n    at other.cjs:1:1\n`
  const output = execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', 'build.mjs', 'stack'], { cwd: root, input, encoding: 'utf8' })
  assert.equal(output, `Error: internal error: x\n    at ab (${placeOf('src/main.ts', words)})\n    at node:internal/x:1:2\n    at other.cjs:1:1\n`)
})
