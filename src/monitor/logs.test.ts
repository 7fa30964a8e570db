import assert from 'node:assert/strict'
import { spawn as startProgram } from 'node:child_process'
import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { parseEntry } from './log-journal.ts'
import { timeToNs } from './log-line.ts'
import { readLogs, type ReadLogsOptions } from './logs.ts'

const T = (n: number): string => `2026-01-02T03:04:05.${String(n).padStart(9, '0')}+01:00`
const full = (n: number, text = `line ${n}`): string => `${T(n)} stdout F ${text}\n`

const withLog = (name: string, body: (path: string) => Promise<void>) => test(name, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'scow-logs-'))
  try { await body(join(dir, 'ctr.log')) } finally { rmSync(dir, { recursive: true }) }
})
const read = async (path: string, options: ReadLogsOptions = {}, driver: 'k8s-file' | 'json-file' = 'k8s-file'): Promise<string[]> => {
  const lines: string[] = []
  for await (const { text, partial } of readLogs({ driver, path, id: 'x' }, options)) lines.push(`${text}${partial ? '+' : ''}`)
  return lines
}

test('a time keeps its nanoseconds and its offset', () => {
  assert.equal(timeToNs('1970-01-01T01:00:00.000000001+01:00'), 1n)
  assert.equal(timeToNs('1970-01-01T00:00:01Z'), 1_000_000_000n)
  assert.equal(timeToNs('yesterday'), undefined)
})

withLog('rotated files are read oldest first, nonsense is left out', async (path) => {
  writeFileSync(`${path}.2`, full(1))
  writeFileSync(`${path}.1`, `${full(2)}garbage\n\n${T(3)} stdin F no\n`)
  writeFileSync(path, full(4) + full(5, ''))
  assert.deepEqual(await read(path), ['line 1', 'line 2', 'line 4', ''])
})

withLog('the tail reaches back into rotated files and counts whole lines', async (path) => {
  writeFileSync(`${path}.1`, full(1) + full(2))
  writeFileSync(path, `${full(3)}${T(4)} stdout P part\n${full(5, 'rest')}`)
  assert.deepEqual(await read(path, { tail: 1 }), ['part+', 'rest'])
  assert.deepEqual(await read(path, { tail: 3 }), ['line 2', 'line 3', 'part+', 'rest'])
  assert.deepEqual(await read(path, { tail: 0 }), [])
  assert.deepEqual((await read(path, { tail: 99 })).length, 5)
})

withLog('a partial line that the end of the container closed is not lost where the other stream wrote after it', async (path) => {
  writeFileSync(path, `${full(1)}${T(2)} stdout P two\n${T(3)} stderr F err\n${T(4)} stdout F \n`)
  assert.deepEqual(await read(path, { tail: 1 }), ['two+', 'err', ''])
  assert.deepEqual(await read(path, { tail: 3 }), ['line 1', 'two+', 'err', ''])
  writeFileSync(path, `${full(1)}${T(2)} stderr F err\n${T(3)} stdout P two\n${T(3)} stdout P more\n${T(4)} stdout F \n`)
  assert.deepEqual(await read(path, { tail: 1 }), ['two+', 'more+', ''])
  assert.deepEqual(await read(path, { tail: 2 }), ['err', 'two+', 'more+', ''])
  writeFileSync(path, full(1) + full(2, '') + full(3, '') + full(4))
  for (const [tail, lines] of [[1, ['line 4']], [2, ['', 'line 4']], [3, ['', '', 'line 4']]] as const) assert.deepEqual(await read(path, { tail }), lines)
})

withLog('the tail of a large file reads only its end', async (path) => {
  writeFileSync(path, Array.from({ length: 200_000 }, (_, n) => full(n)).join(''))
  assert.deepEqual(await read(path, { tail: 2 }), ['line 199998', 'line 199999'])
})

withLog('since and until bound the lines by their time', async (path) => {
  writeFileSync(path, full(1) + full(2) + full(3))
  assert.deepEqual(await read(path, { sinceNs: timeToNs(T(2))!, untilNs: timeToNs(T(2))! }), ['line 2'])
})

withLog('json lines and a last line without newline are read', async (path) => {
  writeFileSync(path, `{"log":"a\\n","stream":"stdout","time":"${T(1)}"}\n{"log":"b","stream":"stderr","time":"${T(2)}"}`)
  assert.deepEqual(await read(path, {}, 'json-file'), ['a', 'b+'])
})

withLog('a follower goes on over a rotation and ends with the container', async (path) => {
  writeFileSync(path, full(1))
  let alive = true
  const seen: string[] = []
  for await (const { text } of readLogs({ driver: 'k8s-file', path, id: 'x' }, { follow: true, alive: () => alive })) {
    seen.push(text.toString())
    if (seen.length === 1) appendFileSync(path, full(2))
    if (seen.length === 2) {
      appendFileSync(path, full(3))
      renameSync(path, `${path}.1`)
      writeFileSync(path, full(4))
    }
    if (seen.length === 4) {
      appendFileSync(path, full(5).trimEnd())
      alive = false
    }
  }
  assert.deepEqual(seen, ['line 1', 'line 2', 'line 3', 'line 4', 'line 5'])
})

