// Debian's podman on our monitor, with a store of its own.
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { processesGone, unmountRoots } from '../support/leftovers.ts'
import { OURS, until } from './harness.ts'

const dir = mkdtempSync(join(tmpdir(), 'monitor-podman-'))
const env = { PATH: process.env['PATH'] ?? '', CONTAINERS_CONF: join(dir, 'containers.conf') }
const globals = ['--root', join(dir, 'root'), '--runroot', join(dir, 'run'), '--tmpdir', join(dir, 'tmp'), '--conmon', OURS]

interface Outcome { readonly code: number | null; readonly stdout: string; readonly stderr: string }

function podman(args: readonly string[], input = ''): Outcome {
  const { status, stdout, stderr } = spawnSync('podman', [...globals, ...args], { env, input, encoding: 'utf8', timeout: 30_000, maxBuffer: 1 << 26 })
  return { code: status, stdout, stderr }
}

/** Under a terminal of its own, with what is typed there. */
function inTerminal(args: readonly string[], typed: string): Outcome {
  const program = `import pty,os,sys,time
pid,fd=pty.fork()
if pid==0: os.execvp('podman',['podman']+sys.argv[2:])
seen=b''
while b'# ' not in seen and b'$ ' not in seen: seen+=os.read(fd,1000)
os.write(fd,sys.argv[1].encode())
try:
  while True:
    part=os.read(fd,1000)
    if not part: break
    seen+=part
except OSError: pass
sys.stdout.buffer.write(seen); sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid,0)[1]))`
  const { status, stdout, stderr } = spawnSync('python3', ['-c', program, typed, ...globals, ...args], { env, encoding: 'utf8', timeout: 30_000 })
  return { code: status, stdout, stderr }
}

before(() => {
  writeFileSync(env.CONTAINERS_CONF, `[containers]\ndefault_ulimits=["nofile=1000:1000","nproc=1000:1000"]\n[engine]\ncgroup_manager="cgroupfs"\nruntime="runc"\nevents_logger="file"\n`)
  mkdirSync(join(dir, 'image/bin'), { recursive: true })
  cpSync('/bin/busybox', join(dir, 'image/bin/busybox'))
  for (const name of ['sh', 'cat', 'echo', 'sleep', 'seq', 'true', 'tty']) symlinkSync('busybox', join(dir, 'image/bin', name))
  execFileSync('tar', ['-C', join(dir, 'image'), '-cf', join(dir, 'image.tar'), '.'])
  const made = podman(['import', join(dir, 'image.tar'), 'box'])
  assert.equal(made.code, 0, made.stderr)
})

after(async () => {
  podman(['rm', '-af', '-t', '0'])
  podman(['rmi', '-af'])
  await processesGone(dir)
  unmountRoots(dir)
  rmSync(dir, { recursive: true, force: true })
})

const run = (...args: string[]): Outcome => podman(['run', '--network', 'none', ...args])

test('podman names our monitor', () => {
  assert.match(podman(['info', '--format', '{{.Host.Conmon.Path}} {{.Host.Conmon.Version}}']).stdout, /dist\/conmon conmon version \d/)
})

test('podman run gives output, errors and exit codes of the container', () => {
  const outcome = run('--rm', 'box', 'sh', '-c', 'echo out; echo err >&2; exit 3')
  assert.deepEqual([outcome.code, outcome.stdout, outcome.stderr], [3, 'out\n', 'err\n'])
  assert.equal(run('--rm', 'box', 'true').code, 0)
  assert.equal(run('--rm', 'box', 'sh', '-c', 'sleep 9 & kill -9 $!; wait $!').code, 137)
  assert.equal(run('--rm', 'box', '/none').code, 127)
})

test('podman run -i passes much through both ways', () => {
  const text = Array.from({ length: 100_000 }, (_, index) => `${index}\n`).join('')
  assert.equal(podman(['run', '-i', '--rm', '--network', 'none', 'box', 'cat'], text).stdout === text, true)
})

test('podman run -t gives a terminal', () => {
  const outcome = inTerminal(['run', '-it', '--rm', '--network', 'none', 'box', 'sh'], 'tty; echo a$((40+2))b; exit 6\n')
  assert.equal(outcome.code, 6)
  assert.match(outcome.stdout, /\/dev\/pts\/0\r\n/)
  assert.match(outcome.stdout, /a42b\r\n/)
})

test('podman logs, exec, exec -t, attach, kill, wait and stop work', async () => {
  assert.equal(run('-d', '--name', 'one', 'box', 'sh', '-c', 'echo started; while true; do echo tick; sleep 0.2; done').code, 0)
  assert.match(podman(['logs', 'one']).stdout, /^started\ntick\n/)
  const exec = podman(['exec', 'one', 'sh', '-c', 'echo in; exit 4'])
  assert.deepEqual([exec.code, exec.stdout], [4, 'in\n'])
  assert.equal(podman(['exec', '-i', 'one', 'cat'], 'typed').stdout, 'typed')
  const terminal = inTerminal(['exec', '-it', 'one', 'sh'], 'tty; exit 2\n')
  assert.equal(terminal.code, 2)
  assert.match(terminal.stdout, /\/dev\/pts/)
  assert.notEqual(podman(['exec', 'one', '/none']).code, 0)
  const attached = spawn('podman', [...globals, 'attach', '--no-stdin', 'one'], { env })
  let seen = ''
  attached.stdout.on('data', (bytes) => { seen += String(bytes) })
  await until('attached output', () => seen.includes('tick'))
  assert.equal(podman(['kill', 'one']).code, 0)
  assert.equal(podman(['wait', 'one']).stdout, '137\n')
  await until('the end of attach', () => attached.exitCode !== null)
  assert.equal(podman(['start', 'one']).code, 0)
  assert.equal(podman(['stop', '-t', '0', 'one']).code, 0)
  assert.equal(podman(['inspect', '--format', '{{.State.ExitCode}}', 'one']).stdout, '137\n')
  assert.equal(podman(['rm', 'one']).code, 0)
})

test('podman bounds a log by --log-opt max-size', () => {
  assert.equal(run('--name', 'two', '--log-opt', 'max-size=10kb', 'box', 'seq', '1', '5000').code, 0)
  const lines = podman(['logs', 'two']).stdout.trimEnd().split('\n')
  assert.ok(lines.length < 1000)
  assert.equal(lines.at(-1), '5000')
})

test('podman runs a container without a log, and one with the journal where there is one', () => {
  assert.equal(run('--rm', '--log-driver', 'none', 'box', 'echo', 'y').stdout, 'y\n')
  const outcome = run('--rm', '--log-driver', 'journald', 'box', 'echo', 'x')
  if (existsSync('/run/systemd/journal/socket')) assert.equal(outcome.stdout, 'x\n')
  else assert.match(outcome.stderr, /journal/)
})

test('podman leaves no monitor behind', async () => {
  await until('the end of all monitors', () => {
    const found = spawnSync('pgrep', ['-f', `${OURS}.*${dir}`], { encoding: 'utf8' }).stdout
    return existsSync(dir) && found === ''
  })
})
