// The program is killed at the system calls by which it changes names, mounts, and asks for syncs: just before each.
// After one further command nothing is half done. FAULTS=all: at every such call; else at some of each act.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { eventually, openBox, type Box } from '../support/box.ts'
import { killAt, listCalls, spread, type SeenCall } from '../support/strace.ts'
import { openSuite } from '../support/suite.ts'
import { findAnything } from './state-rows.ts'

const all = process.env['FAULTS'] === 'all'
const suite = openSuite()
const CALLS = [
  'mount', 'umount2', 'fsopen', 'fsmount', 'move_mount', 'mount_setattr', 'rename', 'renameat', 'renameat2', 'mkdir', 'mkdirat',
  'unlink', 'unlinkat', 'rmdir', 'link', 'linkat', 'symlink', 'fsync', 'fdatasync', 'syncfs', 'sync_file_range', 'pwrite64',
]

interface Act {
  readonly name: string
  /** How many calls of it are the last one in a short run. */
  readonly limit: number
  readonly args: () => readonly string[]
  /** Makes what the act needs. */
  readonly before?: (box: Box) => Promise<unknown>
  /** The one further command, with what must be true after it. */
  readonly then: (box: Box) => Promise<unknown>
  /** Takes away what a whole act leaves. */
  readonly after?: (box: Box) => Promise<unknown>
  readonly withoutImage?: boolean
}

const removeAll = (box: Box) => box.ok('rm', '-a', '-f', '-t', '0', '-v')
const sleeper = (box: Box) => box.ok('run', '-d', '--name', 'k', '--network', 'none', suite.busybox, 'sh', '-c', 'trap exit TERM; while :; do sleep 0.1; done')

/** Either it was done already and this says so, or it is done now. */
async function okOr(box: Box, done: RegExp, ...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await box.scow(args)
  assert.ok(code === 0 || done.test(stderr), `scow ${args.join(' ')}: ${code}\n${stdout}${stderr}`)
}

async function isWhole(box: Box, image: string): Promise<void> {
  assert.equal(await box.ok('run', '--rm', '--network', 'none', image, 'cat', '/etc/layer'), 'second')
}

const folder = (box: Box, name: string): string[] => (existsSync(join(box.root, name)) ? readdirSync(join(box.root, name)).filter((entry) => entry !== 'marks') : [])

async function noImage(box: Box): Promise<void> {
  assert.equal(await box.ok('images', '-q'), '')
  for (const name of ['layers', 'blobs/sha256', 'blobs/partial', 'staging']) assert.deepEqual(folder(box, name), [], `in ${name}`)
}

