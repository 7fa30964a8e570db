import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import test from 'node:test'
import { Failure } from '../errors.ts'
import { complete } from './complete.ts'
import { errorLine } from './error-line.ts'
import { readGlobals } from './globals.ts'
import { goDuration, humanDuration, humanSize } from './human.ts'
import { flag, oneOf, text } from './option.ts'
import { isJsonFormat, printListing } from './report.ts'
import { isTerminal } from './output.ts'
import { alignTabs, renderTable } from './table.ts'
import { struct } from './template/values.ts'
import { parseDuration, parseMoment, parseSize } from './value.ts'

test('columns are as wide as their widest cell and two, at least twelve, the last one not padded', () => {
  assert.equal(renderTable(['ID', 'NAME'], [['1', 'x'], ['a-long-identifier', 'y']]), 'ID                 NAME\n1                  x\na-long-identifier  y\n')
  assert.equal(alignTabs('a\tb\tc'), 'a           b           c')
  assert.equal(alignTabs('é\tb'), `é${' '.repeat(11)}b`)
  assert.equal(alignTabs('no tabs\na\tb'), 'no tabs\na           b')
})
test('durations are in words', () => {
  const at = (seconds: number) => humanDuration(seconds * 1000)
  assert.deepEqual([0.5, 1, 45, 61, 150, 3600, 5400, 86400, 3 * 86400, 20 * 86400, 90 * 86400, 800 * 86400].map(at),
    ['Less than a second', '1 second', '45 seconds', 'About a minute', '2 minutes', 'About an hour', '2 hours', '24 hours', '3 days', '2 weeks', '3 months', '2 years'])
  assert.deepEqual([goDuration(0), goDuration(10), goDuration(1336), goDuration(3_661_000)], ['0s', '10ms', '1.336s', '1h1m1s'])
})
test('sizes have three digits and decimal units', () => {
  assert.deepEqual([0, 12, 999, 1000, 1_980_000, 2_000_000, 1.5e9].map((bytes) => humanSize(bytes)), ['0B', '12B', '999B', '1kB', '1.98MB', '2MB', '1.5GB'])
  assert.equal(humanSize(1_982_256, ' '), '1.98 MB')
})
test('texts become numbers', () => {
  assert.deepEqual(['1k', '1.5g', '512MiB', '7', '2kb'].map(parseSize), [1024, 1610612736, 536870912, 7, 2048])
  assert.deepEqual(['10s', '1h30m', '1.5h', '250ms', '0'].map(parseDuration), [10_000, 5_400_000, 5_400_000, 250, 0])
  assert.deepEqual([parseMoment('10m', 1e12), parseMoment('1700000000'), parseMoment('2026-01-31T10:00:00Z')], [1e12 - 600_000, 1_700_000_000_000, Date.UTC(2026, 0, 31, 10)])
  for (const wrong of ['', 'x', '1x', '-1k']) assert.throws(() => parseSize(wrong))
  for (const wrong of ['', 'x', '5', '1d']) assert.throws(() => parseDuration(wrong))
  assert.throws(() => parseMoment('yesterday'))
})
test('an error is one line, a bug shows its stack', () => {
  assert.equal(errorLine(new Failure('invalid', 'no such thing', { hint: 'look elsewhere' })), 'Error: no such thing; look elsewhere')
  assert.equal(errorLine(new Failure('invalid', 'first\n  second')), 'Error: first: second')
  assert.match(errorLine(new TypeError('oops')), /^Error: internal error: TypeError: oops\n\s+at /)
})
test('global flags stand before the name', () => {
  const { values, rest } = readGlobals(['--root', '/x', '--runtime=crun', 'ps', '--all'])
  assert.deepEqual([...values], [['--root', '/x'], ['--runtime', 'crun']])
  assert.deepEqual(rest, ['ps', '--all'])
  assert.equal(readGlobals(['--nope']).problem, 'unknown flag: --nope')
  assert.equal(readGlobals(['--root']).problem, 'flag needs an argument: --root')
  assert.equal(readGlobals(['-v']).version, true)
})

