// Flags as scripts give them: empty, twice, contradictory, in docker's spelling.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { freePort } from '../support/registry-server.ts'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()

test('no container is made where --cidfile cannot be, and no file without a container', async (t) => {
  const box = await suite.box(t)
  assert.match(await box.fails(125, 'run', '--rm', '--cidfile', '/no/such/folder/id', suite.busybox), /^Error: cannot write --cidfile [^\n]*\n$/)
  for (const verb of ['run', 'create']) await box.fails(125, verb, '--cidfile', join(box.dir, 'id'), '--network', 'nosuch:x', suite.busybox)
  assert.equal(existsSync(join(box.dir, 'id')), false)
  assert.equal(await box.ok('ps', '-aq'), '')
  const id = await box.ok('create', '--cidfile', join(box.dir, 'id'), suite.busybox)
  assert.equal(await box.ok('inspect', '-f', '{{.HostConfig.ContainerIDFile}}', id), join(box.dir, 'id'))
  assert.equal(readFileSync(join(box.dir, 'id'), 'utf8'), id)
  assert.match(await box.fails(125, 'run', '--cidfile', join(box.dir, 'id'), suite.busybox), /exists already/)
})

test('what is given empty, as scripts do, is as if not given', async (t) => {
  const box = await suite.box(t)
  const flags = ['-e', '', '-w', '', '-h', '', '-m', '', '-u', '', '--network', '', '--userns', '', '--cap-add', '', '--cap-drop', '', '--device', '', '--ulimit', '', '-p', '', '--dns-search', '', '--log-driver', '']
  const plain = ['sh', '-c', 'pwd; id -u; grep -c "^search" /etc/resolv.conf; hostname | wc -c'] as const
  assert.equal(await box.ok('run', '--rm', ...flags, '--dns', '1.1.1.1', suite.busybox, ...plain), '/\n0\n0\n13')
  assert.equal(await box.ok('run', '--rm', '--userns', 'host', '--memory', '0', '--network', 'none', suite.busybox, 'id', '-u'), '0')
})

test('flags that contradict each other, or ask for what is not there, are refused', async (t) => {
  const box = await suite.box(t)
  const refuses = async (pattern: RegExp, ...flags: string[]) => {
    const error = await box.fails(125, 'run', '--rm', ...flags, suite.busybox, 'true')
    assert.match(error, pattern)
    assert.match(error, /^Error: [^\n]*\n$/)
  }
  await refuses(/--replace needs --name/, '--replace')
  await refuses(/--hostname cannot be set with --uts host/, '--uts', 'host', '-h', 'x')
  await refuses(/--dns cannot be set with --network none/, '--network', 'none', '--dns', '1.1.1.1')
  await refuses(/terminal \(--tty\) cannot have it/, '-t', '--log-driver', 'passthrough')
  await refuses(/descriptor 3 is not open/, '--preserve-fds', '1')
  await refuses(/0 or more/, '--stop-timeout', '-1')
  await refuses(/"x" for --annotation/, '--annotation', 'x')
  await refuses(/cannot be combined with other groups/, '--group-add', 'keep-groups', '--group-add', '7')
  await refuses(/is in no subnet of network scow/, '--ip', '1.2.3.4')
  await refuses(/0 or more/, '--cpu-shares', '-1')
  await refuses(/more than one protocol/, '--expose', '80/tcp/udp')
  await refuses(/storage option 'x' must be name=value/, '--storage-opt', 'x')
  await refuses(/unknown storage option "overlay.size"/, '--storage-opt', 'overlay.size=1g')
  await refuses(/port 8080\/tcp of the host is published twice/, '-p', '8080:80', '-p', '8080:81')
  await refuses(/every runtime makes cgroups/, '--cgroups', 'disabled')
  await refuses(/hosts file is that of the other container/, '--network', 'container:x', '--add-host', 'a:1.2.3.4')
  await refuses(/name is that of the other container/, '--network', 'none', '--uts', 'container:x', '--hostname', 'a')
  for (const [flag, text] of [['--dns-search', 'a\nnameserver 6.6.6.6'], ['--dns-option', 'a b'], ['--network-alias', 'a\n6.6.6.6 g.com']] as const) await refuses(/is more than one word/, flag, text)
})

