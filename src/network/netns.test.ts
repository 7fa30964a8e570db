import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'node:test'

import { isFailure } from '../errors.ts'
import { isNamespace } from './netns.ts'
import { inJail, makeRig, sh } from './test-jail.ts'

const mountsAt = (prefix: string, pid: number | 'self' = 'self') =>
  readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n').map((line) => line.split(' ')[4] ?? '').filter((target) => target.startsWith(prefix))

inJail(import.meta.filename, () => {
  for (const propagation of ['private', 'shared'] as const) {
    test(`under a ${propagation} root the directory is one shared mount, and pinning and unpinning are seen in other mount namespaces`, async (t) => {
      sh(`mount --make-r${propagation} /`)
      t.after(() => sh('mount --make-rprivate /'))
      const rig = makeRig(t)
      await Promise.all(['a', 'b', 'c'].map((id) => rig.networks.createNetns(id)))
      assert.deepEqual(mountsAt(rig.options.netnsDir).sort(), [rig.options.netnsDir, ...['a', 'b', 'c'].map((id) => rig.networks.netnsPath(id))])
      const other = spawn('unshare', ['--mount', '--propagation', 'unchanged', 'sh', '-c', 'echo up; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] })
      t.after(() => other.kill('SIGKILL'))
      await once(other.stdout, 'data')
      await rig.networks.createNetns('late')
      assert.ok(mountsAt(rig.networks.netnsPath('late'), other.pid!).length > 0)
      for (const id of await rig.networks.listNetns()) await rig.networks.removeNetns(id)
      assert.deepEqual(mountsAt(`${rig.options.netnsDir}/`, other.pid!), [])
      assert.deepEqual(mountsAt(`${rig.options.netnsDir}/`), [])
      assert.deepEqual(await rig.networks.listNetns(), [])
    })
  }

  test('a namespace that is in use goes from the tree at once, and its user keeps it', async (t) => {
    const rig = makeRig(t)
    const netns = await rig.networks.createNetns('busy')
    const user = spawn('nsenter', [`--net=${netns}`, 'sleep', '60'], { stdio: 'ignore' })
    t.after(() => user.kill('SIGKILL'))
    for (let tries = 0; !readFileSync(`/proc/${user.pid}/cmdline`, 'utf8').startsWith('sleep') && tries < 100; tries += 1) await sleep(10)
    await rig.networks.removeNetns('busy')
    await rig.networks.removeNetns('busy')
    assert.equal(user.exitCode, null)
    assert.deepEqual(await rig.networks.listNetns(), [])
  })

  test('a plain file is replaced, a namespace is not, and bad names are refused', async (t) => {
    const rig = makeRig(t)
    const path = await rig.networks.createNetns('a')
    assert.ok(isNamespace(path))
    await assert.rejects(rig.networks.createNetns('a'), (error) => isFailure(error, 'exists'))
    await rig.networks.removeNetns('a')
    writeFileSync(path, '')
    assert.ok(!isNamespace(path))
    assert.equal(await rig.networks.createNetns('a'), path)
    assert.match(sh(`nsenter --net=${path} ip -o addr show lo`), /127\.0\.0\.1/)
    await rig.networks.removeNetns('a')
    await rig.networks.removeNetns('never')
    for (const bad of ['../a', '', '.', 'a/b', `a${'b'.repeat(200)}`]) await assert.rejects(rig.networks.createNetns(bad), (error) => isFailure(error, 'invalid'))
  })
})
