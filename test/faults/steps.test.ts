import '../support/jail.ts'
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
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
