// Seccomp notification: a runtime hands its listener to the monitor, which answers.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import test from 'node:test'
import { Box, DEBIANS, OURS, until } from './harness.ts'

/** A box whose container may not make directories unless somebody who listens at `socket` says so. */
function boxThatAsks(script: string, socket: (box: Box) => string): Box {
  const box = new Box({ script })
  const file = join(box.bundle, 'config.json')
  const config = JSON.parse(readFileSync(file, 'utf8'))
  config.linux.seccomp = {
    defaultAction: 'SCMP_ACT_ALLOW', listenerPath: socket(box), listenerMetadata: 'm'.repeat(5000),
    syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_NOTIFY' }],
  }
  writeFileSync(file, JSON.stringify(config))
  return box
}

const usual = (box: Box): string => box.path('seccomp.sock')

test('calls that a profile asks about fail as not supported, also in a process that came later', async () => {
  await using box = boxThatAsks('mkdir /tmp/x; echo $?; mkdir /tmp/y; test -d /tmp/x || echo none; sleep 60', usual)
  const launch = await box.launch(['--seccomp-notify-socket', usual(box)])
  await until('the end of who started the monitor', () => launch.code !== undefined)
  assert.equal(launch.code, 0, launch.stderr)
  box.start()
  await until('the last line', () => box.read('log').includes('none'))
  assert.equal(box.read('log').match(/can't create directory '\/tmp\/[xy]': (Operation n|N)ot supported/g)?.length, 2)
  assert.throws(() => box.runc('exec', box.id, 'sh', '-c', 'exec busybox mkdir /tmp/z'), /(Operation n|N)ot supported/)
  assert.match(box.runc('exec', box.id, 'echo', 'still here'), /still here/)
  box.runc('kill', box.id, 'KILL')
  assert.equal(await box.ended(), '137')
  assert.ok(!box.has('seccomp.sock'))
})

test('a peer that sends no listener, or nothing, harms nobody', async () => {
  const long = (box: Box): string => box.path(`${'long/'.repeat(30)}seccomp.sock`)
  await using box = boxThatAsks('mkdir /tmp/x; echo done', usual)
  mkdirSync(box.path('long/'.repeat(30)), { recursive: true })
  await box.launch(['--seccomp-notify-socket', long(box)], [...box.args(), '-l', 'none']).catch(() => undefined)
  // The runtime looked for it where the profile says: nobody was there.
  await until('the socket goes with the monitor', () => !existsSync(long(box)))

  await using other = boxThatAsks('mkdir /tmp/x; echo done', usual)
  const launched = other.launch(['--seccomp-notify-socket', usual(other)])
  await launched
  for (const words of ['', '{"fds":["seccompFd"]}', '"'.repeat(100_000)]) {
    const peer = connect(usual(other))
    peer.on('error', () => undefined)
    peer.end(words)
  }
  other.start()
  assert.equal(await other.ended(), '0')
  assert.match(other.read('log'), /stdout F done/)
  assert.match(other.read('log'), /not supported/i)
})

test('without the socket plugins are passed over, as by Debian\'s conmon', async () => {
  for (const conmon of [OURS, DEBIANS]) {
    await using box = new Box({ script: 'exit 4', conmon })
    await box.launch(['--seccomp-notify-plugins', '/nowhere/plugin.so'])
    box.start()
    assert.equal(await box.ended(), '4')
  }
})
