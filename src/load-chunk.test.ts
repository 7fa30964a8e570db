import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'

const CHUNK = `
const twice = (n) => n * 2
const never = () => 'not called at first'
exports.start = (words) => words.includes('all') ? never() + twice(4) : String(twice(21))
`

/** A program of one bundle with a cache of its own; each `run` is a process. */
function program(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'scow-chunk-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const cacheDir = join(dir, 'cache')
  const main = join(dir, 'main.mjs')
  writeFileSync(join(dir, 'a.cjs'), CHUNK)
  writeFileSync(main, `
import { makeChunkLoader } from ${JSON.stringify(join(import.meta.dirname, 'load-chunk.ts'))}
const load = makeChunkLoader({ distDir: ${JSON.stringify(dir)}, cacheDir: ${JSON.stringify(cacheDir)}, require: (name) => process.getBuiltinModule(name) })
process.stdout.write(load('./a.cjs').start(process.argv.slice(2)))
`)
  return {
    run: (...words: string[]) => execFileSync(process.execPath, [main, ...words], { encoding: 'utf8' }),
    change: (text: string) => writeFileSync(join(dir, 'a.cjs'), text),
    cacheDir,
    cacheFile: () => join(cacheDir, readdirSync(cacheDir)[0]!),
  }
}

/** Whoever takes this code for whole ends with a signal. */
function damage(file: string): void {
  const bytes = readFileSync(file)
  bytes.fill(0, 400)
  writeFileSync(file, bytes)
}

test('compiled code is kept privately, and no half-written file beside it', (t) => {
  const { run, cacheDir, cacheFile } = program(t)
  assert.equal(run(), '42')
  assert.equal(readdirSync(cacheDir).length, 1)
  assert.equal(statSync(cacheDir).mode & 0o777, 0o700)
  assert.equal(statSync(cacheFile()).mode & 0o777, 0o600)
  assert.equal(run(), '42')
})

test('a stack has the places of the file itself', (t) => {
  const { run, change } = program(t)
  const text = "exports.start = () => /a\\.cjs:\\d+:\\d+/.exec(new Error().stack)[0]"
  for (const before of ['', '\n']) {
    change(`${before}${text}`)
    for (let times = 0; times < 2; times++) assert.equal(run(), `a.cjs:${before.length + 1}:${text.indexOf('new') + 1}`)
  }
})

test('the first runs add the functions that they call, later ones leave the file', (t) => {
  const { run, cacheFile } = program(t)
  run()
  const few = statSync(cacheFile()).size
  run('all')
  assert.ok(statSync(cacheFile()).size > few)
  for (let times = 0; times < 3; times++) run()
  const { ino, mtimeMs } = statSync(cacheFile())
  assert.equal(run('all'), 'not called at first8')
  assert.deepEqual([statSync(cacheFile()).ino, statSync(cacheFile()).mtimeMs], [ino, mtimeMs])
})

test('code of a bundle that has changed is not run', (t) => {
  const { run, change } = program(t)
  run()
  change(CHUNK.replace('n * 2', 'n * 3'))
  assert.equal(run(), '63')
})

test('code that others may write, that was cut off, or that another boot left is not believed', (t) => {
  const { run, cacheFile } = program(t)
  run()
  damage(cacheFile())
  chmodSync(cacheFile(), 0o666)
  assert.equal(run(), '42')
  const whole = readFileSync(cacheFile())
  writeFileSync(cacheFile(), whole.subarray(0, 300))
  assert.equal(run(), '42')
  damage(cacheFile())
  writeFileSync(cacheFile(), readFileSync(cacheFile(), 'latin1').replace(/[0-9a-f]{8}-[0-9a-f]{4}/, '00000000-0000'), 'latin1')
  assert.equal(run(), '42')
})
