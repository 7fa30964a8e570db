import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test, { after } from 'node:test'
import { Worker } from 'node:worker_threads'
import { gunzipSync } from 'node:zlib'
import * as sys from './addon.ts'
import { MNT_DETACH, MS_BIND, MS_RDONLY } from './mount-flags.ts'
import { builtFile } from '../paths.ts'

const dir = mkdtempSync('/tmp/scow-sys-')
after(() => rmSync(dir, { recursive: true }))
const at = (...names: string[]): string => join(dir, ...names)
const code = (expected: string) => (error: NodeJS.ErrnoException) => error.code === expected

test('the addon needs nothing newer than glibc 2.28', () => {
  const versions = execFileSync('objdump', ['-T', builtFile('scow.node')], { encoding: 'utf8' }).matchAll(/GLIBC_2\.(\d+)/g)
  assert.deepEqual([...versions].map(([, minor]) => Number(minor)).filter((minor) => minor > 28), [])
})

test('an error has the code, number, call and path', () => {
  assert.throws(() => sys.umount(at('absent')), (error: NodeJS.ErrnoException) =>
    error instanceof Error && error.code === 'ENOENT' && error.errno === -2 && error.syscall === 'umount2' && error.path === at('absent'))
  assert.throws(() => sys.umount('a\0b'), code('EINVAL'))
  assert.throws(() => sys.umount('x'.repeat(5000)), code('ENAMETOOLONG'))
})

test('a kernel that was built without x32 does not have it', () => {
  const config = ['/proc/config.gz', `/boot/config-${release()}`].find((file) => existsSync(file))
  const text = config?.endsWith('gz') ? gunzipSync(readFileSync(config)).toString() : config && readFileSync(config, 'utf8')
  const without = text?.includes('# CONFIG_X86_X32_ABI is not set') ?? process.arch !== 'x64'
  assert.ok(!(without && sys.runsX32()))
})

test('mounts a tmpfs, binds it read-only and unmounts both', async () => {
  mkdirSync(at('a')); mkdirSync(at('b'))
  sys.mount('tmpfs', at('a'), 'tmpfs', 0, 'size=1m')
  sys.mount(at('a'), at('b'), null, MS_BIND)
  sys.setMountAttr(at('b'), { set: MS_RDONLY })
  writeFileSync(at('a', 'f'), 'x')
  assert.equal(readFileSync(at('b', 'f'), 'utf8'), 'x')
  assert.throws(() => writeFileSync(at('b', 'g'), 'x'), code('EROFS'))
  await sys.umountAsync(at('b'))
  sys.umount(at('a'))
  assert.equal(existsSync(at('a', 'f')), false)
  await assert.rejects(sys.umountAsync(at('b')), code('EINVAL'))
})

const overlayOf = (count: number, name: string) => {
  const base = at(name, 'd'.repeat(80))
  const lowers = Array.from({ length: count }, (_, i) => join(base, `layer,with:odd-name-${i}`))
  for (const [i, lower] of lowers.entries()) {
    mkdirSync(lower, { recursive: true })
    writeFileSync(join(lower, `f${i}`), '')
    writeFileSync(join(lower, 'top'), String(i))
  }
  for (const d of ['upper', 'work', 'merged']) mkdirSync(join(base, d))
  return { lowers, upper: join(base, 'upper'), work: join(base, 'work'), target: join(base, 'merged') }
}

for (const byOptions of [false, true])
  test(`mounts an overlay of 127 layers with long names, ${byOptions ? 'by one page of options' : 'layer by layer'}`, () => {
    const overlay = overlayOf(127, `overlay-${byOptions}`)
    sys.mountOverlay({ ...overlay, options: ['volatile', 'nosuid'], byOptions })
    try {
      assert.equal(readFileSync(join(overlay.target, 'top'), 'utf8'), '0')
      assert.ok(existsSync(join(overlay.target, 'f126')))
      writeFileSync(join(overlay.target, 'new'), 'x')
      assert.ok(existsSync(join(overlay.upper, 'new')))
      assert.match(readFileSync('/proc/self/mountinfo', 'utf8').split('\n').find((l) => l.includes(overlay.target)) ?? '', /nosuid.*volatile/)
    } finally {
      sys.umount(overlay.target, MNT_DETACH)
    }
  })