test('the root of a container is mounted as storage.conf and --storage-opt say', async (t) => {
  const box = await suite.box(t)
  const rootMount = ['grep', ' / overlay ', '/proc/mounts']
  assert.match(await box.ok('run', '--rm', '--network', 'none', '--storage-opt', 'overlay.mountopt=nodev,noatime,metacopy=on', suite.busybox, ...rootMount), / \/ overlay rw,nodev,noatime,lower/)
  const file = join(box.dir, 'storage.conf')
  writeFileSync(file, '[storage.options.overlay]\nmountopt = "nosuid"\n')
  const { stdout, stderr } = await box.scow(['run', '--rm', '--network', 'none', suite.busybox, ...rootMount], { env: { CONTAINERS_STORAGE_CONF: file } })
  assert.match(stdout, / \/ overlay rw,nosuid,/, stderr)
})

test('cp refuses what is no directory, and files that the kernel makes', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'c', '--network', 'none', suite.busybox, 'sh', '-c', 'echo kept >/f; sleep 1000')
  const file = join(box.dir, 'file')
  writeFileSync(file, 'new\n')
  assert.match(await box.fails(125, 'cp', file, 'c:/f/'), /^Error: \/f\/ on container c is no directory\n$/)
  assert.equal(await box.ok('exec', 'c', 'cat', '/f'), 'kept')
  assert.match(await box.fails(125, 'cp', 'c:/proc/1/status', file), /the kernel makes it as it is read/)
  assert.equal(readFileSync(file, 'utf8'), 'new\n')
})

test('published ports are told before the first start, and --rmi takes the name that was used', async (t) => {
  const box = await suite.box(t)
  await box.ok('create', '--name', 'p', '-p', '127.0.0.1:18222:80', suite.busybox)
  assert.equal(await box.ok('ps', '-a', '--format', '{{.Ports}}\\n'), '127.0.0.1:18222->80/tcp')
  assert.equal(await box.ok('inspect', '-f', '{{json .HostConfig.PortBindings}}', 'p'), '{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"18222"}]}')
  await box.ok('tag', suite.busybox, 'localhost/once:1')
  await box.ok('run', '--rmi', '--network', 'none', 'localhost/once:1', 'true')
  assert.equal(await box.ok('images', '--format', '{{.Repository}}:{{.Tag}}'), suite.busybox)
})

test('a file that cannot be used is named with its flag and the reason', async (t) => {
  const box = await suite.box(t)
  const refuses = async (pattern: RegExp, ...args: string[]) => assert.match(await box.fails(125, ...args), pattern)
  const run = (...flags: string[]) => ['run', '--rm', '--network', 'none', ...flags, suite.busybox, 'true']
  await refuses(/^Error: cannot write --pidfile \/no\/such\/pid: no such file or directory\n$/, ...run('--pidfile', '/no/such/pid'))
  await refuses(/^Error: cannot write --conmon-pidfile \/no\/such\/pid: no such file or directory\n$/, ...run('--conmon-pidfile', '/no/such/pid'))
  await refuses(/^Error: [^\n]*cannot open the log k8s-file:\/no\/such\/log: No such file or directory\n$/, ...run('--log-opt', 'path=/no/such/log'))
  await refuses(/^Error: cannot read \/no\/such\/profile: no such file or directory\n$/, ...run('--security-opt', 'seccomp=/no/such/profile'))
  await refuses(/^Error: cannot read --cidfile \/no\/such\/id: no such file or directory\n$/, 'rm', '--cidfile', '/no/such/id')
  await refuses(/^Error: --authfile \/no\/such\/file: no such file\n$/, 'pull', '--authfile', '/no/such/file', suite.busybox)
  await refuses(/^Error: --rootfs \/etc\/passwd: no such directory\n$/, 'run', '--rm', '--rootfs', '/etc/passwd', 'true')
  await refuses(/^Error: images cannot be pulled from "docker-daemon:".*docker-archive.*\n$/, 'pull', 'docker-daemon:some/image')
  for (const name of ['docker-daemon:busybox', 'docker-daemon:busybox:1', 'containers-storage:x', 'sif:foo']) await refuses(/^Error: images cannot be pulled from "[a-z-]+:"/, 'pull', name)
  await refuses(/^Error: images cannot be pulled from "sif:"/, 'run', '--rm', 'sif:foo', 'true')
  await refuses(/^Error: --input is empty; [^\n]+\n$/, 'load', '-i', '')
  await refuses(/^Error: cannot read \/no\/such: it does not exist\n$/, 'pull', 'docker-archive:/no/such')
  await refuses(/\/no\/such\/index\.json cannot be read: no such file or directory\n$/, 'pull', '-q', 'oci:/no/such')
  assert.equal(await box.ok('ps', '-aq'), '')
})

