import '../support/jail.ts'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { peer } from './peer.ts'
import { openRuntime } from './runtime.ts'
import { assertShape } from './schema.ts'

let [pod, container] = ['', '']
const runtime = openRuntime(async ({ run, dir }) => {
  ({ pod, container } = await run({
    // containerd tells of a pod's use only where it has a cgroup parent
    name: 'shaped', command: ['sleep', '1000'], pod: { labels: { app: 'one' }, annotations: { note: 'x' }, linux: { cgroup_parent: '/shaped' } },
    container: { mounts: [{ container_path: '/mnt', host_path: dir, readonly: true }], linux: { resources: { memory_limit_in_bytes: 67108864, cpu_shares: 100 } } },
  }))
})

for (const command of ['ps -a', 'pods', 'images', 'inspect ID', 'inspectp POD', 'inspecti IMAGE', 'inspect ID ID', 'imagefsinfo', 'info', 'stats', ...(peer.hasPodStats ? ['statsp'] : []), 'why ID']) {
  test(`${command} prints what the schema says`, async () => {
    const words = command.split(' ').map((word) => ({ ID: container, POD: pod, IMAGE: runtime.busybox })[word] ?? word)
    // some time, until the runtime has measured
    await sleep(command.startsWith('stats') ? 1000 : 0)
    const shown = await runtime.cri.json(...words, '-o', 'json')
    assertShape(words[0]!, shown)
    if (command.startsWith('ps') || command.startsWith('stats')) assert.equal(Object.values(shown as Record<string, unknown[]>)[0]!.length, 1)
  })
}

// older runtimes have none of these
if (peer.hasPodMetrics) {
  for (const command of ['metricsp', 'metricdescs']) {
    test(`${command} prints what the schema says`, async () => { assertShape(command, await runtime.cri.json(command)) })
  }
}

if (peer.hasEvents) {
  test('events are what the schema says', async () => {
    const watching = runtime.cri.start(['events', '-o', 'json'])
    // it says nothing when it has begun to listen
    const others = []
    while (!/CONTAINER_STOPPED_EVENT/.test(watching.stdout())) {
      others.push(await runtime.run({ command: ['true'] }))
      await sleep(500)
    }
    watching.child.kill('SIGINT')
    const { stdout } = await watching.end()
    const events = stdout.split(/^(?=\{)/m).filter((text) => text.trim().endsWith('}')).map((text) => JSON.parse(text) as object)
    assert.ok(events.length >= 2, stdout)
    for (const event of events) assertShape('events', event)
    for (const { pod } of others) await runtime.crictl.ok('rmp', '-f', pod)
  })
}

test('what would be sent, and what is recorded, is what the schema says', async () => {
  const { cri, dir, endpoint, busybox } = runtime
  assertShape('run --dry-run', JSON.parse(await cri.ok('run', '--dry-run', '-p', '8080:80', busybox, 'true')))
  const [socket, record] = [join(dir, 'shape.sock'), join(dir, 'shape.jsonl')]
  const tracing = cri.start(['trace', endpoint, '--listen', socket, '--record', record])
  while (!tracing.stderr().includes('->')) await sleep(20)
  await cri.run(['inspect', 'nope'], { env: { CONTAINER_RUNTIME_ENDPOINT: `unix://${socket}` } })
  await cri.run(['ps'], { env: { CONTAINER_RUNTIME_ENDPOINT: `unix://${socket}` } })
  tracing.child.kill('SIGINT')
  await tracing.end()
  const calls = readFileSync(record, 'utf8').trim().split('\n')
  assert.ok(calls.length >= 2)
  for (const call of calls) assertShape('trace --record', JSON.parse(call))
  await runtime.crictl.ok('rmp', '-f', pod)
})
