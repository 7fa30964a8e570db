import '../support/jail.ts'
import assert from 'node:assert/strict'
import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { peer } from './peer.ts'
import { openRuntime } from './runtime.ts'

const runtime = openRuntime()

test('a pod and its container from files: created, started, stopped, removed with its log', async () => {
  const { crictl, dir, busybox } = runtime
  const [podFile, containerFile] = [join(dir, 'p.yaml'), join(dir, 'c.yaml')]
  writeFileSync(podFile, `metadata: {name: life, namespace: default, uid: one}\nlogDirectory: ${dir}/logs/life\nlinux: {security_context: {namespace_options: {network: NODE}}}\n`)
  writeFileSync(containerFile, `metadata: {name: main, attempt: 2}\nimage: {image: "${busybox}"}\ncommand: [sh, -c, "echo $WORD; sleep 100"]\nenvs: [{key: WORD, value: hello}]\nlog_path: 2.log\nlinux: {resources: {memory_limit_in_bytes: 67108864}}\n`)
  const pod = await crictl.ok('runp', podFile)
  assert.equal((await crictl.json('inspectp', '-q', pod)).status.linux.namespaces.options.network, 'NODE')
  const container = await crictl.ok('create', pod, containerFile, podFile)
  // CRI-O opens the log with the container
  assert.match((await crictl.run(['logs', container])).stderr, /^(|Error: container \S+ has no log yet: it was not started; start it first\n)$/)
  assert.equal((await crictl.json('inspect', '-q', container)).status.state, 'CONTAINER_CREATED')
  assert.equal(await crictl.ok('start', container), container)
  while (await crictl.ok('logs', container) === '') await sleep(50)
  assert.equal(await crictl.ok('logs', container), 'hello')
  assert.match(await crictl.fails(1, 'rm', container), /^Error: container [\da-f]+ is running; stop it first, or use --force\n$/)
  assert.match(await crictl.fails(1, 'rmp', pod), /^Error: pod [\da-f]+ is ready; /)
  assert.equal(await crictl.ok('update', '--memory', '134217728', container), container)
  // ours shows no specification
  if (peer.showsSpec) assert.equal((await crictl.json('inspect', container)).info.runtimeSpec.linux.resources.memory.limit, 67108864 * 2)
  assert.equal(await crictl.ok('stop', container), container)
  assert.equal((await crictl.json('inspect', '-q', container)).status.exitCode, peer.killedCode)
  const log = join(dir, 'logs/life/2.log')
  assert.ok(existsSync(log))
  assert.equal(await crictl.ok('rm', container), container)
  assert.ok(!existsSync(log))
  assert.equal(await crictl.ok('stopp', pod), `Stopped sandbox ${pod}`)
  assert.equal(await crictl.ok('rmp', pod), `Removed sandbox ${pod}`)
})

test('a file with a mistake is named with the place of it', async () => {
  const { crictl, dir } = runtime
  const file = join(dir, 'wrong.yaml')
  for (const [text, message] of [
    ['metadata: {name: x}', 'metadata needs a name and a namespace'], ['linux: {}', 'metadata is not set'],
    ['metadata: {name: x, namespace: y}\nlinux: {security_context: {namespace_options: {network: MOON}}}', '"MOON" is none of'],
    ['a: [', ':1'],
  ] as const) {
    writeFileSync(file, text)
    const said = await crictl.fails(1, 'runp', file)
    assert.ok(said.startsWith(`Error: ${file}`) && said.includes(message), said)
  }
  assert.match(await crictl.fails(2, 'runp', join(dir, 'nowhere.json')), /^Error: cannot read .*nowhere\.json: it does not exist\n$/)
})

