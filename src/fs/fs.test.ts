import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { after } from 'node:test'
import { isFailure } from '../errors.ts'
import { mount } from '../sys/addon.ts'
import { lockFile, tryLockFile, unlockInherited } from './lock.ts'
import { isMounted, mountOf, mountsBelow, parseMounts, unmountTree } from './mounts.ts'
import { readFileBounded, readInRoot } from './read-in-root.ts'
import { makeDir, removeTree } from './remove-tree.ts'
import { writeFileAtomic } from './write-atomic.ts'

const dir = mkdtempSync('/tmp/scow-fs-')
after(() => rmSync(dir, { recursive: true }))
const at = (...names: string[]): string => join(dir, ...names)
const kind = (expected: string) => (error: unknown) => isFailure(error) && error.kind === expected

test('a file is replaced whole, with its mode, and nothing else is left', () => {
  mkdirSync(at('w'))
  writeFileAtomic(at('w/f'), 'one')
  writeFileAtomic(at('w/f'), Buffer.from('two'), { mode: 0o600, sync: false })
  assert.equal(readFileSync(at('w/f'), 'utf8'), 'two')
  assert.equal(statSync(at('w/f')).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(at('w')), ['f'])
})

test('a write that fails leaves the old file and no temporary one', () => {
  mkdirSync(at('d/f'), { recursive: true })
  assert.throws(() => writeFileAtomic(at('d/f'), 'x'), { code: 'EISDIR' })
  assert.deepEqual(readdirSync(at('d')), ['f'])
})

test('a lock is waited for, refused, timed out and cancelled', async () => {
  const held = await lockFile(at('lock'))
  assert.equal(tryLockFile(at('lock')), undefined)
  assert.equal(await lockFile(at('lock'), { wait: false }), undefined)
  await assert.rejects(lockFile(at('lock'), { wait: 20 }), kind('timeout'))
  await assert.rejects(lockFile(at('lock'), { signal: AbortSignal.timeout(20) }), kind('cancelled'))
  const waiting = lockFile(at('lock'))
  held()
  held()
  using second = await waiting
  assert.equal(tryLockFile(at('lock'), true), undefined)
  second()
  using shared = await lockFile(at('lock'), { shared: true })
  using other = tryLockFile(at('lock'), true)
  assert.ok(other)
  shared.release()
})

test('a lock of a killed process is free', async () => {
  const child = spawn('flock', [at('dead'), 'sh', '-c', 'echo held; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'], detached: true })
  await new Promise((resolve) => child.stdout.once('data', resolve))
  assert.equal(await lockFile(at('dead'), { wait: false }), undefined)
  process.kill(-child.pid!, 'SIGKILL')
  ;(await lockFile(at('dead'), { wait: 5000 }))()
})

test('a file of an image is read inside it, bounded, and never a device or fifo', () => {
  mkdirSync(at('root/etc'), { recursive: true })
  writeFileSync(at('root/etc/passwd'), 'inside')
  symlinkSync('/etc/passwd', at('root/link'))
  execFileSync('mkfifo', [at('root/fifo')])
  assert.equal(readInRoot(at('root'), '/link', 100)?.toString(), 'inside')
  assert.equal(readInRoot(at('root'), 'etc/passwd/x', 100), undefined)
  assert.equal(readInRoot(at('root'), 'absent', 100), undefined)
  assert.throws(() => readInRoot(at('root'), 'link', 3), kind('invalid'))
  assert.throws(() => readInRoot(at('root'), 'fifo', 3), kind('invalid'))
  assert.throws(() => readInRoot(at('root'), 'etc', 3), kind('invalid'))
  assert.match(readFileBounded('/proc/self/status', 1 << 20).toString(), /^Name:/)
  assert.throws(() => readFileBounded('/dev/zero', 10), kind('invalid'))
})

test('mountinfo is parsed with its escapes', () => {
  const [mounted] = parseMounts('36 35 98:0 /mnt\\0401 /a\\040b\\134c rw,noatime shared:1 master:2 - ext3 /dev/ro\\303\\266t rw,errors=x\ngarbage\n')
  assert.deepEqual(mounted, { id: 36, parent: 35, device: '98:0', root: '/mnt 1', target: '/a b\\c', options: ['rw', 'noatime'],
    propagation: ['shared:1', 'master:2'], type: 'ext3', source: '/dev/roöt', superOptions: ['rw', 'errors=x'] })
  assert.equal(parseMounts('1 0 0:1 / / rw - tmpfs tmpfs rw').length, 1)
})

test('a tree of stacked mounts is unmounted, deepest first, and a busy one is detached', async () => {
  const target = at('t r\\ee ö')
  mkdirSync(target)
  for (const sub of ['', '', '/sub']) {
    if (sub) mkdirSync(target + sub)
    mount('tmpfs', target + sub, 'tmpfs')
  }
  assert.ok(isMounted(target))
  assert.equal(mountOf(`${target}/sub/x`)?.target, `${target}/sub`)
  assert.deepEqual(mountsBelow(target), [`${target}/sub`, target, target])
  const busy = spawn('sleep', ['60'], { cwd: `${target}/sub` })
  await new Promise((resolve) => busy.once('spawn', resolve))
  await unmountTree(target, 30)
  busy.kill('SIGKILL')
  assert.equal(isMounted(target), false)
  assert.equal(existsSync(`${target}/sub`), false)
  await unmountTree(target)
})

test('a tree is removed unless something is mounted in it', async () => {
  makeDir(at('gone/a/b'))
  makeDir(at('gone/a/b'))
  symlinkSync('/etc', at('gone/etc'))
  mount('tmpfs', at('gone/a/b'), 'tmpfs')
  writeFileSync(at('gone/a/b/precious'), '')
  assert.throws(() => removeTree(at('gone')), kind('inUse'))
  assert.ok(existsSync(at('gone/a/b/precious')) && existsSync(at('gone/etc')))
  await unmountTree(at('gone'))
  removeTree(at('gone'))
  removeTree(at('gone'))
  assert.equal(existsSync(at('gone')), false)
  assert.ok(existsSync('/etc/passwd'))
})

test('a directory is not made over a file', () => {
  writeFileSync(at('file'), '')
  assert.throws(() => makeDir(at('file')), kind('invalid'))
})

test('unlocking what was not handed on leaves this process as it is', async () => {
  for (let fd = 3; fd < 40; fd++) unlockInherited(fd)
  await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal(execFileSync('echo', ['well'], { encoding: 'utf8' }), 'well\n')
})

test('a lock that was handed on is given back', async () => {
  const script = `const { unlockInherited } = await import(${JSON.stringify(new URL('lock.ts', import.meta.url).href)}); unlockInherited(3); console.log('unlocked'); setTimeout(() => undefined, 60000)`
  const child = spawn('sh', ['-c', 'exec 3>"$1"; flock 3; exec "$2" --input-type=module -e "$3"', '-', at('handed'), process.execPath, script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve) => child.stdout.once('data', resolve))
  ;(await lockFile(at('handed'), { wait: 5000 }))()
  child.kill('SIGKILL')
})