test('a directory that has been removed is one to run in', async (t) => {
  const box = await suite.box(t)
  const there = (...args: string[]) => spawnSync('/bin/sh', ['-c', 'mkdir "$1" && cd "$1" && rmdir "$1" && shift && exec "$@"', 'sh', join(box.dir, 'gone'), ...box.command, ...args], { encoding: 'utf8', env: box.env })
  const run = (...flags: string[]) => there('run', '--rm', '--network', 'none', ...flags, suite.busybox, 'pwd')
  assert.equal(run().stdout, '/\n')
  assert.match(run('-v', './x:/x').stderr, /^Error: cannot mount .*no such file or directory on the host/m)
  assert.match(run('--pidfile', 'x').stderr, /^Error: cannot write --pidfile .*\/x: no such file or directory/m)
  await box.ok('create', '--name', 'c', suite.busybox)
  assert.match(there('cp', 'x', 'c:/').stderr, /^Error: the current directory has been removed; /m)
})

test('a directory that cannot be made is named with the reason', async (t) => {
  const box = await suite.box(t)
  for (const [dir, why] of [['/etc/passwd/x/y', 'not a directory'], ['/proc/x/y', 'no such file or directory']] as const) {
    for (const format of ['oci-dir', 'docker-dir']) {
      assert.match(await box.fails(125, 'save', '-q', '--format', format, '-o', dir, suite.busybox), new RegExp(`^Error: cannot make the directory ${dir}[^\\n]*: ${why}\\n$`))
    }
    assert.match(await box.fails(125, '--volumepath', dir, 'volume', 'create', 'v'), new RegExp(`^Error: cannot make the directory ${dir}: ${why}\\n$`))
    assert.match(await box.fails(125, '--volumepath', dir, 'run', '--rm', '--network', 'none', '-v', 'v:/x', suite.busybox, 'true'), new RegExp(`^Error: cannot make the directory ${dir}: ${why}\\n$`))
  }
  assert.equal(await box.ok('volume', 'ls', '-q'), '')
})

test('a limit that kernels have no more is ignored with a warning', async (t) => {
  const box = await suite.box(t)
  const { code, stderr } = await box.scow(['run', '--rm', '--network', 'none', '--kernel-memory', '50m', suite.busybox, 'true'])
  assert.deepEqual([code, stderr], [0, 'warn: --kernel-memory ignored: the kernel has no such limit any more\n'])
})

test('no command is a command that is not there', async (t) => {
  const box = await suite.box(t)
  assert.equal(await box.fails(127, 'run', '--rm', '--network', 'none', suite.busybox, ''), 'Error: the command is empty\n')
  assert.match(await box.fails(127, 'run', '--rm', '--network', 'none', suite.busybox, 'a"b'), /^Error: a"b: no such command/)
})

test('docker\'s and podman\'s rarer spellings are understood', async (t) => {
  const box = await suite.box(t)
  const run = (flags: string, command: string) => box.ok('run', '--rm', '--network', 'none', ...flags.split(' '), suite.busybox, 'sh', '-c', command)
  assert.equal(await run('--security-opt systempaths=unconfined', 'grep -c " /proc/" /proc/mounts || :'), '0')
  assert.equal(await run('--group-add keep-groups', 'id -u'), '0')
  assert.equal(await run(`-v ${box.dir}:/x:cached -v ${box.dir}:/y:delegated -v ${box.dir}:/z:consistent`, 'ls -d /x /y /z'), '/x\n/y\n/z')
  assert.equal(await run(`-v ${box.dir}:/x -v ${box.dir}:/x`, 'ls -d /x'), '/x')
  assert.equal(await run('--systemd always --shm-size-systemd 3m', 'grep -c size=3072k /proc/mounts'), '4')
  assert.equal(await run('--no-hostname', 'grep -c /etc/hostname /proc/mounts || :'), '0')
  assert.equal(await box.ok('run', '--rm', '--mac-address', '92d0.c60a.2933', suite.busybox, 'cat', '/sys/class/net/eth0/address'), '92:d0:c6:0a:29:33')
  assert.equal((await box.scow(['run', '--rm', '--dns', 'none', suite.busybox, 'cat', '/etc/resolv.conf'])).code, 1)
  assert.equal(await box.ok('run', '--rm', '--dns-opt', 'ndots:7', suite.busybox, 'grep', '-o', 'ndots:7', '/etc/resolv.conf'), 'ndots:7')
  const port = await freePort()
  await box.ok('run', '--rm', '-p', `${port}:80`, '-p', `${port}:80`, suite.busybox, 'true')
  const warned = await box.scow(['run', '--rm', '--network', 'none', '-p', `${port}:80`, suite.busybox, 'true'])
  assert.equal(warned.code, 0)
  assert.match(warned.stderr, /^warn: --publish ignored: .*\n$/)
})
