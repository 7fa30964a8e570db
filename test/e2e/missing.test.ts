// A part of the host that is missing is named with what to do, by the command that needs it and by doctor.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { promisify } from 'node:util'
import { checkout, eventually, openBox, type Box } from '../support/box.ts'
import { hide, replace } from '../support/hide.ts'
import { trace } from '../support/strace.ts'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()
const SBIN = ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin']
const CNI = ['/usr/lib/cni', '/opt/cni/bin', '/usr/libexec/cni']
const anywhere = (dirs: readonly string[], name: string) => dirs.map((dir) => join(dir, name))

/** One line with these words; nothing is left of the attempt. */
async function refused(box: Box, words: RegExp, ...args: string[]): Promise<void> {
  const stderr = await box.fails(125, ...args)
  assert.equal(stderr.split('\n').length, 2, stderr)
  assert.match(stderr, words)
  assert.equal(await box.ok('ps', '-aq'), '')
}

interface Finding { readonly subject: string; readonly verdict: string; readonly detail: string; readonly remedy?: string }
const doctor = async (box: Box, subject: string): Promise<Finding> => {
  const { stdout } = await box.scow(['doctor', '--format', 'json'])
  return (JSON.parse(stdout) as Finding[]).find((finding) => finding.subject === subject)!
}

test('a missing runtime is named by run, doctor and info', async (t) => {
  const box = await suite.box(t)
  hide(t, ...['runc', 'crun', 'runsc', 'kata-runtime', 'youki'].flatMap((name) => anywhere(SBIN, name)))
  await refused(box, /runc.*apt install runc/, 'run', '--rm', '--network', 'none', suite.busybox, 'true')
  const finding = await doctor(box, 'runtime')
  assert.equal(finding.verdict, 'problem')
  assert.match(finding.remedy!, /apt install runc/)
  const { code, stdout } = await box.scow(['info', '--format', '{{.Host.OCIRuntime.Name}}: {{.Host.OCIRuntime.Version}}'])
  assert.equal(code, 0)
  assert.match(stdout, /^runc: .*not installed.*apt install runc/)
})

test('a missing journal is named by who would write to it', async (t) => {
  const box = await suite.box(t)
  const empty = join(box.dir, 'empty')
  mkdirSync(empty)
  replace(t, empty, ['/run/systemd/journal'])
  await refused(box, /journald.*start systemd-journald/, 'run', '--rm', '--network', 'none', '--log-driver', 'journald', suite.busybox, 'true')
})

test('a missing monitor is named by run and doctor', async (t) => {
  const box = await suite.box(t)
  hide(t, join(checkout, 'dist/conmon'), ...anywhere([...SBIN, '/usr/libexec/podman', '/usr/lib/podman', '/usr/lib/conmon'], 'conmon'))
  await refused(box, /conmon.*npm run build/, 'run', '--rm', '--network', 'none', suite.busybox, 'true')
  assert.match((await doctor(box, 'monitor')).remedy!, /npm run build/)
  assert.match(await box.ok('info', '--format', '{{.Host.Conmon.Version}}'), /conmon.*npm run build/)
  await refused(box, /\/nowhere\/conmon/, '--conmon', '/nowhere/conmon', 'run', '--rm', '--network', 'none', suite.busybox, 'true')
})

test('a monitor that systemd does not take along is a warning, but none where it has refused its options', async (t) => {
  const box = await suite.box(t, { flags: ['--cgroup-manager', 'systemd'] })
  const busctl = join(box.dir, 'busctl')
  writeFileSync(busctl, '', { mode: 0o755 })
  replace(t, busctl, anywhere(SBIN, 'busctl'))
  const run = async (...flags: string[]): Promise<string> => (await box.scow(['run', '--rm', '--network', 'none', ...flags, suite.busybox, 'true'])).stderr
  // the monitor's pid follows `au 1`; it is gone when its parent has waited for it
  const says = (then: string): void => writeFileSync(busctl, `#!/bin/sh\nwhile [ "$1" != au ]; do shift; done\n${then}\n`)
  const gone = 'while kill -0 "$3" 2>/dev/null; do sleep 0.01; done'
  says('echo not today >&2; exit 1')
  assert.match(await run(), /^warn: the container's monitor stays in this session's cgroup: systemd refused: not today\n/)
  for (const then of [`${gone}; echo "Process with ID $3 does not exist." >&2; exit 1`, gone]) {
    says(then)
    assert.match(await run('--log-opt', 'path=/no/such/log'), /^Error: [^\n]*cannot open the log k8s-file:\/no\/such\/log: No such file or directory\n$/)
  }
})

