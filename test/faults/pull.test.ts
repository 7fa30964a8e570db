import '../support/jail.ts'
import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually, openBox } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()
const KILLS = 20

test(`a pull that is killed ${KILLS} times at any byte goes on where it was, and is right at the end`, async (t) => {
  const box = await openBox(t)
  const image = suite.web
  suite.registry.reset()
  // Slow enough for a kill to come in mid layer, fast enough to get somewhere.
  suite.registry.fault = ({ path }) => (path.includes('/blobs/') ? { kind: 'slow', bytesPerSecond: 12_000_000 } : undefined)
  const sent = () => [...suite.registry.blobBytes().values()].reduce((sum, bytes) => sum + bytes, 0)
  let kills = 0
  while (kills < KILLS) {
    const before = sent()
    const pulling = box.start(['pull', '-q', image])
    await Promise.race([eventually('some bytes', () => sent() > before), pulling.end()])
    await sleep(((kills * 37) % 20) * 8)
    pulling.kill('SIGKILL')
    const { code } = await pulling.end()
    if (code === 0) break
    kills++
    assert.equal(await box.ok('images', '-q'), '')
  }
  assert.ok(kills >= 5, `it was killed only ${kills} times`)
  await box.ok('pull', '-q', image)
  const total = sent()
  suite.registry.reset()
  const imageBytes = 40_100_000
  const inFlight = 1 << 20
  assert.ok(total <= imageBytes * 1.1 + kills * 3 * inFlight, `${total} bytes were sent for an image of ${imageBytes}, killed ${kills} times`)
  assert.equal(await box.ok('run', '--rm', '--network', 'none', '--entrypoint', 'cat', image, '/var/www/html/index.html'), '<h1>scow sails</h1>')
  assert.equal(await box.ok('run', '--rm', '--network', 'none', '--entrypoint', 'sh', image, '-c', 'dpkg --verify 2>&1 | grep -v /usr/share || echo whole').then((text) => text.split('\n').at(-1)), 'whole')
})
