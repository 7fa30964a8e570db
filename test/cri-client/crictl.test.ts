import '../support/jail.ts'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import test from 'node:test'
import { openRuntime } from './runtime.ts'

/** Path of the real one, 1.36. */
const theirs = process.env['SCOW_TEST_CRICTL']
const runtime = openRuntime()

/** Times go on between two calls, and readings of a file system with them. */
const steady = (text: string): string => text.replace(/(\d+|an?|a) (seconds?|minutes?|hour) ago|Less than a second ago|About a minute ago/gi, 'AGO').replace(/ {2,}/g, '  ')
  // CRI-O writes its maps in another order each time
  .replace(/^Info: .*$/m, (line) => [...line].sort().join('').trim()).replace(/\d{19}/g, 'NS').replace(/"value": "\d+"/g, 'VALUE').replace(/^TimeStamp.*$/gm, '')

/** crictl breaks long texts where ours stay on one line; to YAML that is the same. */
const steadyYaml = (text: string): string => steady(text).replace(/\s+/g, ' ')

/** protobuf's own JSON varies its spaces from build to build; a rate is there once two readings are. */
const steadyJson = (text: string): unknown => JSON.parse(text, (key, value: unknown) => (key === 'usageNanoCores' ? undefined : /^(timestamp|usedBytes|value)$/.test(key) && typeof value === 'string' ? '' : value))

test('crictl itself prints the same columns and the same JSON', { skip: theirs === undefined && 'SCOW_TEST_CRICTL names none' }, async () => {
  const { endpoint, busybox, crictl } = runtime
  const labels = { l: 'm', 'io.kubernetes.pod.name': 'first', 'io.kubernetes.pod.namespace': 'default' }
  const first = await runtime.run({ name: 'first', command: ['sleep', '1000'], pod: { labels: { app: 'one', b: '2' }, annotations: { x: 'y' } }, container: { annotations: { c: 'd' }, labels } })
  const second = await runtime.run({ name: 'second', command: ['sh', '-c', 'exit 7'] })
  while (await crictl.ok('ps', '-q', '--state', 'exited') === '') { /* until its exit is known */ }
  const both = (...args: string[]): { readonly args: string; readonly words: readonly string[]; readonly isJson: boolean } => ({ args: args.join(' '), words: args, isJson: /-o json/.test(args.join(' ')) })
  const inspected = [['inspect', first.container], ['inspect', second.container], ['inspect', first.container, second.container], ['inspectp', first.pod], ['inspecti', busybox]]
  const listed = [['ps', '-a'], ['pods'], ['images'], ['statsp'], ['stats']]
  const cases = [
    ...inspected.flatMap((words) => [both(...words), both(words[0]!, '-q', ...words.slice(1)), both(words[0]!, '-o', 'yaml', ...words.slice(1)), both(words[0]!, '-o', 'table', ...words.slice(1))]),
    ...listed.map((words) => both(...words, '-o', 'json')), ...listed.slice(0, 3).flatMap((words) => [both(...words), both(...words, '-v'), both(...words, '-q'), both(...words, '--no-trunc'), both(...words, '-o', 'yaml')]),
    both('ps', '-a', '-r'), both('ps', '-l'), both('ps', '-n', '1', '-o', 'json'), both('images', '--digests', '--pinned'), both('ps', '-a', '--label', 'l=m'), both('ps', '-a', '--image', busybox), both('pods', '--label', 'app=one'),
    both('version'), both('info'), both('info', '-q'), both('info', '-o', 'yaml'), both('imagefsinfo'), both('imagefsinfo', '-o', 'table'), both('runtime-config'),
    both('inspect', '-o', 'go-template', '--template', '{{.status.id}} {{.info.pid}}', first.container),
    both('inspect', '-o', 'go-template', '--template', '{{json .status.metadata}}{{if .status.exitCode}}x{{end}}{{eq .status.exitCode "0"}}', first.container),
    both('inspect', '-q'), both('inspectp', '-q'), both('inspecti', '-q'), both('--version'), both('ps', '-quiet', '-all'), both('ps', '-q', '--name', '(?i)MAIN'), both('images', '-q', '-f', 'reference=busybox$'),
    both('-debug=maybe', 'ps'), both('rmi', '--prune', '-x'), both('pull', '--pull-timeout', '-1s', busybox),
  ]
  const different: string[] = []
  for (const { args, words, isJson } of cases) {
    const told = spawnSync(theirs!, ['-r', endpoint, ...words], { encoding: 'utf8', timeout: 30_000, env: { PATH: '/usr/bin:/bin', TZ: 'UTC' } })
    const ours = await crictl.run(words)
    const shape = isJson ? steadyJson : /-o yaml/.test(args) ? steadyYaml : steady
    try {
      assert.equal(ours.code === 0, told.status === 0, told.stderr)
      if (ours.code === 0) assert.deepEqual(shape(ours.stdout), shape(told.stdout))
    } catch (error) {
      different.push(`crictl ${args}\n${(error as Error).message}`)
    }
  }
  assert.deepEqual(different, [])
})
