// The options of conmon 2.1 and 2.2: known all, handed on to the runtime as conmon does, and refused in one line where
// they make no sense.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import test from 'node:test'
import { Box, DEBIANS, Launch, OURS, until } from './harness.ts'

const helpOf = (conmon: string): Map<string, string> =>
  new Map([...execFileSync(conmon, ['--help'], { encoding: 'utf8' }).matchAll(/^ +(?:-(\S), )?--([\w-]+)/gm)].map(([, letter, name]) => [name!, letter ?? '']))

test('every option of Debian\'s conmon and of conmon 2.2 is known, by the same letter', () => {
  const ours = helpOf(OURS)
  const debians = helpOf(DEBIANS)
  assert.ok(debians.size > 40)
  assert.deepEqual([...debians].filter(([name, letter]) => ours.get(name) !== letter), [])
  const hidden = ['pidfile', 'restore-arg']
  const newer = ['log-rotate', 'log-max-files', 'log-allowlist-dir', 'log-label', 'no-container-partial-message']
  assert.deepEqual([...hidden, ...newer].filter((name) => !ours.has(name)), [])
})

/** A runtime that writes down how it was called, and leaves this shell's parent, the monitor's child, as the container. */
function recorder(box: Box): string {
  const file = box.path('recorder')
  writeFileSync(file, `#!/bin/sh\nprintf '%s\\n' "$@" >"${box.path('argv')}"
while [ $# -gt 0 ]; do [ "$1" != --pid-file ] || pid_file=$2; shift; done
sleep 0.3 >/dev/null 2>&1 & printf %s $! >"$pid_file"\n`)
  chmodSync(file, 0o755)
  return file
}

/** How either monitor calls the runtime with these options; the box's directory is written as DIR. */
async function argvOf(conmon: string, options: readonly string[]): Promise<string[]> {
  await using box = new Box({ script: '', conmon })
  const args = box.args()
  args[args.indexOf('-r') + 1] = recorder(box)
  const launch = await box.launch(options.map((word) => word.replace('DIR', box.dir)), [...args, '-l', `k8s-file:${box.path('log')}`])
  // the first line may come before the process that was called has ended
  await until('the end of who started the monitor', () => launch.code !== undefined)
  assert.equal(launch.code, 0, launch.stderr)
  await box.ended()
  return readFileSync(box.path('argv'), 'utf8').trimEnd().split('\n').map((word) => word.replaceAll(box.dir, 'DIR').replaceAll(box.id, 'ID'))
}

for (const [what, options] of Object.entries({
  'create': [],
  'create with all that is for the runtime': ['-s', '--no-pivot', '--no-new-keyring', '--runtime-opt', '--preserve-fds', '--runtime-opt=3', '--runtime-arg=--debug'],
  'restore': ['--restore', 'DIR/checkpoint'],
  'restore with more': ['--restore=DIR/checkpoint', '--restore-arg', '--tcp-established', '--runtime-opt', '--file-locks', '-s', '--no-new-keyring'],
  'exec': ['-e', '--exec-process-spec', 'DIR/process.json'],
  'exec with more': ['--exec', '--exec-process-spec=DIR/process.json', '-s', '--runtime-opt', '--preserve-fds=1'],
})) {
  test(`the runtime is called as by Debian's conmon: ${what}`, async () => {
    assert.deepEqual(await argvOf(OURS, options), await argvOf(DEBIANS, options))
  })
}

test('a restored container is watched to its end', async () => {
  await using box = new Box({ script: '' })
  const args = box.args()
  args[args.indexOf('-r') + 1] = recorder(box)
  const launch = await box.launch(['--restore', box.path('checkpoint')], [...args, '-l', 'none'])
  assert.deepEqual(launch.lines(), [{ data: Number(box.read('pid')) }])
  assert.equal(await box.ended(), '0')
  assert.deepEqual(box.read('argv').split('\n').slice(2, 3), ['restore'])
})

test('options that make no sense together are refused in one line with exit code 1', async () => {
  await using box = new Box({ script: '' })
  const args = [...box.args(), '-l', 'none']
  for (const [more, words] of [
    [['-e', '--exec-process-spec', '/x', '--restore', '/x'], /--exec .*--restore/], [['--exec-attach'], /--exec-attach/], [['--exit-delay', '-1'], /--exit-delay/],
    [['--client-fd', '-3'], /--client-fd/], [['--client-fd', '99'], /--client-fd/],
    [['--exit-delay', 'soon'], /--exit-delay/], [['--sync=yes'], /--sync/], [['--log-path'], /--log-path/], [['-l', 'k8s-file'], /k8s-file/],
    [['--log-level', 'loud'], /--log-level/],
    [['-l', 'journald', '--log-label', 'lower=x'], /lower=x/], [['-l', 'journald', '--log-label', '=x'], /=x/], [['-l', 'journald', '--log-label', 'ALONE'], /ALONE/],
    [['--seccomp-notify-socket', box.path('s'), '--seccomp-notify-plugins', '/lib/plugin.so'], /static.*\/lib\/plugin\.so/],
    [['--seccomp-notify-socket', box.path('none/s')], /none\/s/],
  ] as const) {
    const launch = new Launch(OURS, [...args, ...more])
    await until('its end', () => launch.code !== undefined)
    // What fails behind the fork is told on the sync pipe.
    const told = await until('its words', () => launch.stderr || launch.lines()[0]?.['message']) as string
    assert.match(told, words)
    assert.equal(told.trimEnd().split('\n').length, 1)
    if (launch.stderr && more[0] !== '--seccomp-notify-socket') assert.equal(launch.code, 1, told)
  }
})
