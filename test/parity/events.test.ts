// What happens to a container is told in podman's words.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import test from 'node:test'
import { openSuite } from '../support/suite.ts'
import { eventually } from '../support/box.ts'
import { openTwins, type Twins } from './twins.ts'

const suite = openSuite()

/** Exit codes of sessions whose end was told of. */
async function deaths(twins: Twins): Promise<{ podman: string[]; scow: string[] }> {
  const { podman, scow } = await twins.both(['events', '--stream=false', '--since', '10m', '--filter', 'event=exec_died', '--format', '{{.ContainerExitCode}}'])
  return { podman: podman.stdout.split('\n'), scow: scow.stdout.split('\n') }
}

test('exec, restart and stop are told of, with the exit code of what has ended', async (t) => {
  const twins = await openTwins(t, suite)
  await twins.make('run', '-d', '--name', 'one', '--network', 'none', '--stop-timeout', '0', '-l', 'a=1', suite.busybox, 'sleep', '1000')
  const failing = await twins.both(['exec', 'one', 'sh', '-c', 'exit 3'])
  assert.deepEqual([failing.podman.code, failing.scow.code], [3, 3])
  await twins.make('exec', 'one', 'true')
  await twins.make('exec', '-d', 'one', 'sh', '-c', 'exit 5')
  await eventually('the end of the detached session is told', async () => (await deaths(twins)).scow.includes('5'))
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
    assert.match(scow.stdout, new RegExp(`^(container ${status} one 0 .*\n){2,4}$`))
  }
  // podman misses an end now and then, and tells of another twice; the last session may be gone with the restart before it is looked at
  const ended = await deaths(twins)
  assert.deepEqual(ended.scow.slice(0, 3), ['3', '0', '5'])
  assert.ok(ended.podman.includes('3'), ended.podman.join())
  // podman tells of a stop only where the cleanup in the background is late
  assert.equal((await seen('event=stop')).scow.stdout.split('\n').filter((line) => line.startsWith('container stop one 0')).length, 2)
})