test('an overlay that is refused says why', () => {
  const overlay = overlayOf(1, 'refused')
  assert.throws(() => sys.mountOverlay({ ...overlay, options: ['nonsense=1'] }), (error: Error) => /nonsense/.test(error.message))
  assert.throws(() => sys.mountOverlay({ ...overlay, lowers: [at('absent')] }), code('ENOENT'))
})

test('shifts ids of a mount', async (t) => {
  mkdirSync(at('ids')); mkdirSync(at('shifted'))
  writeFileSync(at('ids', 'f'), '')
  try {
    await sys.mountIdmapped(at('ids'), at('shifted'), { uids: [{ containerId: 0, hostId: 1000, size: 10 }], gids: [{ containerId: 0, hostId: 2000, size: 10 }] })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return t.skip('this file system cannot shift ids')
    throw error
  }
  const { uid, gid } = statSync(at('shifted', 'f'))
  sys.umount(at('shifted'))
  assert.deepEqual([uid, gid], [1000, 2000])
})

test('makes device nodes, whiteouts and fifos', () => {
  sys.mknod(at('null'), constants.S_IFCHR | 0o666, { major: 1, minor: 3 })
  sys.mknod(at('whiteout'), constants.S_IFCHR)
  assert.equal(statSync(at('null')).rdev, 0x103)
  assert.equal(statSync(at('whiteout')).rdev, 0)
})

test('extended attributes keep their bytes', () => {
  writeFileSync(at('x'), '')
  const value = Uint8Array.from([0, 255, 10])
  sys.lsetxattr(at('x'), 'trusted.scow', value)
  assert.deepEqual([...sys.lgetxattr(at('x'), 'trusted.scow')!], [...value])
  assert.deepEqual(sys.llistxattr(at('x')), ['trusted.scow'])
  sys.lremovexattr(at('x'), 'trusted.scow')
  assert.equal(sys.lgetxattr(at('x'), 'trusted.scow'), undefined)
})

test('times are exact to the nanosecond, before 1970 too, and on links themselves', () => {
  symlinkSync('nowhere', at('link'))
  sys.utimens(at('link'), { atimeNs: 5n, mtimeNs: -1n })
  assert.equal(readlinkSync(at('link')), 'nowhere')
  const file = Buffer.concat([Buffer.from(at('bytes-')), Buffer.from([0xff])])
  writeFileSync(file, '')
  sys.utimens(file, { atimeNs: 1n, mtimeNs: 1234567890123456789n })
  assert.equal(statSync(file, { bigint: true }).mtimeNs, 1234567890123456789n)
})

test('a path is opened inside a root whatever its links say', () => {
  mkdirSync(at('root/etc'), { recursive: true })
  writeFileSync(at('root/etc/passwd'), 'inside')
  symlinkSync('/etc/passwd', at('root/absolute'))
  symlinkSync('../../../../../../etc/passwd', at('root/dots'))
  for (const name of ['absolute', 'dots', '/etc/passwd', '../etc/passwd']) {
    const fd = sys.openInRoot(at('root'), name, constants.O_RDONLY)
    const bytes = Buffer.alloc(6)
    readSync(fd, bytes)
    closeSync(fd)
    assert.equal(bytes.toString(), 'inside', name)
  }
  assert.throws(() => sys.openInRoot(at('root'), 'absent', constants.O_RDONLY), code('ENOENT'))
})

test('a lock is held by one opener until it is unlocked', async () => {
  const [a, b] = [openSync(at('lock'), 'w'), openSync(at('lock'), 'w')]
  assert.equal(sys.flock(a, 'exclusive'), true)
  assert.equal(sys.flock(b, 'shared'), false)
  const waiting = sys.flockAsync(b, 'exclusive')
  sys.flock(a, 'unlock')
  await waiting
  assert.equal(sys.flock(a, 'exclusive'), false)
  closeSync(a); closeSync(b)
})

test('renames without replacing, and swaps', () => {
  writeFileSync(at('one'), '1'); writeFileSync(at('two'), '2')
  assert.throws(() => sys.renameNoReplace(at('one'), at('two')), code('EEXIST'))
  sys.renameExchange(at('one'), at('two'))
  assert.equal(readFileSync(at('one'), 'utf8'), '2')
})

