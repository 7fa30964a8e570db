import '../support/jail.ts'
import assert from 'node:assert/strict'
import test from 'node:test'
import { eventually, type Box } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()
const SLEEP = ['sleep', '1000'] as const
const states = async (box: Box): Promise<string[]> => (await box.ok('ps', '-a', '--format', '{{.Names}} {{.State}}')).split('\n').filter((line) => line !== '').map((line) => line.replace(/ Up .*/, ' up').replace(/ Exited .*/, ' exited').toLowerCase())

test('a container that others join or require is not removed from under them', async (t) => {
  const box = await suite.box(t)
  const id = await box.ok('run', '-d', '--name', 'holder', suite.busybox, ...SLEEP)
  await box.ok('run', '-d', '--name', 'joined', '--network', 'container:holder', suite.busybox, ...SLEEP)
  await box.ok('create', '--name', 'requiring', '--requires', 'joined', suite.busybox, ...SLEEP)
  assert.equal(await box.ok('inspect', '-f', '{{.HostConfig.NetworkMode}} {{.Dependencies}}', 'joined'), `container:${id} [${id}]`)
  for (const flags of [[], ['-f']]) {
    assert.match(await box.fails(125, 'rm', ...flags, 'holder'), /^Error: cannot remove container holder: it has dependent containers: joined; remove them first, or all together with rm --depend\n$/)
  }
  assert.deepEqual(await states(box), ['holder up', 'joined up', 'requiring created'], 'a refused removal stops nothing')
  await box.ok('rename', 'holder', 'renamed')
  await box.ok('stop', '-t', '0', 'joined')
  assert.equal(await box.ok('start', 'joined'), 'joined')
  await box.ok('stop', '-t', '0', 'renamed', 'joined')
  const ids = (await box.ok('inspect', '-f', '{{.Id}}', 'requiring', 'joined', 'renamed')).split('\n')
  assert.deepEqual((await box.ok('container', 'prune', '-f')).split('\n'), ids, 'who needs others goes first')
  assert.deepEqual(await states(box), [])
})

test('the start of a container starts what it needs, however deep', async (t) => {
  const box = await suite.box(t)
  await box.ok('create', '--name', 'first', suite.busybox, ...SLEEP)
  await box.ok('create', '--name', 'second', '--pid', 'container:first', suite.busybox, ...SLEEP)
  await box.ok('create', '--name', 'third', '--requires', 'second,first', suite.busybox, ...SLEEP)
  await box.ok('start', 'third')
  assert.deepEqual(await states(box), ['first up', 'second up', 'third up'])
  assert.equal(await box.ok('exec', 'second', 'readlink', '/proc/self/ns/pid'), await box.ok('exec', 'first', 'readlink', '/proc/self/ns/pid'))
  await box.ok('stop', '-t', '0', '--all')
  assert.equal(await box.ok('run', '--rm', '--network', 'container:first', suite.busybox, 'echo', 'joined'), 'joined')
  assert.deepEqual(await states(box), ['first up', 'second exited', 'third exited'])
})

test('rm of several takes who needs others first, and --depend brings them along', async (t) => {
  const box = await suite.box(t)
  const create = async (): Promise<void> => {
    await box.ok('create', '--name', 'a', suite.busybox, ...SLEEP)
    await box.ok('create', '--name', 'b', '--ipc', 'container:a', suite.busybox, ...SLEEP)
    await box.ok('create', '--name', 'c', '--uts', 'container:b', suite.busybox, ...SLEEP)
  }
  await create()
  assert.equal(await box.ok('rm', 'a', 'b', 'c'), 'c\nb\na')
  await create()
  await box.ok('start', 'c')
  await box.ok('rm', '--force', '--all', '--time', '0')
  assert.deepEqual(await states(box), [])
  await create()
  const c = await box.ok('inspect', '--format', '{{.Id}}', 'c')
  assert.equal(await box.ok('rm', '--depend', 'b'), `${c}\nb`)
  assert.deepEqual(await states(box), ['a created'])
  assert.match(await box.fails(125, 'create', '--requires', 'nobody', suite.busybox), /^Error: no container with name or ID "nobody" found: no such container\n$/)
})

test('one that was to be removed at its end goes, whoever needs it', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--rm', '--name', 'short', suite.busybox, ...SLEEP)
  await box.ok('create', '--name', 'late', '--pid', 'container:short', suite.busybox, ...SLEEP)
  await box.ok('kill', 'short')
  await eventually('short has gone', async () => (await states(box)).join() === 'late created')
  assert.match(await box.fails(125, 'start', 'late'), /container late needs container [0-9a-f]{12}, which was removed/)
  await box.ok('rm', 'late')
})
