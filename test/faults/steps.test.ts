import '../support/jail.ts'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { eventually, type Box } from '../support/box.ts'
import { faultyPlugin, faultyRuntime } from '../support/faulty.ts'
import { findLeftovers } from '../support/leftovers.ts'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()

/** After a failed act there is no container, and nothing of one. */
async function nothingLeft(box: Box): Promise<void> {
  await eventually('no container is listed', async () => await box.ok('ps', '-aq') === '')
  assert.deepEqual(await findLeftovers(box), [])
}

for (const after of [false, true]) {
  test(`run fails cleanly when the runtime fails ${after ? 'after' : 'before'} it created the container`, async (t) => {
    const box = await suite.box(t)
    const runtime = faultyRuntime(join(box.dir, 'bin'))
    runtime.fail({ words: 'create', stderr: 'no such luck', after })
    const { code, stderr } = await box.scow(['--runtime', runtime.path, 'run', '--rm', suite.busybox, 'true'])
    assert.ok(code === 125 || code === 126, `${code}`)
    assert.match(stderr, /^Error: /m)
    await nothingLeft(box)
  })
}

test('run fails cleanly when the runtime does not start the container', async (t) => {
  const box = await suite.box(t)
  const runtime = faultyRuntime(join(box.dir, 'bin'))
  runtime.fail({ words: 'start', stderr: 'no such luck' })
  const { code, stderr } = await box.scow(['--runtime', runtime.path, 'run', '--rm', suite.busybox, 'true'])
  assert.ok(code >= 125 && code <= 127, `${code}`)
  assert.match(stderr, /no such luck/)
  await nothingLeft(box)
})

for (const after of [false, true]) {
  test(`run fails cleanly when a network plugin fails ${after ? 'after' : 'before'} its work`, async (t) => {
    const box = await boxWithPlugins(t)
    box.plugin.fail({ words: 'ADD', stdout: '{"cniVersion":"1.0.0","code":11,"msg":"try again later"}', after })
    const { code, stderr } = await box.scow(['run', '--rm', '-p', '7500:70', suite.busybox, 'true'])
    assert.ok(code === 125 || code === 126, `${code}`)
    assert.match(stderr, /try again later/)
    box.plugin.heal()
    await nothingLeft(box)
    await box.ok('run', '--rm', '-p', '7500:70', suite.busybox, 'true')
  })
}

test('a container whose network cannot be taken down is removed all the same, once it can', async (t) => {
  const box = await boxWithPlugins(t)
  await box.ok('run', '-d', '--name', 'c', suite.busybox, 'sleep', '1000')
  box.plugin.fail({ words: 'DEL', stdout: '{"cniVersion":"1.0.0","code":11,"msg":"try again later"}' })
  await box.scow(['rm', '-f', '-t', '0', 'c'])
  box.plugin.heal()
  await box.scow(['rm', '-f', '-t', '0', 'c'])
  await box.ok('run', '--rm', suite.busybox, 'true')
  await nothingLeft(box)
})

async function boxWithPlugins(t: TestContext): Promise<Box & { plugin: ReturnType<typeof faultyPlugin> }> {
  const dir = mkdtempSync('/tmp/plugins-')
  // The machine's own configuration, private to this jail: the cleanup after an exit reads it too.
  mkdirSync('/etc/containers', { recursive: true })
  writeFileSync('/etc/containers/containers.conf', `[network]\ncni_plugin_dirs = ["${dir}", "/usr/lib/cni"]\n`)
  const box = await suite.box(t)
  t.after(() => rmSync('/etc/containers/containers.conf'))
  return Object.assign(box, { plugin: faultyPlugin(dir, 'bridge') })
}

// Every system call of these kinds that create, start or rm makes, one after the other, becomes the last one.
const CALLS = ['mount', 'umount2', 'rename', 'renameat2', 'mkdir', 'unlink', 'rmdir', 'fsync', 'fdatasync', 'symlink', 'link']

interface Killed {
  readonly name: string
  readonly before: (box: Box) => Promise<unknown>
  readonly args: readonly string[]
}

for (const { name, before, args } of [
  { name: 'create', before: async () => {}, args: ['create', '--name', 'k', 'IMAGE', 'true'] },
  { name: 'start', before: (box) => box.ok('create', '--name', 'k', suite.busybox, 'true'), args: ['start', 'k'] },
  { name: 'rm', before: (box) => box.ok('run', '-d', '--name', 'k', suite.busybox, 'sleep', '1000'), args: ['rm', '-f', '-t', '0', 'k'] },
] as Killed[]) {
  test(`${name} that is killed at any of its system calls leaves nothing that the next command does not take away`, async (t) => {
    const box = await suite.box(t)
    const command = args.map((word) => (word === 'IMAGE' ? suite.busybox : word))
    const counts = await countCalls(box, before, command)
    const problems: string[] = []
    const seen = new Set<string>()
    for (const [call, count] of counts) {
      for (const nth of chooseCalls(count)) {
        await before(box)
        trace(box, ['-e', `trace=${call}`, '-e', `inject=${call}:signal=KILL:when=${nth}`], command)
        const where = `killed at ${call} ${nth} of ${count}`
        const listed = await box.ok('ps', '-a', '--format', '{{.Names}}')
        if (listed !== '' && listed !== 'k') problems.push(`${where}: ps lists ${listed}`)
        await box.ok('rm', '-f', '-t', '0', 'k')
        for (const left of await findLeftovers(box, { patienceMs: seen.size > 0 ? 1000 : 5000 })) {
          if (!seen.has(left)) problems.push(`${where}: ${left}`)
          seen.add(left)
        }
        if (await box.ok('ps', '-aq') !== '') problems.push(`${where}: rm -f left it in the list`)
      }
    }
    assert.deepEqual(problems, [])
  })
}

/** All of a few; of many the first, the last and some between, so that the file ends in minutes. */
const chooseCalls = (count: number): number[] =>
  (count <= 4 ? Array.from({ length: count }, (_, i) => i + 1) : [1, 2, Math.ceil(count / 2), count - 1, count])

async function countCalls(box: Box, before: Killed['before'], command: readonly string[]): Promise<Map<string, number>> {
  await before(box)
  const log = join(box.dir, 'tmp/strace')
  trace(box, ['-o', log, '-e', `trace=${CALLS.join(',')}`], command)
  await box.ok('rm', '-f', '-t', '0', 'k')
  const counts = new Map<string, number>()
  for (const [, call] of readFileSync(log, 'utf8').matchAll(/^(?:\d+ +)?(\w+)\(/gm)) counts.set(call!, (counts.get(call!) ?? 0) + 1)
  assert.ok(counts.size > 0)
  return counts
}

/** The main process alone is traced: with -f the monitor would be too, and the container under it. */
function trace(box: Box, options: readonly string[], command: readonly string[]): void {
  spawnSync('strace', ['-qq', ...options, ...box.command, ...command], { env: box.env, cwd: box.dir, encoding: 'utf8', stdio: 'ignore', timeout: 60_000 })
}