withLog('a follower misses nothing when the log was rotated several times between two looks', async (path) => {
  writeFileSync(path, full(1))
  let alive = true
  const seen: string[] = []
  for await (const { text } of readLogs({ driver: 'k8s-file', path, id: 'x' }, { follow: true, alive: () => alive })) {
    seen.push(text.toString())
    if (seen.length > 1) continue
    for (const n of [2, 3]) {
      for (let old = n - 2; old > 0; old--) renameSync(`${path}.${old}`, `${path}.${old + 1}`)
      renameSync(path, `${path}.1`)
      writeFileSync(path, full(n))
    }
    alive = false
  }
  assert.deepEqual(seen, ['line 1', 'line 2', 'line 3'])
})

withLog('a follower waits for a log that is not there yet, and ends when it is told to', async (path) => {
  setTimeout(() => writeFileSync(path, full(1)), 30)
  const stop = new AbortController()
  const seen: string[] = []
  for await (const { text } of readLogs({ driver: 'k8s-file', path, id: 'x' }, { follow: true, signal: stop.signal })) {
    seen.push(text.toString())
    setTimeout(() => stop.abort(), 30)
  }
  assert.deepEqual(seen, ['line 1'])
  const untilNs = BigInt(Date.now() + 100) * 1_000_000n
  assert.deepEqual(await read(path, { follow: true, untilNs }), ['line 1'])
})

withLog('megabytes without a newline are no line, and cost no more memory than one', async (path) => {
  writeFileSync(path, full(1))
  for (let n = 0; n < 20; n++) appendFileSync(path, Buffer.alloc(1 << 20, 'x'))
  appendFileSync(path, `\n${full(2)}`)
  assert.deepEqual(await read(path), ['line 1', 'line 2'])
  assert.deepEqual(await read(path, { tail: 2 }), ['line 1', 'line 2'])
})

withLog('a sparse gigabyte is answered from its end at once', async (path) => {
  writeFileSync(path, '')
  truncateSync(path, 2 ** 30)
  appendFileSync(path, `\n${full(1)}${full(2)}`)
  assert.deepEqual(await read(path, { tail: 1 }), ['line 2'])
})

test('an entry of the journal is a line, whatever its bytes are', () => {
  const entry = parseEntry(JSON.stringify({ MESSAGE: [104, 255], PRIORITY: '3', __CURSOR: 'c', __REALTIME_TIMESTAMP: '1700000000123456' }))
  assert.deepEqual(entry, { cursor: 'c', line: { time: '2023-11-14T22:13:20.123456000Z', timeNs: 1700000000123456000n, stream: 'stderr', text: Buffer.from([104, 255]), partial: false } })
  assert.deepEqual(parseEntry('garbage'), { cursor: undefined, line: undefined })
})

test('a driver that keeps nothing says so', async () => {
  await assert.rejects(read('', {}, 'none' as never), /keeps no logs/)
})

withLog('a missing log is empty', async (path) => assert.deepEqual(await read(path), []))

withLog('names that move while they are read leave the order of lines as it was written', async (path) => {
  const last = 6000
  const writer = startProgram(process.execPath, ['-e', `
    const { writeFileSync, renameSync, existsSync, linkSync } = require('node:fs')
    const path = ${JSON.stringify(path)}
    for (let n = 1; n <= ${last}; n += 4) {
      writeFileSync(path + '.tmp', [0, 1, 2, 3].map((k) => 'TIME stdout F ' + (n + k) + '\\n').join(''))
      renameSync(path + '.tmp', path)
      if (n + 4 > ${last}) break
      for (let k = 5; k > 0; k--) if (existsSync(path + '.' + k)) renameSync(path + '.' + k, path + '.' + (k + 1))
      linkSync(path, path + '.0')
      renameSync(path + '.0', path + '.1')
    }
  `.replace('TIME', T(1))])
  try {
    let alive = true
    writer.once('exit', () => { alive = false })
    const following = read(path, { follow: true, alive: () => alive })
    const rising = (lines: string[]): void => {
      for (const [at, line] of lines.entries()) if (at > 0) assert.ok(Number(line) > Number(lines[at - 1]), `${line} after ${lines[at - 1]}`)
    }
    while (alive) {
      rising(await read(path))
      rising(await read(path, { tail: 10 }))
      await new Promise((resolve) => setImmediate(resolve))
    }
    const lines = await following
    rising(lines)
    assert.equal(lines.at(-1), String(last))
  } finally {
    writer.kill()
  }
})
