// What scripts written for crictl rely on, besides columns and JSON.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openRuntime } from './runtime.ts'

let main: { pod: string; container: string }
const runtime = openRuntime(async (opened) => { main = await opened.run({ name: 'first', command: ['sh', '-c', 'echo said; exec sleep 1000'] }) })

test('the version is one of crictl, and long flags may have one dash', async () => {
  const { crictl, cri } = runtime
  assert.match(await crictl.ok('--version'), /^crictl version v1\.\d+\.\d+$/)
  assert.match(await cri.ok('--version'), /^scow version /)
  for (const words of [['ps', '-quiet'], ['-debug=false', 'ps', '-name=main', '-quiet=true'], ['--', 'ps', '-q', '-last', '1'], ['ps', '-qp', main.pod]]) assert.equal(await crictl.ok(...words), main.container, words.join(' '))
  assert.match(await crictl.fails(1, '--debug=maybe', 'ps'), /expected true or false/)
})

test('commands about images need the service of images alone', async () => {
  const { crictl, endpoint, busybox } = runtime
  const env = { CONTAINER_RUNTIME_ENDPOINT: 'unix:///nowhere.sock', IMAGE_SERVICE_ENDPOINT: endpoint }
  for (const words of [['images', '-q'], ['inspecti', busybox], ['imagefsinfo'], ['pull', busybox], ['rmi', 'nothing']]) {
    const { code, stderr } = await crictl.run(words, { env })
    assert.equal(code, words[0] === 'rmi' ? 2 : 0, `${words.join(' ')}: ${stderr}`)
  }
  assert.equal((await crictl.run(['ps'], { env })).code, 3)
})

test('what removes does nothing without words, as in crictl rmp $(crictl pods -q)', async () => {
  for (const verb of ['rm', 'rmp', 'rmi', 'stopp']) {
    const { code, stdout, stderr } = await runtime.crictl.run([verb])
    assert.deepEqual([code, stdout], [0, ''], verb)
    assert.match(stderr, /^No \w+ named: nothing is done\n$/)
    assert.match(await runtime.cri.fails(1, verb), /^Error: no \w+ named; /)
  }
})

test('stop takes containers or all of them: whoever gives both may not want the others to end', async () => {
  assert.match(await runtime.crictl.fails(1, 'stop', '--all', 'nope'), /^Error: --all and containers exclude each other; [^\n]+\n$/)
  assert.equal(await runtime.crictl.ok('ps', '-q'), main.container)
})

test('what needs files says so, and where the help is', async () => {
  const { crictl } = runtime
  for (const [verb, ...words] of [['runp'], ['run'], ['create', main.pod]] as const) assert.match(await crictl.fails(1, verb, ...words), new RegExp(`^Error: [^\n]* needs [^\n]*file[^\n]*; see 'crictl ${verb} --help'\n$`))
})

test('a call whose time is over names the flag that gives it more', async () => {
  const { crictl, dir, busybox } = runtime
  const file = join(dir, 'hasty.json')
  writeFileSync(file, JSON.stringify({ metadata: { name: 'hasty', namespace: 'default', uid: 'hasty' }, linux: {} }))
  assert.match(await crictl.fails(124, 'runp', '--cancel-timeout', '1ms', file), /or wait longer with --cancel-timeout\n$/)
  assert.match(await crictl.fails(124, 'pull', '--pull-timeout', '1ms', busybox), /or wait longer with --pull-timeout\n$/)
})

test('inspect without words shows all that ps, pods and images show', async () => {
  const { crictl } = runtime
  const shown = (answer: any): string[] => [answer].flat().map(({ status }: any) => status.id).sort() // eslint-disable-line @typescript-eslint/no-explicit-any
  for (const [verb, list] of [['inspect', 'ps'], ['inspectp', 'pods'], ['inspecti', 'images']] as const) {
    assert.deepEqual(shown(await crictl.json(verb, '-q')), (await crictl.ok(list, '-q')).split('\n').sort())
  }
})

