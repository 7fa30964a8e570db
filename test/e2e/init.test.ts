// `--init`: a small program is process 1, which reaps what nobody waits for and hands signals on.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { eventually, type Box } from '../support/box.ts'
import { hide } from '../support/hide.ts'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()
const CATATONIT = '/usr/bin/catatonit'
const TINI = '/usr/bin/tini-static'

const detached = (box: Box, name: string, flags: readonly string[], script: string) =>
  box.ok('run', '-d', '--network', 'none', '--name', name, ...flags, suite.busybox, 'sh', '-c', script)

/** "NAME STATE" of the container's processes. */
const states = async (box: Box, name: string): Promise<string> => await box.ok('exec', name, 'sh', '-c', 'cat /proc/[0-9]*/stat 2>/dev/null | cut -d" " -f2,3')

test('an init takes in orphans, which stay zombies without one', async (t) => {
  const box = await suite.box(t)
  const orphan = '(sh -c "sleep 0.1 & exec true"); touch /ready; exec sleep 1000'
  await detached(box, 'without', [], orphan)
  await eventually('a zombie', async () => /^\(sleep\) Z$/m.test(await states(box, 'without')))
  await detached(box, 'with', ['--init'], orphan)
  await box.ok('exec', 'with', 'sh', '-c', 'until test -e /ready; do sleep 0.1; done; sleep 0.3')
  assert.doesNotMatch(await states(box, 'with'), /Z/)
  assert.equal(await box.ok('exec', 'with', 'cat', '/proc/1/comm'), 'scow-init')
})

test('an init hands signals on and ends with the exit code of its command', async (t) => {
  const box = await suite.box(t)
  await detached(box, 'c', ['--init'], 'trap "exit 5" USR1; touch /ready; while :; do sleep 0.1; done')
  await box.ok('exec', 'c', 'sh', '-c', 'until test -e /ready; do sleep 0.1; done')
  await box.ok('kill', '-s', 'USR1', 'c')
  assert.equal(await box.ok('wait', 'c'), '5')
  // A process 1 ignores what it has no handler for, an init's child does not.
  await detached(box, 's', ['--init', '--stop-timeout', '60'], 'exec sleep 1000')
  await box.ok('stop', 's')
  assert.equal(await box.ok('wait', 's'), '143')
})

test('the init is the first of catatonit and tini that can be run, or the one that is named', async (t) => {
  const box = await suite.box(t)
  const config = join(box.dir, 'containers.conf')
  const initOf = async (env: Record<string, string> = {}, ...flags: string[]): Promise<string> => {
    const { code, stdout, stderr } = await box.scow(['run', '--rm', '--network', 'none', '--init', ...flags, suite.busybox, 'cat', '/proc/self/mountinfo'], { env })
    assert.equal(code, 0, stderr)
    return / (\S+) \/\S*init ro/m.exec(stdout)![1]!
  }
  writeFileSync(config, `[containers]\ninit_path = "${TINI}"\n`)
  assert.equal(await initOf(), CATATONIT)
  assert.equal(await initOf({ CONTAINERS_CONF: config }), TINI)
  assert.equal(await initOf({ CONTAINERS_CONF: config }, '--init-path', CATATONIT), CATATONIT)
  hide(t, CATATONIT)
  assert.equal(await initOf(), TINI)
  hide(t, TINI, '/usr/bin/tini')
  assert.match(await box.fails(125, 'run', '--rm', '--network', 'none', '--init', suite.busybox, 'true'), /^Error: --init: no init program at .*\/usr\/libexec\/podman\/catatonit.*; install catatonit or tini.*\n$/)
  assert.match(await box.fails(125, 'run', '--rm', '--network', 'none', '--init', '--init-path', '/nowhere/init', suite.busybox, 'true'), /^Error: --init: no init program at \/nowhere\/init; .*\n$/)
})
