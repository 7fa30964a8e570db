import '../support/jail.ts'
import assert from 'node:assert/strict'
import test from 'node:test'
import { eventually, openBox } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

test('sixteen processes create, list and remove at once and nothing is lost', async (t) => {
  const box = await suite.box(t)
  await Promise.all(numbers(16).map(async (worker) => {
    for (const round of numbers(3)) {
      await box.ok('create', '--name', `w${worker}-${round}`, suite.busybox, 'true')
      const names = (await box.ok('ps', '-a', '--format', '{{.Names}}')).split('\n')
      assert.ok(names.includes(`w${worker}-${round}`))
      if (round !== 1) await box.ok('rm', `w${worker}-${round}`)
    }
  }))
  const left = (await box.ok('ps', '-a', '--format', '{{.Names}}')).split('\n').sort()
  assert.deepEqual(left, numbers(16).map((worker) => `w${worker}-1`).sort())
})

test('rm --force removes one that others start and stop, and every restart ends with it running', async (t) => {
  const box = await suite.box(t)
  await box.ok('create', '--name', 'torn', suite.busybox, 'sleep', '1000')
  const restarts = await Promise.all(numbers(6).map(() => box.scow(['restart', '-t', '0', 'torn'])))
  assert.deepEqual(restarts.filter(({ code }) => code !== 0).map(({ stderr }) => stderr), [])
  const others = numbers(4).flatMap(() => [['start', 'torn'], ['restart', '-t', '0', 'torn'], ['stop', '-t', '0', 'torn']])
  const removals = await Promise.all([...others.map((args) => box.scow(args).then(() => undefined)), ...numbers(2).map(() => box.scow(['rm', '-f', '-t', '0', 'torn']))])
  assert.deepEqual(removals.filter((result) => result !== undefined && result.code !== 0).map((result) => result!.stderr), [])
  assert.equal(await box.ok('ps', '-aq'), '')
})

test('of many that want one name, one gets it', async (t) => {
  const box = await suite.box(t)
  const results = await Promise.all(numbers(8).map(() => box.scow(['create', '--name', 'one', suite.busybox])))
  assert.deepEqual(results.map(({ code }) => code).sort((a, b) => a - b), [0, ...Array<number>(7).fill(125)])
})

test('of many that want one port, one gets it', async (t) => {
  const box = await suite.box(t)
  const results = await Promise.all(numbers(4).map((i) => box.scow(['run', '-d', '--name', `p${i}`, '-p', '7400:70', suite.busybox, 'sleep', '1000'])))
  assert.equal(results.filter(({ code }) => code === 0).length, 1, results.map(({ stderr }) => stderr).join(''))
  assert.equal(await box.ok('ps', '-q').then((out) => out.split('\n').length), 1)
})

test('containers that end together are all cleaned up and all exit codes are kept', async (t) => {
  const box = await suite.box(t)
  const started = await Promise.all(numbers(12).map((i) => box.scow(['run', '-d', '--name', `e${i}`, suite.busybox, 'sh', '-c', `sleep 2; exit ${i}`])))
  assert.deepEqual(started.filter(({ code }) => code !== 0).map(({ stderr }) => stderr), [])
  const codes = (await box.ok('wait', ...numbers(12).map((i) => `e${i}`))).split('\n').map(Number)
  assert.deepEqual(codes, numbers(12))
})

test('two processes that pull one image download each blob once', async (t) => {
  const box = await openBox(t)
  suite.registry.reset()
  suite.registry.fault = ({ path }) => (path.includes('/blobs/') ? { kind: 'slow', bytesPerSecond: 20_000_000 } : undefined)
  const image = suite.web
  const pulls = await Promise.all(numbers(2).map(() => box.scow(['pull', '-q', image])))
  assert.deepEqual(pulls.map(({ code }) => code), [0, 0], pulls.map(({ stderr }) => stderr).join(''))
  assert.equal(pulls[0]!.stdout, pulls[1]!.stdout)
  const layers = suite.registry.requests.filter(({ method, path, bodyBytesSent }) => method === 'GET' && path.includes('/blobs/') && bodyBytesSent > 1000)
  const paths = layers.map(({ path }) => path).sort()
  suite.registry.reset()
  assert.equal(paths.length, 3)
  assert.deepEqual(paths, [...new Set(paths)])
})

test('a slow pull holds up nobody else', async (t) => {
  const box = await suite.box(t)
  suite.registry.fault = ({ path }) => (path.includes('/web/blobs/') ? { kind: 'slow', bytesPerSecond: 200_000 } : undefined)
  const pulling = box.start(['pull', '-q', suite.web])
  await eventually('the pull is under way', () => suite.registry.requests.some(({ path }) => path.includes('/web/blobs/')))
  await box.ok('run', '--rm', suite.busybox, 'true')
  await box.ok('ps')
  await box.ok('images')
  pulling.kill('SIGKILL')
  await pulling.end()
  suite.registry.reset()
  await box.ok('pull', '-q', suite.web)
})