test('a network namespace is made with lo up, and the caller stays in its own', async () => {
  const before = readlinkSync('/proc/thread-self/ns/net')
  await sys.createNetns(at('netns'))
  try {
    assert.equal(readlinkSync('/proc/thread-self/ns/net'), before)
    const shown = execFileSync('nsenter', [`--net=${at('netns')}`, 'cat', '/proc/net/dev'], { encoding: 'utf8' })
    assert.deepEqual([...shown.matchAll(/(\w+):/g)].map(([, name]) => name).includes('lo'), true)
    execFileSync('nsenter', [`--net=${at('netns')}`, 'sh', '-c', 'ip addr show lo | grep -q "LOOPBACK,UP"'])
    await assert.rejects(sys.createNetns(at('netns')), code('EEXIST'))
    await sys.createNetns(at('same'), at('netns'))
    assert.equal(statSync(at('same')).ino, statSync(at('netns')).ino)
    sys.umount(at('same'))
  } finally {
    sys.umount(at('netns'))
  }
})

test('a process is signalled by descriptor', () => {
  const fd = sys.pidfdOpen(process.pid)
  sys.pidfdSignal(fd, 0)
  closeSync(fd)
  assert.throws(() => sys.pidfdOpen(4194303), code('ESRCH'))
})

test('a file has no window size', () => {
  const fd = openSync('/dev/null', 'r')
  assert.throws(() => sys.windowSize(fd), code('ENOTTY'))
  closeSync(fd)
})

test('a worker that ends while it watches and runs children takes nothing with it', async () => {
  const source = `const { pipe, watch, spawn } = await import(${JSON.stringify(new URL('addon.ts', import.meta.url).href)})
    watch(pipe('read').read, { events: 'read' }, () => undefined)
    watch(spawn({ file: '/bin/sleep', args: ['sleep', '1'], env: [], cwd: '/', fds: [-1, -1, -1] }).pidfd, { events: 'read' }, () => undefined)
    process.exit(7)`
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`))
  assert.equal(await new Promise((resolve) => worker.once('exit', resolve)), 7)
})

test('a datagram arrives whole, by path and by abstract name', async (t) => {
  const script = `
    import os, socket, sys
    for name in sys.argv[1:]:
      s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
      s.bind(name.replace('@', '\\0'))
      s.settimeout(20)
      print('bound', flush=True)
      print(s.recv(4096).decode(), flush=True)`.replace(/^ {4}/gm, '')
  const names = [at('datagrams'), `@scow-sys-${process.pid}`]
  const child = spawn('python3', ['-c', script, ...names], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill())
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  for (const name of names) {
    assert.equal((await lines.next()).value, 'bound')
    sys.sendDatagram(name, Buffer.from(`hello ${name}`))
    assert.equal((await lines.next()).value, `hello ${name}`)
  }
  assert.throws(() => sys.sendDatagram(at('nobody'), Buffer.from('x')), code('ENOENT'))
  assert.throws(() => sys.sendDatagram('x'.repeat(200), Buffer.from('x')), code('ENAMETOOLONG'))
})

test('memory is given back while others use it, and what a start has mapped of the program', async () => {
  const ofFilesKb = (): number => Number(/^RssFile:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))![1])
  const before = ofFilesKb()
  await Promise.all([sys.trimMemory(), sys.trimMemory()])
  const after = ofFilesKb()
  // What is used again comes back in the pieces that the page cache has: up to two megabytes for one page.
  assert.ok(after < before * 0.8, `${before} kB, then ${after} kB`)
})

test('while moves between cgroups are kept ready, this process stays in its own', async () => {
  const groups = (): string => readFileSync('/proc/self/cgroup', 'utf8')
  const threads = (): string[] => readdirSync('/proc/self/task')
  const [before, others] = [groups(), threads()]
  sys.keepMovesReady(50)
  sys.keepMovesReady(100)
  const [keeper, ...more] = threads().filter((id) => !others.includes(id))
  assert.ok(keeper !== undefined && more.length === 0)
  while (existsSync(`/proc/self/task/${keeper}`)) assert.equal(groups(), before)
})
