// What happens to a container is told in podman's words.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import test from 'node:test'
import { openSuite } from '../support/suite.ts'
import { openTwins } from './twins.ts'

const suite = openSuite()

test('exec, restart and stop are told of, with the exit code of what has ended', async (t) => {
  const twins = await openTwins(t, suite)
  await twins.make('run', '-d', '--name', 'one', '--network', 'none', '--stop-timeout', '0', '-l', 'a=1', suite.busybox, 'sleep', '1000')
  const failing = await twins.both(['exec', 'one', 'sh', '-c', 'exit 3'])
  assert.deepEqual([failing.podman.code, failing.scow.code], [3, 3])
  await twins.make('exec', 'one', 'true')
  await twins.make('exec', '-d', 'one', 'sleep', '1000')
  await twins.make('restart', 'one')
  await twins.make('stop', 'one')
  await twins.make('restart', 'one')
  await twins.make('stop', 'one')
  await twins.make('stop', 'one')
  const seen = async (...filters: string[]) => twins.both(['events', '--stream=false', '--since', '10m', ...filters.flatMap((filter) => ['--filter', filter]), '--format', '{{.Type}} {{.Status}} {{.Name}} {{.ContainerExitCode}} {{.Attributes}}'])
  for (const status of ['exec', 'restart']) {
    const { podman, scow } = await seen(`event=${status}`)
    assert.equal(scow.stdout, podman.stdout)
    assert.match(scow.stdout, new RegExp(`^(container ${status} one 0 .*\n){2,3}$`))
  }
  // podman misses an end now and then, and tells of another twice
  const ended = await seen('event=exec_died')
  assert.deepEqual(ended.scow.stdout.split('\n').map((line) => line.slice(0, 29)), ['container exec_died one 3 map', 'container exec_died one 0 map', ''])
  assert.ok(ended.podman.stdout.includes(ended.scow.stdout.split('\n')[0]!), ended.podman.stdout)
  // podman tells of a stop only where the cleanup in the background is late
  assert.equal((await seen('event=stop')).scow.stdout.split('\n').filter((line) => line.startsWith('container stop one 0')).length, 2)
})
