import '../support/jail.ts'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { openRuntime } from './runtime.ts'

let [pod, container] = ['', '']
const runtime = openRuntime(async ({ run }) => { ({ pod, container } = await run({ command: ['sleep', '1000'], container: { linux: { security_context: { run_as_user: { value: 33 }, run_as_group: { value: 44 } } } } })) })
const root = async (): Promise<string> => `/proc/${(await runtime.crictl.json('inspect', container)).info.pid}/root`
const folder = (): string => mkdtempSync(join(runtime.dir, 'copy-'))

/** Through /proc where the process is here, and through the container's own tar. */
for (const way of [[], ['--exec']]) {
  const title = way.length ? 'over exec' : 'directly'
  const cp = (...words: string[]): Promise<string> => runtime.cri.ok('cp', ...way, ...words)
  const cannot = (code: number, ...words: string[]): Promise<string> => runtime.cri.fails(code, 'cp', ...way, ...words)

  test(`files and directories are copied in ${title} by podman's rules`, async () => {
    const [from, inside] = [folder(), `${await root()}/tmp/in${way.length}`]
    mkdirSync(inside)
    chmodSync(inside, 0o777)
    chownSync(inside, 33, 44)
    mkdirSync(join(from, 'dir/sub'), { recursive: true })
    writeFileSync(join(from, 'dir/file'), 'a file\n', { mode: 0o640 })
    writeFileSync(join(from, 'dir/sub/grüße'), 'deep\n')
    symlinkSync('/etc/passwd', join(from, 'dir/link'))
    const at = `${container}:/tmp/in${way.length}`
    await cp(join(from, 'dir/file'), `${at}/renamed`)
    await cp(join(from, 'dir/file'), `${at}/`)
    await cp(join(from, 'dir'), at)
    await cp(join(from, 'dir'), `${at}/new`)
    await cp(`${join(from, 'dir')}/.`, `${at}/new`)
    assert.deepEqual(readdirSync(inside).sort(), ['dir', 'file', 'new', 'renamed'])
    assert.equal(readFileSync(join(inside, 'renamed'), 'utf8'), 'a file\n')
    assert.equal(readFileSync(join(inside, 'dir/sub/grüße'), 'utf8'), 'deep\n')
    assert.deepEqual(readdirSync(join(inside, 'new')).sort(), ['file', 'link', 'sub'])
    assert.equal(readlinkSync(join(inside, 'dir/link')), '/etc/passwd')
    for (const name of ['renamed', 'dir', 'dir/sub', 'dir/link']) {
      const { uid, gid } = lstatSync(join(inside, name))
      assert.deepEqual([uid, gid], [33, 44], name)
    }
    assert.equal(statSync(join(inside, 'renamed')).mode & 0o777, 0o640)
    assert.match(await cannot(2, join(from, 'nothing'), at), /^Error: there is no \S+nothing on this machine\n$/)
    assert.match(await cannot(2, join(from, 'dir/file'), `${at}/nowhere/x`), /^Error: there is no directory \/tmp\/in\d\/nowhere on container /)
    assert.match(await cannot(2, join(from, 'dir/file'), `${at}/nowhere/`), /^Error: there is no directory \S+nowhere\/ on container /)
    assert.match(await cannot(1, join(from, 'dir'), `${at}/renamed`), /^Error: a directory cannot be copied to \S+renamed, which is none, on container /)
  })

  test(`files and directories come out ${title}, links are followed inside the container alone`, async () => {
    const to = folder()
    const at = `${container}:/tmp/in${way.length}/`
    symlinkSync(`/tmp/in${way.length}/renamed`, join(await root(), `tmp/in${way.length}/to-file`))
    symlinkSync(runtime.dir, join(await root(), `tmp/in${way.length}/to-host`))
    await cp(`${at}dir`, to)
    await cp(`${at}dir`, join(to, 'new'))
    await cp(`${at}to-file`, to)
    await cp(`${at}dir/.`, to)
    assert.deepEqual(readdirSync(to).sort(), ['dir', 'file', 'link', 'new', 'renamed', 'sub'])
    assert.equal(readFileSync(join(to, 'new/sub/grüße'), 'utf8'), 'deep\n')
    assert.equal(readFileSync(join(to, 'renamed'), 'utf8'), 'a file\n')
    assert.equal(readlinkSync(join(to, 'dir/link')), '/etc/passwd')
    assert.equal(statSync(join(to, 'renamed')).uid, 0)
    assert.match(await cannot(2, `${at}to-host`, to), /^Error: there is no \/tmp\/in\d\/to-host on container /)
    assert.match(await cannot(2, `${at}nothing`, to), /^Error: there is no \/tmp\/in\d\/nothing on container /)
  })

  test(`archives go in and out ${title}`, async () => {
    const from = folder()
    writeFileSync(join(from, 'x'), 'from an archive\n')
    const archive = execFileSync('tar', ['--create', '--directory', from, 'x'])
    const sent = await runtime.cri.run(['cp', ...way, '-', `${container}:/tmp/in${way.length}`], { input: archive })
    assert.equal(sent.code, 0, sent.stderr)
    const out = execFileSync('sh', ['-c', `${join(runtime.dir, 'scow')} cri cp ${way.join(' ')} ${container}:/tmp/in${way.length}/ - | tar --list --verbose`], { env: { PATH: process.env['PATH'], CONTAINER_RUNTIME_ENDPOINT: runtime.endpoint }, encoding: 'utf8' })
    assert.match(out, new RegExp(`^-rw-r--r-- 33/44 +16 .* in${way.length}/x$`, 'm'))
    assert.match(out, new RegExp(`^l.* in${way.length}/dir/link -> /etc/passwd$`, 'm'))
    const broken = await runtime.cri.run(['cp', ...way, '-', `${container}:/tmp`], { input: 'this is no archive'.repeat(100) })
    assert.equal(broken.code, 1)
    assert.match(broken.stderr, /^Error: [^\n]+\n$/)
  })

  test(`a large file is whole ${title}`, async () => {
    const dir = folder()
    const bytes = Buffer.alloc(96 * 1024 * 1024)
    for (let at = 0; at < bytes.length; at += 4096) bytes.writeUInt32LE(at, at)
    writeFileSync(join(dir, 'large'), bytes)
    await cp(join(dir, 'large'), `${container}:/tmp/in${way.length}/`)
    await cp(`${container}:/tmp/in${way.length}/large`, join(dir, 'back'))
    const digest = (name: string): string => createHash('sha1').update(readFileSync(join(dir, name))).digest('hex')
    assert.equal(digest('back'), digest('large'))
  })

  test(`files go from one container to another ${title}`, async () => {
    const other = await runtime.run({ command: ['sleep', '1000'] })
    await cp(`${container}:/tmp/in${way.length}/dir`, `${other.container}:/tmp/moved`)
    assert.equal(await runtime.crictl.ok('exec', other.container, 'cat', '/tmp/moved/file'), 'a file')
    await runtime.crictl.ok('rmp', '-f', other.pod)
  })
}