test('logs end where asked, follow until the end, and merge several by time', async () => {
  const { crictl } = runtime
  const words = (name: string, delay: string) => ['sh', '-c', `for n in 1 2 3; do echo ${name}$n; sleep ${delay}; done; echo ${name}-err >&2`]
  const [a, b] = [await runtime.run({ name: 'a', command: words('a', '0.4'), container: { labels: { log: 'yes' } } }), await runtime.run({ name: 'b', command: words('b', '0.3'), container: { labels: { log: 'yes' } } })]
  const followed = await crictl.run(['logs', '-f', a.container])
  assert.deepEqual([followed.stdout, followed.stderr], ['a1\na2\na3\n', 'a-err\n'])
  assert.equal(await crictl.ok('logs', '--tail', '2', a.container), 'a3')
  assert.equal((await crictl.run(['logs', '-s', 'stderr', a.container])).stderr, 'a-err\n')
  assert.equal(await crictl.ok('logs', '--limit-bytes', '4', a.container), 'a1\na')
  assert.equal(await crictl.ok('logs', '--since', '2100-01-01T00:00:00Z', a.container), '')
  assert.match(await crictl.ok('logs', '-t', '--tail', '2', a.container), /^20\d\d-\d\d-\d\dT\S+ a3$/)
  assert.match(await crictl.fails(1, 'logs', '--tail', '1', '--stream', 'stdout', a.container), /give only one of --tail and --stream/)
  assert.match(await crictl.fails(2, 'logs', '-p', a.container), /did not run before/)
  while (!/b3/.test(await crictl.ok('logs', b.container))) await sleep(50)
  const merged = (await crictl.ok('logs', '-t', '--label', 'log=yes')).split('\n')
  assert.equal(merged.length, 6)
  assert.deepEqual(merged.map((line) => line.split('] ')[1]!.split(' ')[0]), merged.map((line) => line.split('] ')[1]!.split(' ')[0]).sort())
  await crictl.ok('rmp', '-f', a.pod, b.pod)
})

test('logs of another node: what is written from now on, and a clear line for what was', async () => {
  const { crictl, dir } = runtime
  const far = await runtime.run({ name: 'far', command: ['sh', '-c', 'echo before; while ! [ -e /tmp/go ]; do sleep 0.1; done; echo after; echo wrong >&2; printf rest'] })
  while (await crictl.ok('logs', far.container) === '') await sleep(50)
  renameSync(join(dir, 'logs'), join(dir, 'logs-away'))
  try {
    assert.match(await crictl.fails(2, 'logs', far.container), /^Error: cannot read the log \S+: it is not on this machine; the CRI gives no logs: [^\n]*--follow[^\n]*\n$/)
    const following = crictl.start(['logs', '-f', far.container])
    while (!following.stderr().includes('from now on')) await sleep(50)
    await sleep(500)
    await crictl.ok('exec', far.container, 'touch', '/tmp/go')
    const { code, stdout, stderr } = await following.end()
    assert.deepEqual([code, stdout], [0, 'after\nrest'], stderr)
    assert.match(stderr, /^The log \S+ is not on this machine: only what container [\da-f]{13} writes from now on is shown\nwrong\n$/)
  } finally {
    renameSync(join(dir, 'logs-away'), join(dir, 'logs'))
  }
  await crictl.ok('rmp', '-f', far.pod)
})

test('stats has rates of the cpu, and JSON', async () => {
  const { crictl } = runtime
  const busy = await runtime.run({ command: ['sh', '-c', 'while true; do :; done'] })
  const [head, row] = (await crictl.ok('stats')).split('\n')
  assert.match(head!, /^CONTAINER +NAME +CPU % +MEM +DISK +INODES +SWAP$/)
  assert.match(row!, new RegExp(`^${busy.container.slice(0, 13)} +main +\\d+\\.\\d\\d +\\S+B +\\S+B +\\d+ +\\S+B$`))
  assert.ok(Number(row!.split(/ +/)[2]) > 1)
  const negative = await crictl.run(['stats', '-s', '-1', busy.container])
  assert.deepEqual([negative.code, negative.stderr], [0, ''])
  const { stats } = await crictl.json('stats', '-o', 'json', busy.container)
  assert.equal(stats[0].attributes.id, busy.container)
  assert.match(stats[0].cpu.usageCoreNanoSeconds.value, /^\d+$/)
  await crictl.ok('rmp', '-f', busy.pod)
})

