import assert from 'node:assert/strict'
import { spawn as spawnProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync, openSync, closeSync } from 'node:fs'
import { join, relative } from 'node:path'
import test, { after } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { isFailure } from '../errors.ts'
import { findProgram } from './find-program.ts'
import { identify, isAlive, killProcess, readStat, self } from './identity.ts'
import { runProgram } from './run-program.ts'
import { startDetached } from './start-detached.ts'

const dir = mkdtempSync('/tmp/scow-process-')
after(() => rmSync(dir, { recursive: true }))
const kind = (expected: string) => (error: unknown) => isFailure(error) && error.kind === expected
const sh = (script: string, options = {}) => runProgram('/bin/sh', ['-c', script], options)

test('a process is itself, and not another one of the same pid', () => {
  const me = self()
  assert.equal(me.pid, process.pid)
  assert.ok(isAlive(me))
  assert.equal(isAlive({ ...me, startTime: me.startTime + 1 }), false)
  assert.equal(isAlive({ ...me, bootId: 'another' }), false)
  const elsewhere = { ...me, pid: 2 ** 22, pidNamespace: me.pidNamespace! + 1 }
  assert.ok(isAlive(elsewhere), 'who knows')
  assert.equal(isAlive({ ...elsewhere, bootId: 'another' }), false)
  assert.equal(killProcess({ ...me, pidNamespace: me.pidNamespace! + 1 }, 'SIGKILL'), false)
  assert.equal(identify(4194303), undefined)
})

test('a process is known whatever its name holds, and a zombie is dead', async () => {
  const odd = join(dir, 'a) S 1 (b')
  writeFileSync(odd, readFileSync('/bin/sleep'), { mode: 0o755 })
  const child = spawnProcess(odd, ['60'], { stdio: 'ignore' })
  await new Promise((resolve) => child.once('spawn', resolve))
  const identity = identify(child.pid!)!
  assert.equal(readStat(child.pid!)?.parent, process.pid)
  assert.ok(identity.startTime > 0 && isAlive(identity))
  child.kill('SIGKILL')
  await new Promise((resolve) => child.once('exit', resolve))
  assert.equal(isAlive(identity), false)
})

test('a program is found in the first directory that has it', () => {
  assert.equal(findProgram('sh', ['/nowhere', '/bin', '/usr/bin']), '/bin/sh')
  assert.equal(findProgram('/bin/sh'), '/bin/sh')
  assert.equal(findProgram('/etc/passwd'), undefined)
  assert.equal(findProgram(relative(process.cwd(), '/bin/sh')), '/bin/sh')
  assert.equal(findProgram('etc', ['/']), undefined)
})

test('a program runs to its end with input, environment, directory and exit code', async () => {
  const ended = await sh('cat; echo "$A $PWD" >&2; exit 3', { input: 'hello', env: { A: 'b' }, cwd: '/tmp' })
  assert.deepEqual([ended.code, ended.signal, ended.stdout.toString(), ended.stderr.toString()], [3, undefined, 'hello', 'b /tmp\n'])
  assert.equal((await sh('kill -9 $$')).signal, 'SIGKILL')
})

test('a program that reads none of its input is no error', async () => {
  assert.equal((await sh('exit 0', { input: Buffer.alloc(1 << 20) })).code, 0)
})

test('a deadline kills the whole group', async () => {
  const pidFile = join(dir, 'pid')
  await assert.rejects(sh(`sleep 60 & echo $! > ${pidFile}; wait`, { timeoutMs: 1000 }), kind('timeout'))
  // killed it is at once, but gone only when the kernel has had its turn; without the kill it would run for a minute
  const deadline = Date.now() + 20_000
  while (identify(Number(readFileSync(pidFile, 'utf8'))) !== undefined && Date.now() < deadline) await delay(5)
  assert.equal(identify(Number(readFileSync(pidFile, 'utf8'))), undefined)
})

test('an abort kills it', async () => {
  await assert.rejects(sh('sleep 60', { signal: AbortSignal.timeout(50) }), kind('cancelled'))
  await assert.rejects(sh('sleep 60', { signal: AbortSignal.abort() }), kind('cancelled'))
})

test('endless output is stopped, or cut where that was asked for', async () => {
  await assert.rejects(sh('yes', { maxOutputBytes: 1000 }), kind('invalid'))
  const { stdout } = await sh('printf %0100d 5', { maxOutputBytes: 10, truncate: true })
  assert.equal(stdout.toString(), '0000000000')
})

test('a program that is missing or no program is a failure', async () => {
  await assert.rejects(runProgram('/nowhere/x', []), kind('notFound'))
  await assert.rejects(runProgram('/etc/passwd', []), kind('denied'))
  await assert.rejects(runProgram('no-such-program', []), kind('notFound'))
  await assert.rejects(sh('', { cwd: '/nowhere' }), /directory .nowhere/)
  assert.equal((await runProgram('true', [])).code, 0)
})

test('descriptors are handed on as 3 and up', async () => {
  const fd = openSync(join(dir, 'given'), 'w')
  await sh('echo x >&3', { fds: [fd] })
  closeSync(fd)
  assert.equal(readFileSync(join(dir, 'given'), 'utf8'), 'x\n')
})

test('a program that leaves a grandchild with its output open has ended all the same', async () => {
  const { code, stdout } = await sh('echo said; sleep 60 & echo $!')
  assert.equal(code, 0)
  const [said, pid] = stdout.toString().split('\n')
  assert.equal(said, 'said')
  process.kill(Number(pid), 'SIGKILL')
})

test('many megabytes go in and out', async () => {
  const input = Buffer.alloc(5_000_000, 'x')
  assert.ok((await runProgram('cat', [], { input })).stdout.equals(input))
})

test('a child starts with its signals as after a log-in and no descriptor but its own', async () => {
  const { stdout } = await sh('grep Sig[BI] /proc/self/status; ls /proc/self/fd | wc -l')
  assert.match(stdout.toString(), /SigBlk:\s0+\nSigIgn:\s0+\n4\n/)
})

test('a process is killed by what it is, and once', async () => {
  const { pid } = startDetached('sleep', ['60'])
  const identity = identify(pid)!
  assert.equal(killProcess({ ...identity, startTime: 1 }, 'SIGKILL'), false)
  assert.equal(killProcess(identity, 'SIGKILL'), true)
  while (isAlive(identity)) await delay(5)
  assert.equal(killProcess(identity), false)
})