test('owners are kept where that is asked for, and rights never come to the host', async () => {
  const [from, to] = [folder(), folder()]
  writeFileSync(join(from, 'owned'), '')
  chownSync(join(from, 'owned'), 5, 6)
  await runtime.cri.ok('cp', '-a=false', join(from, 'owned'), `${container}:/tmp/owned`)
  const inside = join(await root(), 'tmp/owned')
  assert.deepEqual([statSync(inside).uid, statSync(inside).gid], [5, 6])
  chmodSync(inside, 0o6755)
  await runtime.cri.ok('cp', '-a=false', `${container}:/tmp/owned`, to)
  const { uid, gid, mode } = statSync(join(to, 'owned'))
  assert.deepEqual([uid, gid, mode & 0o7777], [5, 6, 0o755])
})

test('a hostile tar in the container reaches nothing outside the target', async () => {
  const victim = folder()
  writeFileSync(join(victim, 'kept'), 'kept\n')
  const bin = join(await root(), 'tmp/bin')
  mkdirSync(bin)
  const hostile = await runtime.run({ name: 'hostile', command: ['sleep', '1000'], container: { envs: [{ key: 'PATH', value: '/tmp/bin:/bin:/usr/bin' }] } })
  const archive = (script: string): void => {
    const dir = folder()
    execFileSync('sh', ['-ec', script], { cwd: dir, env: { PATH: process.env['PATH'], VICTIM: victim } })
    execFileSync('sh', ['-c', `mkdir -p ${join(dir, 'send')} && printf '#!/bin/sh\\ncat /tmp/evil.tar\\n' > ${join(dir, 'tar')} && chmod 755 ${join(dir, 'tar')}`])
    copyIn(join(dir, 'evil.tar'), '/tmp/evil.tar')
    copyIn(join(dir, 'tar'), '/tmp/bin/tar')
  }
  const hostileRoot = `/proc/${(await runtime.crictl.json('inspect', hostile.container)).info.pid}/root`
  mkdirSync(join(hostileRoot, 'tmp/bin'))
  const copyIn = (from: string, name: string): void => { execFileSync('cp', [from, `${hostileRoot}${name}`]) }
  const attempt = () => runtime.cri.run(['cp', '--exec', `${hostile.container}:/etc`, folder()])
  for (const [script, message] of [
    ['echo bad > evil; tar --create --file evil.tar --absolute-names --transform "s,evil,etc/../../../..$VICTIM/evil," evil', /leads out/],
    ['ln -s "$VICTIM" etc; tar --create --file evil.tar etc; rm etc; mkdir etc; echo bad > etc/evil; tar --append --file evil.tar etc/evil', undefined],
    ['mkdir etc; ln -s "$VICTIM/kept" etc/kept; tar --create --file evil.tar etc; rm etc/kept; echo bad > etc/kept; tar --append --file evil.tar etc/kept', undefined],
    ['head -c 4096 /dev/urandom > evil.tar', /no tar header|not a tar header|no number/],
    ['mkdir etc; echo x > etc/x; tar --create --file evil.tar etc; truncate --size 700 evil.tar', /ends in the middle/],
  ] as const) {
    archive(script)
    const { code, stderr } = await attempt()
    if (message) assert.match(stderr, message, `${script}: ${code} ${stderr}`)
    assert.match(stderr, /^(Error: [^\n]+\n)?$/, script)
    assert.ok(code === 0 || code === 1, `${script}: ${code}`)
    assert.deepEqual(readdirSync(victim), ['kept'], script)
    assert.equal(readFileSync(join(victim, 'kept'), 'utf8'), 'kept\n', script)
  }
  await runtime.crictl.ok('rmp', '-f', hostile.pod)
})