for (const plugin of ['bridge', 'host-local']) {
  test(`a missing network plugin is named by run and doctor: ${plugin}`, async (t) => {
    const box = await suite.box(t)
    hide(t, ...anywhere(CNI, plugin))
    await refused(box, new RegExp(`${plugin}.*apt install containernetworking-plugins`), 'run', '--rm', suite.busybox, 'true')
    const finding = await doctor(box, 'network')
    assert.equal(finding.verdict, 'problem')
    assert.match(`${finding.detail} ${finding.remedy!}`, new RegExp(`${plugin}.*apt install containernetworking-plugins`))
    assert.equal(await box.ok('run', '--rm', '--network', 'none', suite.busybox, 'echo', 'without'), 'without')
  })
}

test('a missing portmap plugin is named when a port is published, and matters to nothing else', async (t) => {
  const box = await suite.box(t)
  hide(t, ...anywhere(CNI, 'portmap'))
  await refused(box, /portmap.*apt install containernetworking-plugins/, 'run', '--rm', '-p', '7412:80', suite.busybox, 'true')
})

test('a missing iptables is named when a network or a port needs it', async (t) => {
  const box = await suite.box(t)
  const tools = anywhere(SBIN, '').flatMap((dir) => { try { return readdirSync(dir).filter((name) => /^(ip6?tables|xtables)/.test(name)).map((name) => join(dir, name)) } catch { return [] } })
  hide(t, ...tools)
  await refused(box, /iptables is not installed.*apt install iptables/, 'run', '--rm', suite.busybox, 'true')
  await refused(box, /iptables.*apt install iptables/, 'run', '--rm', '-p', '7413:80', suite.busybox, 'true')
  const finding = await doctor(box, 'iptables')
  assert.equal(finding.verdict, 'problem')
  assert.match(finding.remedy!, /apt install iptables/)
  assert.equal(await box.ok('run', '--rm', '--network', 'none', suite.busybox, 'echo', 'without'), 'without')
  assert.equal(await box.ok('run', '--rm', '--network', 'host', suite.busybox, 'echo', 'host'), 'host')
})

test('a kernel without overlay is named by run and doctor, and the driver vfs needs none', async (t) => {
  const box = await suite.box(t)
  const without = (...args: string[]) => trace(box, ['-o', '/dev/null', '-e', 'trace=fsopen', '-e', 'inject=fsopen:error=ENODEV'], args)
  const run = await without('run', '--rm', '--network', 'none', suite.busybox, 'true')
  assert.equal(run.code, 125)
  assert.match(run.stderr, /^Error: .*overlay.*vfs.*\n$/)
  const { stdout, code } = await without('doctor', '--format', 'json')
  const storage = (JSON.parse(stdout) as Finding[]).find(({ subject }) => subject === 'storage')!
  assert.deepEqual([code, storage.verdict], [1, 'problem'])
  assert.match(`${storage.detail}; ${storage.remedy!}`, /the kernel has no overlayfs.*; use the driver vfs/)
  const vfs = await openBox(t, { flags: ['--storage-driver', 'vfs'] })
  await vfs.ok('pull', '-q', suite.busybox)
  const { stdout: said } = await trace(vfs, ['-o', '/dev/null', '-e', 'trace=fsopen', '-e', 'inject=fsopen:error=ENODEV'], ['run', '--rm', '--network', 'none', suite.busybox, 'echo', 'without'])
  assert.equal(said, 'without\n')
})