const listing = async (format: string | undefined, more: object = {}): Promise<string> => {
  let written = ''
  const out = { line: (line: string) => { written += `${line}\n` }, write: (part: string | Uint8Array) => { written += part }, error: () => {}, note: () => {}, isTerminal: false, useColor: false }
  await printListing(out, {
    name: 'ls', rows: [{ id: '1', name: 'one' }, { id: '2', name: 'two' }], view: ({ id, name }) => struct('row', { ID: id, FullName: name }, { FullName: 'name' }), headings: { ID: 'ROW ID' },
    columns: [{ heading: 'ID', cell: ({ id }) => id }, { heading: 'NAME', cell: ({ name }) => name }], format, ...more,
  })
  return written
}
test('listings obey --format', async () => {
  assert.equal(await listing(undefined), 'ID          NAME\n1           one\n2           two\n')
  assert.equal(await listing(undefined, { noHeading: true }), '1           one\n2           two\n')
  assert.equal(await listing('{{.ID}}'), '1\n2\n')
  assert.equal(await listing('{{.ID}}\\t{{.FullName}}'), '1\tone\n2\ttwo\n')
  assert.equal(await listing('table {{.ID}} {{.FullName}}'), 'ROW ID      FULL NAME\n1           one\n2           two\n')
  assert.equal(await listing('{{range .}}{{.ID}} {{end}}'), '1 2 \n')
  assert.equal(await listing('{{json .ID}}'), '"1"\n"2"\n')
  assert.equal(await listing('json'), `${JSON.stringify([{ ID: '1', name: 'one' }, { ID: '2', name: 'two' }], null, 2)}\n`)
  assert.deepEqual([isJsonFormat(' json '), isJsonFormat('{{ json . }}'), isJsonFormat('{{json .ID}}')], [true, true, false])
  await assert.rejects(listing('{{.Nope}}'), /can't evaluate field Nope in type row/)
  await assert.rejects(listing('{{.ID'), /template: ls:1: unclosed action/)
})

const commands = [
  { names: ['stop', 'container stop'], spec: { name: 'stop', summary: '', args: [{ name: 'c', arity: 'some', complete: 'running' }], options: { all: flag('-a, --all', ''), sort: oneOf('--sort <x>', '', ['id', 'name']), time: text('-t, --time <x>', '') }, run: async () => {} } },
  { names: ['network ls'], spec: { name: 'ls', summary: '', options: {}, run: async () => {} } },
] as const
const suggest = (...words: string[]) => complete(words, { commands: commands as never, groups: ['container', 'network'], globals: new Map([['--root', true]]), lookUp: async (kind) => (kind === 'running' ? ['web', 'db'] : []) })
test('completion knows commands, flags, values and names', async () => {
  assert.deepEqual(await suggest('s'), ['stop'])
  assert.deepEqual(await suggest(''), ['--root', 'container', 'network', 'stop'])
  assert.deepEqual(await suggest('container', ''), ['stop'])
  assert.deepEqual(await suggest('--root', '/x', 'network', 'l'), ['ls'])
  assert.deepEqual(await suggest('stop', ''), ['db', 'web'])
  assert.deepEqual(await suggest('stop', 'web', ''), ['db'])
  assert.deepEqual(await suggest('stop', '--s'), ['--sort'])
  assert.deepEqual(await suggest('stop', '--sort', ''), ['id', 'name'])
  assert.deepEqual(await suggest('stop', '--sort=n'), ['--sort=name'])
  assert.deepEqual(await suggest('stop', '-t', ''), [])
})

const child = (source: string) => spawn(process.execPath, ['--input-type=module', '-e', `import { writeAll } from '${import.meta.dirname}/../write-all.ts'; ${source}`], { stdio: ['ignore', 'pipe', 'pipe'] })
test('a large output arrives whole at a slow reader', async () => {
  const { stdout } = child("writeAll(1, 'x'.repeat(3_000_000))")
  await new Promise((resolve) => setTimeout(resolve, 300))
  let length = 0
  for await (const chunk of stdout) length += (chunk as Buffer).length
  assert.equal(length, 3_000_000)
})
test('a reader that has gone is told apart from an error', async () => {
  const running = child("try { for (;;) writeAll(1, 'x'.repeat(100_000)) } catch (error) { process.exit(error.name === 'PipeClosed' ? 9 : 1) }")
  await once(running.stdout, 'readable')
  running.stdout.destroy()
  assert.deepEqual(await once(running, 'exit'), [9, null])
})
const isAsleep = (pid: number): boolean => readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') S ')
test('so is one that leaves a socket whose writer waits for room', async () => {
  const running = child("try { process.stderr.write('.'); for (;;) writeAll(1, 'x'.repeat(100)) } catch (error) { process.exit(error.name === 'PipeClosed' ? 9 : 1) }")
  await once(running.stderr, 'data')
  // often enough in a row that it is the write that waits
  for (let looks = 0; looks < 500; looks = isAsleep(running.pid!) ? looks + 1 : 0) await new Promise(setImmediate)
  running.stdout.destroy()
  assert.deepEqual(await once(running, 'exit'), [9, null])
})
test('a terminal is told from a file, a pipe and the null device', () => {
  const [file, nothing] = [openSync(import.meta.filename, 'r'), openSync('/dev/null', 'r')]
  assert.deepEqual([isTerminal(file), isTerminal(nothing), isTerminal(9999)], [false, false, false])
  closeSync(file)
  closeSync(nothing)
  const master = openSync('/dev/ptmx', 'r+')
  assert.equal(isTerminal(master), true)
  closeSync(master)
})