test('a container without tar says so, and who is not there or does not run is told', async () => {
  const { cri, registry, dir } = runtime
  await runtime.crictl.ok('pull', `${registry.host}/probe:1`)
  const bare = await runtime.run({ name: 'bare', command: ['/probe', 'sleep', '1000'], container: { image: { image: `${registry.host}/probe:1` } } })
  writeFileSync(join(dir, 'small'), 'small\n')
  assert.match(await cri.fails(1, 'cp', '--exec', join(dir, 'small'), `${bare.container}:/`), /^Error: container [\da-f]+ has no (readlink|test|tar), and its files cannot be reached from here otherwise; run this as root on the node itself\n$/)
  await cri.ok('cp', join(dir, 'small'), `${bare.container}:/`)
  await cri.ok('cp', `${bare.container}:/small`, join(dir, 'small-again'))
  assert.ok(existsSync(join(dir, 'small-again')))
  await runtime.crictl.ok('stop', bare.container)
  assert.match(await cri.fails(1, 'cp', `${bare.container}:/small`, dir), /does not run: /)
  assert.match(await cri.fails(2, 'cp', 'nobody:/x', dir), /^Error: there is no container nobody\n$/)
  assert.match(await cri.fails(1, 'cp', join(dir, 'small'), join(dir, 'x')), /^Error: neither the source nor the target is in a container; /)
  await runtime.crictl.ok('rmp', '-f', bare.pod, pod)
})