test('who is not root, and who has no room, is told what to do', async (t) => {
  const box = await suite.box(t)
  const small = join(box.dir, 'small')
  mkdirSync(small)
  chmodSync(box.dir, 0o711)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=777', 'tmpfs', small])
  const there = (name: string) => ['--root', join(small, name), '--runroot', join(small, `${name}-run`)]
  await refused(box, /no room to unpack it: 64 MiB .* are kept free.*scow image prune/, ...there('full'), 'pull', '-q', suite.busybox)
  const asOther = (...args: string[]) => promisify(execFile)('setpriv', ['--reuid', '65534', '--regid', '65534', '--clear-groups', box.command[0]!, ...there('other'), ...args], { env: box.env })
    .catch((error: { stdout: string; stderr: string }) => error)
  execFileSync('mount', ['-o', 'remount,size=200m', small])
  chmodSync(join(box.dir, 'home'), 0o700)
  assert.match((await asOther('ps')).stderr, /^Error: can't read configuration file [^\n]*: permission denied\n$/)
  chmodSync(join(box.dir, 'home'), 0o755)
  assert.match((await asOther('pull', '-q', suite.busybox)).stderr, /^Error: [^\n]*; run scow as root: [^\n]*\n$/)
  assert.equal((await asOther('info', '--format', '{{.Host.Security.Rootless}}')).stdout, 'true\n')
  const closed = ['--root', join(small, 'closed'), '--runroot', join(box.dir, 'closed-run')]
  await box.ok(...closed, 'images')
  execFileSync('mount', ['-o', 'remount,ro', small])
  for (const words of [['volume', 'create', 'x'], ['network', 'create', 'x'], ['doctor'], ['pull', '-q', suite.busybox]]) {
    await refused(box, /^Error: cannot \w+ \S+: read-only file system; the file system is read-only: [^\n]*\n$/, ...closed, ...words)
  }
  execFileSync('umount', ['--recursive', small])
})

test('a container that has filled the disk can be stopped and removed', async (t) => {
  const box = await suite.box(t)
  const small = join(box.dir, 'small')
  mkdirSync(small)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=90m', 'tmpfs', small])
  const there = ['--root', join(small, 'root')]
  await box.ok(...there, 'run', '-d', '--name', 'greedy', '--network', 'none', '--restart', 'always', suite.busybox, 'sh', '-c', 'yes more and more | head -c 90m; sleep 1000')
  await eventually('a full disk', () => statfsSync(small).bavail === 0)
  assert.match(await box.fails(125, ...there, 'create', '--name', 'late', suite.busybox), /state\.db: [^\n]*free some space/)
  await box.ok(...there, 'stop', '-t', '0', 'greedy')
  assert.equal(await box.ok(...there, 'inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'greedy'), 'exited 137')
  await box.ok(...there, 'rm', 'greedy')
  await box.ok(...there, 'run', '--rm', '--network', 'none', suite.busybox, 'true')
  execFileSync('umount', ['--recursive', small])
})

test('a machine without the library that Node needs is told of it, in one line', () => {
  const dir = mkdtempSync('/tmp/without-')
  // The folder of libraries without it, for these processes alone; and a PATH without any Node.
  const script = `set -e; lib=$(dirname "$(ldconfig -p | sed -n 's/.*libatomic.so.1 .* => //p' | head -n 1)"); lib=$(readlink -f "$lib")
    mount -t tmpfs tmpfs "$1"; mkdir "$1/upper" "$1/work" "$1/bin"; ln -s /bin/sh /usr/bin/readlink "$1/bin"
    mount -t overlay -o "lowerdir=$lib,upperdir=$1/upper,workdir=$1/work" overlay "$lib"; rm "$lib/libatomic.so.1"; PATH=$1/bin exec "$2" ps`
  try {
    const { status, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', script, 'sh', dir, join(checkout, 'bin/scow')], { encoding: 'utf8' })
    assert.equal(stderr, 'Error: the Node.js that scow brings needs libatomic.so.1: install libatomic1 (Debian, Ubuntu) or libatomic (Fedora)\n')
    assert.equal(status, 125)
  } finally {
    rmSync(dir, { recursive: true })
  }
})
