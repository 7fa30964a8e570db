import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { execSessions, reapSessions } from './exec-sessions.ts'

const AN_HOUR_AGO = new Date(Date.now() - 3_600_000)
/** No process has it: pids end below. */
const NOBODY = 2 ** 22 + 1

test('sessions that were left long ago go; those that run, start or have just ended stay', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'sessions-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const session = (name: string, pid: string | undefined, at?: Date): void => {
    mkdirSync(join(dir, name))
    if (pid !== undefined) writeFileSync(join(dir, name, 'conmon.pid'), pid)
    if (at) utimesSync(join(dir, name), at, at)
  }
  session('begun', undefined)
  session('begun-with-an-empty-file', '')
  session('ended', String(NOBODY))
  session('runs', String(process.pid), AN_HOUR_AGO)
  session('never-begun', undefined, AN_HOUR_AGO)
  session('left', String(NOBODY), AN_HOUR_AGO)
  session('left-with-an-empty-file', '', AN_HOUR_AGO)
  session('probe', undefined)
  writeFileSync(join(dir, 'probe', 'owner'), '{}')
  utimesSync(join(dir, 'probe'), AN_HOUR_AGO, AN_HOUR_AGO)
  reapSessions(dir)
  assert.deepEqual(readdirSync(dir).sort(), ['begun', 'begun-with-an-empty-file', 'ended', 'probe', 'runs'])
  assert.deepEqual(execSessions({ paths: { container: () => ({ exec: dir }) } as never }, 'id'), ['runs'])
  reapSessions(join(dir, 'nowhere'))
})