test('stats are shown again and again until interrupted', async () => {
  const { crictl } = runtime
  const one = await runtime.run({ command: ['sleep', '1000'], pod: { linux: { cgroup_parent: '/watched' } } })
  for (const words of [['stats', '-w', '-s', '1'], ...(peer.hasPodStats ? [['statsp', '-w', '-s', '1', '--id', one.pod]] : []), ...(peer.hasPodMetrics ? [['metricsp', '-w']] : [])]) {
    const watching = crictl.start(words)
    const heading = words[0] === 'metricsp' ? /"podMetrics"/g : /^(CONTAINER|POD) /gm
    for (let tries = 0; (watching.stdout().match(heading) ?? []).length < 2; tries++) {
      assert.ok(tries < 300 && watching.child.exitCode === null, `${words.join(' ')}: ${watching.stdout()}${watching.stderr()}`)
      await sleep(50)
    }
    watching.child.kill('SIGINT')
    assert.equal((await watching.end()).code, 0, words.join(' '))
  }
  await crictl.ok('rmp', '-f', one.pod)
})

test('a pull tells on a terminal how far it is', async () => {
  const { crictl, registry } = runtime
  registry.fault = (seen) => (/\/blobs\//.test(seen.path) && seen.method === 'GET' ? { kind: 'slow', bytesPerSecond: 8_000_000 } : undefined)
  try {
    const { code, stdout } = await crictl.run(['pull', `${registry.host}/web:1`], { terminal: { rows: 24, columns: 100 } })
    assert.equal(code, 0, stdout)
    assert.match(stdout, peer.hasStore ? /Pulling \S+\/web:1: \d+ s, [1-9][\d.]*[kM]B (of [\d.]+MB|more on disk)/ : /Pulling \S+\/web:1: \d+ s/)
    assert.match(stdout, /Image is up to date for /)
  } finally {
    registry.fault = undefined
  }
  assert.equal((await crictl.run(['pull', `${registry.host}/web:1`])).stderr, '')
})

test('images are pulled, pruned and removed with all their names', async () => {
  const { crictl, registry, busybox } = runtime
  const probe = `${registry.host}/probe:1`
  assert.match(await crictl.ok('pull', probe), /^Image is up to date for \S*[\da-f]{64}$/)
  assert.match(await crictl.fails(2, 'pull', `${registry.host}/nope:1`), /not found|no such image|manifest unknown/)
  const used = await runtime.run({ command: ['sleep', '100'] })
  const pruned = await crictl.ok('rmi', '--prune')
  assert.ok(pruned.includes(`Deleted: ${probe}`) && !pruned.includes(busybox), pruned)
  await crictl.ok('rmp', '-f', used.pod)
  assert.equal(await crictl.ok('rmi', busybox), `Deleted: ${busybox}`)
  assert.match(await crictl.fails(2, 'rmi', busybox), /^Error: no such image: /)
})

// older runtimes lack these
test('what this runtime does not have is one line', async () => {
  const lacks = [...(peer.hasEvents ? [] : [['events', 'GetContainerEvents']]), ...(peer.hasRuntimeConfig ? [] : [['runtime-config', 'RuntimeConfig']]), ...(peer.hasPodStats ? [] : [['statsp', 'ListPodSandboxStats']]), ...(peer.hasPodMetrics ? [] : [['metricsp', 'ListPodSandboxMetrics']])]
  for (const [verb, rpc] of lacks) assert.match(await runtime.crictl.fails(1, verb!), new RegExp(`^Error: the runtime at unix://\\S+ does not have ${rpc}.*\\n$`))
})