test('names are matched by patterns of RE2, images by their repository', async () => {
  const { crictl, registry } = runtime
  for (const pattern of ['(?i)MAIN', '^(?P<x>ma)in$', '[[:alpha:]]ain', '\\Amain\\z']) assert.equal(await crictl.ok('ps', '-q', '--name', pattern), main.container, pattern)
  assert.notEqual(await crictl.ok('images', '-q', '-f', `reference=^${registry.host}/busybox$`), '')
})

test('templates have numbers as texts too, and json ends its line', async () => {
  const rendered = (template: string) => runtime.crictl.ok('inspect', '-o', 'go-template', '--template', template, main.container)
  assert.equal(await rendered('{{.status.exitCode}} {{eq .status.exitCode "0"}} {{eq .status.exitCode 0}} {{if .status.exitCode}}there{{end}} {{printf "%s %d" .status.exitCode .status.exitCode}}'), '0 true true there 0 0')
  assert.equal(await rendered('{{json .status.exitCode}}{{json .status.metadata}}|'), '0\n{"attempt":0,"name":"main"}\n|')
})

test('a terminal without standard input needs no terminal here, one with it does', async () => {
  const { crictl } = runtime
  assert.equal(await crictl.ok('exec', '-t', main.container, 'echo', 'hi'), 'hi\r')
  const refused = await crictl.run(['exec', '-it', main.container, 'cat'], { input: 'x' })
  assert.deepEqual([refused.code, refused.stderr], [125, 'Error: standard input is no terminal; leave out --tty\n'])
})

test('exec tells a command that is not there from one that cannot be run, with streams or without', async () => {
  for (const how of [[], ['--sync']]) {
    assert.equal((await runtime.crictl.run(['exec', ...how, main.container, 'nothing-of-that-name'])).code, 127)
    assert.equal((await runtime.crictl.run(['exec', ...how, main.container, '/etc/passwd'])).code, 126)
  }
})

test('a command of exec --sync has its own time, not that of --timeout', async () => {
  assert.equal(await runtime.crictl.ok('--timeout', '1s', 'exec', '--sync', main.container, 'sh', '-c', 'sleep 2; echo slept'), 'slept')
})

test('run from flags ends with 125 for all that comes before the container, whatever its own codes are', async () => {
  const { cri, busybox, registry } = runtime
  for (const words of [['--bogus', busybox], ['-v', 'named:/x', busybox], ['--env-file', '/nowhere', busybox], [`${registry.host}/nothing:1`], ['-r', 'no-such-handler', busybox]]) {
    const { code, stderr } = await cri.run(['run', '--rm', ...words, 'true'])
    assert.equal(code, 125, stderr)
  }
  assert.equal((await cri.run(['run', '--rm', busybox, 'nothing-of-that-name'])).code, 127)
})

test('run from files leaves a pod alone that was there before', async () => {
  const { crictl, dir, busybox } = runtime
  const [pod, container] = [join(dir, 'again.pod'), join(dir, 'again.container')]
  writeFileSync(pod, JSON.stringify({ metadata: { name: 'again', namespace: 'default', uid: 'again' }, linux: {} }))
  writeFileSync(container, JSON.stringify({ metadata: { name: 'again' }, image: { image: busybox }, command: ['sleep', '1000'], linux: {} }))
  const first = await crictl.ok('run', container, pod)
  await crictl.fails(1, 'run', container, pod)
  assert.equal(await crictl.ok('ps', '-q', '--name', 'again'), first)
  assert.match(await crictl.fails(1, 'run', '--no-pull', '--with-pull', container, pod), /give only one of/)
  await crictl.ok('rmp', '-f', await crictl.ok('pods', '-q', '--name', 'again'))
})

test('top and wait take names, and tell what is not there', async () => {
  const { cri } = runtime
  assert.match(await cri.ok('top', 'main'), /^PID [^\n]*\n\d+ .*sleep 1000$/)
  for (const verb of ['top', 'wait']) assert.equal(await cri.fails(2, verb, 'nope'), 'Error: there is no container nope\n')
})

test('times of log lines have nine digits and Z', async () => {
  assert.match(await runtime.crictl.ok('logs', '-t', main.container), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z said$/)
})

