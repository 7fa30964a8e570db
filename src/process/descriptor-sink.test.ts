import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'

const MODULE = JSON.stringify(new URL('./descriptor-sink.ts', import.meta.url).href)
const SIZE = 1_000_000
/** `sixth`: what is done when the event loop has turned so often while the write waits. */
const writer = (more = '', sixth = ''): string[] => ['--input-type=module', '-e', `
  const { descriptorSink } = await import(${MODULE})
  const sink = descriptorSink(1)
  let turns = 0
  const timer = setInterval(() => { if (++turns === 6) { ${sixth} } }, 5)
  sink.write(Buffer.alloc(${SIZE}, 'x'), (error) => { clearInterval(timer); process.stderr.write(error?.code ?? 'turns ' + (turns > 5)); ${more} })`]

const ended = (child: ReturnType<typeof spawn>): Promise<number | null> => new Promise((resolve) => { child.on('close', resolve) })

test('a slow reader gets everything, and the event loop goes on meanwhile', async () => {
  const child = spawn(process.execPath, writer('', "process.stderr.write('still ')"), { stdio: ['ignore', 'pipe', 'pipe'] })
  let got = 0
  let said = ''
  const turned = new Promise((resolve) => { child.stderr!.on('data', (chunk) => { said += String(chunk); resolve(said) }) })
  // Read only when the loop is known to turn; one that is stuck says nothing.
  await Promise.race([turned, new Promise((resolve) => setTimeout(resolve, 20_000).unref())])
  child.stdout!.on('data', (chunk: Buffer) => { got += chunk.length })
  assert.equal(await ended(child), 0)
  assert.equal(got, SIZE)
  assert.equal(said, 'still turns true')
})

test('a reader that goes away is told by the error', async () => {
  const child = spawn(process.execPath, writer(), { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stderr!.on('data', (chunk) => { said += String(chunk) })
  child.stdout!.once('data', () => child.stdout!.destroy())
  await ended(child)
  assert.equal(said, 'EPIPE')
})

test('a regular file and /dev/null are written at once', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'scow-sink-'))
  const file = join(dir, 'out')
  assert.equal(await ended(spawn(process.execPath, writer(), { stdio: ['ignore', openSync(file, 'w'), 'ignore'] })), 0)
  assert.equal(readFileSync(file).length, SIZE)
  assert.equal(await ended(spawn(process.execPath, writer(), { stdio: ['ignore', openSync('/dev/null', 'w'), 'ignore'] })), 0)
  rmSync(dir, { recursive: true })
})
