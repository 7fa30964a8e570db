// Flags as scripts give them: empty, twice, contradictory, in docker's spelling.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
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
  const port = await freePort()
  await box.ok('run', '--rm', '-p', `${port}:80`, '-p', `${port}:80`, suite.busybox, 'true')
  const warned = await box.scow(['run', '--rm', '--network', 'none', '-p', `${port}:80`, suite.busybox, 'true'])
  assert.equal(warned.code, 0)
  assert.match(warned.stderr, /^warn: --publish ignored: .*\n$/)
})