const acts: Act[] = [
  {
    name: 'pull', limit: 8, withoutImage: true,
    args: () => ['pull', '-q', suite.busybox],
    then: async (box) => {
      await box.ok('pull', '-q', suite.busybox)
      await isWhole(box, suite.busybox)
    },
    after: async (box) => {
      await box.ok('rmi', suite.busybox)
      await noImage(box)
    },
  },
  {
    name: 'rmi', limit: 6, withoutImage: true,
    before: (box) => box.ok('pull', '-q', suite.busybox),
    args: () => ['rmi', suite.busybox],
    then: async (box) => {
      await box.ok('image', 'prune', '-a', '-f')
      await noImage(box)
    },
  },
  {
    name: 'create', limit: 7,
    args: () => ['create', '--name', 'k', '-v', '/anonymous', '-v', 'named:/named', suite.busybox, 'true'],
    then: async (box) => {
      await okOr(box, /name "k" is already in use/, 'create', '--name', 'k', '-v', '/anonymous', '-v', 'named:/named', suite.busybox, 'true')
      assert.equal(await box.ok('ps', '-a', '--format', '{{.Names}}'), 'k')
      assert.equal((await box.ok('volume', 'ls', '-q')).split('\n').length, 2)
    },
    after: async (box) => {
      await removeAll(box)
      await box.ok('volume', 'rm', 'named')
    },
  },
  {
    name: 'start', limit: 9,
    before: (box) => box.ok('create', '--name', 'k', '-p', '7411:80', suite.busybox, 'sleep', '1000'),
    args: () => ['start', 'k'],
    then: async (box) => {
      await okOr(box, /already running/, 'start', 'k')
      assert.equal(await box.ok('exec', 'k', 'echo', 'runs'), 'runs')
    },
    after: removeAll,
  },
  {
    name: 'run', limit: 9,
    args: () => ['run', '--rm', '--name', 'k', '-p', '7411:80', '-v', '/anonymous', suite.busybox, 'true'],
    then: removeAll,
  },
  {
    name: 'run without network', limit: 7,
    args: () => ['run', '--rm', '--name', 'k', '--network', 'none', suite.busybox, 'true'],
    then: removeAll,
  },
  {
    name: 'stop', limit: 5,
    before: sleeper,
    args: () => ['stop', '-t', '1', 'k'],
    then: async (box) => {
      await box.ok('stop', '-t', '1', 'k')
      assert.match(await box.ok('ps', '-a', '--format', '{{.Names}} {{.Status}}'), /^k Exited/)
    },
    after: removeAll,
  },
  {
    name: 'rm', limit: 6,
    before: async (box) => {
      await box.ok('create', '--name', 'k', '-v', '/anonymous', suite.busybox, 'true')
    },
    args: () => ['rm', '-v', 'k'],
    then: async (box) => {
      await box.ok('rm', '-v', '-i', 'k')
      assert.equal(await box.ok('ps', '-aq'), '')
    },
  },
  {
    name: 'rm of a running container', limit: 8,
    before: (box) => box.ok('run', '-d', '--name', 'k', '-p', '7411:80', suite.busybox, 'sleep', '1000'),
    args: () => ['rm', '-f', '-t', '0', 'k'],
    then: async (box) => {
      await box.ok('rm', '-f', '-i', '-t', '0', 'k')
      assert.equal(await box.ok('ps', '-aq'), '')
    },
  },
  {
    name: 'exec', limit: 5,
    before: sleeper,
    args: () => ['exec', 'k', 'true'],
    then: async (box) => { assert.equal(await box.ok('exec', 'k', 'echo', 'runs'), 'runs') },
    after: removeAll,
  },
  {
    name: 'cleanup', limit: 6,
    before: queueEnd,
    args: () => ['container', 'cleanup', '--queue'],
    then: (box) => box.ok('start', 'k'),
    after: removeAll,
  },
  {
    name: 'network create', limit: 5,
    args: () => ['network', 'create', 'nk'],
    then: async (box) => {
      await okOr(box, /exists|already/, 'network', 'create', 'nk')
      await box.ok('run', '--rm', '--network', 'nk', suite.busybox, 'true')
    },
    after: (box) => box.ok('network', 'rm', 'nk'),
  },
  {
    name: 'network rm', limit: 5,
    before: (box) => box.ok('network', 'create', 'nk'),
    args: () => ['network', 'rm', 'nk'],
    then: async (box) => {
      await okOr(box, /not found|no such|unable to find/i, 'network', 'rm', 'nk')
      assert.ok(!(await box.ok('network', 'ls', '--format', '{{.Name}}')).includes('nk'))
    },
  },
  {
    name: 'volume create', limit: 5,
    args: () => ['volume', 'create', 'vk'],
    then: async (box) => {
      await okOr(box, /already exists/, 'volume', 'create', 'vk')
      await box.ok('run', '--rm', '--network', 'none', '-v', 'vk:/v', suite.busybox, 'touch', '/v/file')
    },
    after: (box) => box.ok('volume', 'rm', 'vk'),
  },
  {
    name: 'volume rm', limit: 5,
    before: async (box) => {
      await box.ok('volume', 'create', 'vk')
      mkdirSync(join(box.root, 'volumes/vk/_data/full/of/things'), { recursive: true })
    },
    args: () => ['volume', 'rm', 'vk'],
    then: async (box) => {
      await okOr(box, /no such volume/, 'volume', 'rm', 'vk')
      assert.equal(await box.ok('volume', 'ls', '-q'), '')
    },
  },
]

/** A container that ended while somebody else held the cleanup's lock: its cleanup is still to be done. */
async function queueEnd(box: Box): Promise<void> {
  await box.ok('run', '-d', '--name', 'k', '-p', '7411:80', suite.busybox, 'sleep', '1000')
  const holder = spawn('flock', ['--no-fork', join(box.runRoot, 'locks/cleanup'), 'sh', '-c', 'echo held; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] })
  await once(holder.stdout, 'data')
  await box.ok('kill', 'k')
  await eventually('the end is queued', () => readdirSync(join(box.runRoot, 'cleanup')).length > 0)
  holder.kill('SIGKILL')
  await once(holder, 'exit')
}

/** Before each call that does something; of the database's writes the first and the last of each series. */
const killPoints = (seen: readonly SeenCall[]): SeenCall[] => seen.filter(({ call, succeeded }, index) =>
  succeeded && (call !== 'pwrite64' || seen[index - 1]?.call !== 'pwrite64' || seen[index + 1]?.call !== 'pwrite64'))

for (const act of acts) {
  test(`a killed ${act.name} is made good by the next command`, async (t) => {
    const box = await (act.withoutImage ? openBox(t) : suite.box(t))
    const finish = async () => {
      await act.then(box)
      await act.after?.(box)
      return findAnything(box)
    }
    await act.before?.(box)
    const { seen, result } = await listCalls(box, CALLS, act.args())
    assert.equal(result.code, 0, result.stderr)
    assert.deepEqual(await finish(), [])
    const points = spread(killPoints(seen), { limit: act.limit, all })
    assert.ok(points.length > 2, 'it changes nothing')
    const problems: string[] = []
    let killed = 0
    for (const point of points) {
      await act.before?.(box)
      const { code } = await killAt(box, point, act.args())
      if (code === 137) killed++
      const where = `killed at ${point.call} ${point.nth} (${point.words.slice(0, 200)})`
      try {
        problems.push(...(await finish()).map((left) => `${where}: left ${left}`))
      } catch (error) {
        problems.push(`${where}: ${(error as Error).message}`)
        await removeAll(box)
        for (const kind of ['volume', 'network']) await box.scow([kind, 'prune', '-f'])
      }
      if (problems.length > 5) break
    }
    assert.deepEqual(problems, [])
    // What the first run made once for all is not made again, so that some calls are never reached.
    assert.ok(killed > points.length / 2, `only ${killed} of ${points.length} kills hit`)
  })
}