test('a line that was written in parts has one time, and ends before that of another container', async () => {
  const { crictl, cri } = runtime
  const many = (count: number): string => `yes x | head -n ${count} | tr -d "\\n"`
  const [whole, open, later] = [
    await runtime.run({ name: 'whole', command: ['sh', '-c', `${many(40_000)}; echo; exec sleep 1000`] }),
    await runtime.run({ name: 'open', command: ['sh', '-c', `${many(60_000)}; exec sleep 1000`] }),
    await runtime.run({ name: 'later', command: ['sh', '-c', 'sleep 1; echo later; exec sleep 1000'] }),
  ]
  while (await crictl.ok('logs', later.container) === '') await sleep(50)
  const shown = (text: string): string => text.replace(/x{1000,}/g, 'x').replace(/[\da-f]{13}|20\d\d-\S+Z/g, '')
  assert.equal(shown(await crictl.ok('logs', '-t', whole.container)), ' x')
  assert.equal(shown(await cri.ok('logs', open.container, later.container)), '[main ] x\n[main ] later')
  await crictl.ok('rmp', '-f', whole.pod, open.pod, later.pod)
})

test('removal by force says what it stopped', async () => {
  const { crictl } = runtime
  const { pod, container } = await runtime.run({ command: ['sleep', '1000'] })
  assert.equal(await crictl.ok('rm', '-f', container), `${container}\n${container}`)
  assert.equal(await crictl.ok('rmp', '-f', pod), `Stopped sandbox ${pod}\nRemoved sandbox ${pod}`)
})

test('the schemas of files are printed by all that read them', async () => {
  const { crictl } = runtime
  const pod = await crictl.json('runp', 'jsonschema')
  assert.equal(pod.$id, 'https://k8s.io/cri-api/pkg/apis/runtime/v1/pod-sandbox-config')
  for (const words of [['pull', 'js'], ['create', 'js', '--pod'], ['run', 'jsonschema', '-p']]) assert.deepEqual(await crictl.json(...words), pod)
  assert.equal((await crictl.ok('create', 'jsonschema', '-c', '-p')).match(/"\$id"/g)!.length, 2)
  assert.match(await crictl.fails(1, 'create', 'jsonschema'), /^Error: jsonschema needs one of --pod and --container\n$/)
})

test('a pull takes its credentials and its time from the environment', async () => {
  const { crictl, busybox } = runtime
  const pull = (env: Record<string, string>, ...words: string[]) => crictl.run(['pull', ...words, busybox], { env })
  assert.match((await pull({ CRICTL_CREDS: 'a:b', CRICTL_AUTH: 'YTpi' })).stderr, /give only one of/)
  assert.equal((await pull({ CRICTL_CREDS: 'a:b' })).code, 0)
  assert.match((await pull({}, '--pull-timeout', '-1s')).stderr, /less than no time/)
  assert.equal((await pull({}, '-pt', '60s')).code, 0)
})

test('config --set changes its line alone, and no file that cannot be read', async () => {
  const { crictl, endpoint, dir } = runtime
  const file = join(mkdtempSync(join(dir, 'config-')), 'crictl.yaml')
  const env = { CRI_CONFIG_FILE: file, CONTAINER_RUNTIME_ENDPOINT: '' }
  const config = (...words: string[]) => crictl.run(['config', ...words], { env })
  writeFileSync(file, `# ours\nruntime-endpoint: ${endpoint} # the one\ntimeout: "5"`)
  assert.equal((await config('--set', 'debug=false,timeout=-1')).code, 0)
  assert.equal(readFileSync(file, 'utf8'), `# ours\nruntime-endpoint: ${endpoint} # the one\ntimeout: -1\ndebug: false\n`)
  writeFileSync(file, `runtime-endpoint: ${endpoint}\ntimeout: "5"\n`)
  assert.equal((await crictl.run(['ps', '-q', '--name', 'main'], { env })).stdout, `${main.container}\n`)
  assert.match((await config('debug', 'true', 'more')).stderr, /^Error: config takes a setting and its value, got 3/)
  for (const wrong of ['bogus: 1\n', 'a: [\n', '{timeout: 5}\n', '- a\n']) {
    writeFileSync(file, wrong)
    assert.equal((await config('--set', 'timeout=1')).code, 1, wrong)
    assert.equal(readFileSync(file, 'utf8'), wrong)
  }
})
