// What becomes of a container or an exec when whoever reads its output, or sits before it, has gone.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually, type Box } from '../support/box.ts'
import { patience } from '../support/patience.ts'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()
const FOREVER = ['sh', '-c', 'trap "exit 0" TERM; while :; do echo line; sleep 0.05; done'] as const

/** In a shell as `$@ FILTER`; the exit code is that of scow. */
const piped = (box: Box, args: readonly string[], filter: string) => {
  const { stdout, stderr } = spawnSync('bash', ['-c', `"$@" ${filter}; echo "code \${PIPESTATUS[0]}"`, 'bash', ...box.command, ...args], { env: box.env, encoding: 'utf8', timeout: 50_000 * patience })
  return stdout + stderr
}

test('run, start and attach end with the reader; --rm takes the container along, else it runs on', async (t) => {
  const box = await suite.box(t)
  assert.equal(piped(box, ['run', '--rm', '--network', 'none', suite.busybox, ...FOREVER], '| head -1'), 'line\ncode 141\n')
  assert.equal(await box.ok('ps', '-aq'), '')
  assert.equal(piped(box, ['run', '--name', 'c', '--network', 'none', suite.busybox, ...FOREVER], '| head -1'), 'line\ncode 141\n')
  assert.equal(piped(box, ['attach', 'c'], '| head -1'), 'line\ncode 141\n')
  assert.equal(await box.ok('ps', '--format', '{{.Names}}'), 'c')
  await box.ok('stop', 'c')
  assert.equal(piped(box, ['start', '-a', 'c'], '| head -1'), 'line\ncode 141\n')
  assert.equal(await box.ok('ps', '--format', '{{.Names}}'), 'c')
})

test('the process of an exec whose reader has gone gets SIGPIPE', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'c', '--network', 'none', '--stop-timeout', '0', suite.busybox, 'sleep', '1000')
  assert.equal(piped(box, ['exec', 'c', 'yes'], '| head -1'), 'y\ncode 141\n')
  await eventually('the end of yes', async () => !/\byes\b/.test(await box.ok('exec', 'c', 'ps')))
})

test('output that finds no space is an error of one line, and nothing of the container stays', async (t) => {
  const box = await suite.box(t)
  assert.match(piped(box, ['run', '--rm', '--network', 'none', suite.busybox, 'echo', 'x'], '>/dev/full'), /^code 125\nError: cannot write standard output: no space left on device\n$/)
  assert.equal(await box.ok('ps', '-aq'), '')
})

test('with a terminal too signals are passed on, its hang-up among them', async (t) => {
  const box = await suite.box(t)
  const command = (signal: string) => ['run', '--rm', '-it', '--network', 'none', '-v', `${box.dir}:/box`, suite.busybox, 'sh', '-c', `trap 'echo ${signal} >>/box/seen; exit 3' ${signal}; echo ready; while :; do sleep 0.1; done`]
  writeFileSync(join(box.dir, 'seen'), '')
  const size = { rows: 20, columns: 80 }
  const hung = box.start(command('HUP'), { terminal: size })
  await hung.sees(/ready/)
  hung.kill('SIGKILL') // the terminal's other end
  await hung.end()
  await eventually('the end of the container', async () => await box.ok('ps', '-aq') === '')
  const told = box.start(command('TERM'), { terminal: size })
  await told.sees(/ready/)
  process.kill(Number(spawnSync('pgrep', ['-P', String(told.pid)], { encoding: 'utf8' }).stdout), 'SIGTERM')
  assert.equal((await told.end()).code, 3)
  assert.equal(spawnSync('cat', [join(box.dir, 'seen')], { encoding: 'utf8' }).stdout, 'HUP\nTERM\n')
  const stopped = box.start(command('TSTP').filter((word) => word !== '-it'))
  await stopped.sees(/ready/)
  stopped.kill('SIGTSTP')
  assert.equal((await stopped.end()).code, 3)
})

test('an interrupt ends the waiting alone: 130, and the container runs on', async (t) => {
  const box = await suite.box(t)
  const interrupted = async (seen: RegExp | undefined, ...args: string[]) => {
    const command = box.start(args)
    if (seen) await command.sees(seen)
    else await sleep(1500 * patience) // until it waits: nothing is said then
    command.kill('SIGINT')
    const result = await command.end()
    assert.equal(result.code, 130, result.stderr)
    assert.equal(result.stderr, 'Error: interrupted by SIGINT\n')
    return result.stdout
  }
  assert.equal(await interrupted(/ready/, 'run', '--name', 'c', '--network', 'none', '--sig-proxy=false', '--stop-timeout', '60', suite.busybox, 'sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 0.1; done'), 'ready\n')
  assert.equal(await interrupted(undefined, 'wait', 'c'), '')
  assert.equal(await interrupted(undefined, 'stop', 'c'), '')
  assert.equal(await box.ok('ps', '--format', '{{.Names}}'), 'c')
})
