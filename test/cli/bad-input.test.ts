// Bad input gives one clear line on standard error, nothing on standard output, and the convention's exit code.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after } from 'node:test'

const dir = mkdtempSync(join(tmpdir(), 'scow-bad-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const scow = (...words: string[]) => {
  // after --, or Node would take --env-file for its own
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--', join(import.meta.dirname, '../../src/main.ts'), '--root', join(dir, 'root'), '--runroot', join(dir, 'run'), ...words], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

const IMAGE = ['localhost/nope', 'true']
const CASES: readonly (readonly [readonly string[], RegExp, number?])[] = [
  [['bogus'], /unrecognized command 'scow bogus'/], [['container', 'bogus'], /unrecognized command 'scow container bogus'/], [['--bogus', 'ps'], /unknown flag: --bogus/],
  [['imges'], /unrecognized command 'scow imges'; did you mean 'scow images'\? see 'scow --help'/], [['network', 'crate'], /did you mean 'scow network create'\?/],
  [['ps', '--foo'], /unknown flag: --foo; see 'scow ps --help'/], [['ps', 'extra'], /scow ps takes no arguments, got 1: extra/], [['rm'], /needs an argument: container missing/],
  [['run'], /needs an argument: image missing/], [['stop', '--time', 'x', 'c'], /invalid argument "x" for --time: expected a whole number/], [['rm', '-f', '-t', '-2', 'c'], /invalid argument "-2" for --time: expected a whole number, 0 or more/],
  [['pull', '--retry', '-1', 'localhost/x'], /invalid argument "-1" for --retry/],
  [['run', '-p', '99999:80', ...IMAGE], /"99999:80" for --publish: the host port 99999 is not between 1 and 65535/], [['run', '-v', 'a:b', ...IMAGE], /"a:b" for -v: the path inside the container must be absolute/],
  [['run', '--memory', '1x', ...IMAGE], /"1x" for --memory: expected a size/], [['run', '--memory', '1k', ...IMAGE], /a container needs at least 4m/],
  [['run', '--cpus', '0.001', ...IMAGE], /"0\.001" for --cpus: it must be at least 0\.01/], [['run', '--cpu-period', '999', ...IMAGE], /"999" for --cpu-period: it must be between 1000 and 1000000/],
  [['run', '--cpu-quota', '999', ...IMAGE], /"999" for --cpu-quota: it must be at least 1000, or -1 for none/], [['run', '--restart', 'x', ...IMAGE], /"x" for --restart/],
  [['run', '--rm', '--restart', 'always', ...IMAGE], /--rm and --restart exclude each other/], [['run', '-d', '-a', 'stdout', ...IMAGE], /--detach and --attach exclude each other/],
  [['run', '--pod', 'x', ...IMAGE], /--pod is not supported yet/], [['run', '--secret', 'x', ...IMAGE], /--secret is not supported yet/], [['run', '--userns', 'auto', ...IMAGE], /--userns is not supported yet/],
  [['run', '--health-cmd', 'x', ...IMAGE], /--health-cmd is not supported yet/], [['run', '--gpus', 'a=b', ...IMAGE], /"a=b" for --gpus: expected all/], [['run', '--cap-add', 'FLY', ...IMAGE], /"FLY" for --cap-add: there is no such capability/],
  [['run', '--memory', '99999999999999999999g', ...IMAGE], /--memory: expected a size below 8192p/], [['run', '--shm-size', '9000p', ...IMAGE], /--shm-size: expected a size below 8192p/],
  [['run', '--ulimit', 'nofile=99999999999999999999', ...IMAGE], /--ulimit: expected limits from 0 to 2\^53-1/], [['run', '--ulimit', 'nofile=-2', ...IMAGE], /--ulimit: expected limits from 0/],
  [['run', '--security-opt', 'x=y', ...IMAGE], /unknown option "x"/], [['run', '--device', 'x', ...IMAGE], /"x" for --device/], [['run', '--ulimit', 'x=1', ...IMAGE], /unknown limit "x"/],
  [['run', '--network', 'none', '--ip', '10.0.0.1', ...IMAGE], /--ip: it cannot be set with --network none/], [['run', '--mount', 'type=odd,dst=/x', ...IMAGE], /unknown type "odd"/],
  [['run', '--env-file', '/nope', ...IMAGE], /cannot read "\/nope" for --env-file: no such file or directory/], [['run', '--name', 'a b', ...IMAGE], /invalid name "a b"/], [['run', '--detach-keys', 'abc', ...IMAGE], /"abc" for --detach-keys/],
  [['run', '--pull', 'often', ...IMAGE], /"often" for --pull/], [['run', '--platform', 'a/b/c/d', ...IMAGE], /"a\/b\/c\/d" for --platform/], [['run', '--log-opt', 'x', ...IMAGE], /"x" for --log-opt/], [['run', '', 'true'], /the name of the image is empty/],
  [['ps', '--filter', 'bad=1'], /invalid filter "bad=1": unknown key "bad"; use one of/], [['ps', '--filter', 'x'], /a filter looks like KEY=VALUE/], [['ps', '--filter', 'status=odd'], /odd is not a status/],
  [['ps', '--format', '{{.ID'], /template: ps:1: unclosed action/], [['ps', '-q', '--format', 'x'], /exclude each other/], [['ps', '--sort', 'x'], /expected one of command, created/],
  [['kill', '-s', 'FOO', 'c'], /"FOO" for --signal: there is no such signal/], [['logs', '--since', 'then', 'c'], /"then" for --since: expected a time/], [['events', '--until', 'then'], /"then" for --until/],
  [['wait', '--condition', 'x', 'c'], /"x" for --condition/], [['network', 'create', '--subnet', 'x'], /"x" for --subnet: expected a CIDR/], [['network', 'create', '--gateway', '10.0.0.1'], /--gateway 10.0.0.1 has no --subnet/],
  [['completion', 'tcsh'], /there is no completion for "tcsh"; use one of bash, zsh, fish/], [['--log-level', 'loud', 'ps'], /unknown log level "loud"/], [['inspect', '--type', 'pod', 'x'], /--type pod is not supported yet/],
  [['stop', 'nope'], /no such container/], [['rm', 'nope'], /no such container/, 1], [['volume', 'rm', 'nope'], /no such volume/, 1], [['rmi', 'nope'], /image not known/, 1], [['exec', 'nope', 'ls'], /no such container/],
  [['start', 'nope'], /no such container/], [['logs', 'nope'], /no such container/], [['tag', 'nope', 'x'], /image not known/], [['exec', '-l'], /scow exec needs a command to run/],
]

for (const [words, message, code = 125] of CASES) {
  test(`scow ${words.join(' ')} is refused`, () => {
    const { status, stdout, stderr } = scow(...words)
    const lines = stderr.trimEnd().split('\n')
    assert.match(lines[0]!, message)
    assert.match(lines[0]!, /^Error: /)
    assert.equal(lines.length, 1, stderr)
    assert.equal(stdout, '')
    assert.equal(status, code)
  })
}

test('what is missing is an error after an empty list', () => {
  const { status, stdout, stderr } = scow('inspect', 'nope')
  assert.deepEqual([status, stdout, stderr], [125, '[]\n', 'Error: no such object: "nope"\n'])
})
test('exists commands speak by their exit code alone', () => {
  for (const words of [['container', 'exists', 'x'], ['image', 'exists', 'x'], ['volume', 'exists', 'x']]) assert.deepEqual(scow(...words), { status: 1, stdout: '', stderr: '' })
})
test('rm -f of a missing container is no error', () => assert.deepEqual(scow('rm', '-f', 'nope'), { status: 0, stdout: '', stderr: '' }))
test('prune with nothing to remove is no error', () => {
  for (const object of ['container', 'volume']) assert.deepEqual(scow(object, 'prune', '-f'), { status: 0, stdout: '', stderr: '' })
})
test('help and version need nothing', () => {
  assert.match(scow('--version').stdout, /^scow version \d/)
  assert.match(scow('--help').stdout, /^Usage: scow \[options\] <command>/)
  assert.match(scow('container', 'ls', '--help').stdout, /^Usage: scow container ls/)
  assert.match(scow('help', 'run').stdout, /^Usage: scow run/)
})

test('a setting of scow.toml that is misspelled is told of, and the command does its work', () => {
  const file = join(dir, 'config/scow/scow.toml')
  mkdirSync(join(dir, 'config/scow'), { recursive: true })
  writeFileSync(file, '[engine]\nstop_timout = 3\n')
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--', join(import.meta.dirname, '../../src/main.ts'), '--root', join(dir, 'root'), '--runroot', join(dir, 'run'), 'info', '-f', '{{.Store.GraphRoot}}'], {
    encoding: 'utf8', env: { ...process.env, XDG_CONFIG_HOME: join(dir, 'config') },
  })
  assert.deepEqual([status, stdout, stderr], [0, `${join(dir, 'root')}\n`, `warn: ${file}: [engine] has no such setting: stop_timout (stop_timeout?)\n`])
})
