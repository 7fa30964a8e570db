import '../support/jail.ts'
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { promisify } from 'node:util'
import { peer } from './peer.ts'
import { openRuntime } from './runtime.ts'

const runtime = openRuntime()
const skopeo = async (...args: string[]): Promise<string> => (await promisify(execFile)('skopeo', ['--insecure-policy', ...args], { timeout: 60_000 })).stdout

if (!peer.hasStore) {
  test('a runtime whose store is not known is one line that says what to use instead', async () => {
    const { cri, busybox, dir } = runtime
    for (const words of [['save', '-o', join(dir, 'no'), busybox], ['load', '-i', join(dir, 'no')]]) assert.match(await cri.fails(1, ...words), /^Error: the CRI cannot save or load images, and the store of \S+ is not known here; on the node, [^\n]+\n$/)
  })
}

if (peer.hasStore) for (const [format, transport] of [['docker-archive', 'docker-archive'], ['oci-archive', 'oci-archive'], ['oci-dir', 'oci']] as const) {
  test(`${format}: an image is saved, read by skopeo, loaded again, and runs`, async () => {
    const { cri, crictl, busybox, dir } = runtime
    const file = join(dir, format)
    const id = await crictl.ok('images', '-q', busybox)
    await cri.ok('save', '--format', format, '-o', file, busybox)
    const config = JSON.parse(await skopeo('inspect', '--config', `${transport}:${file}`))
    assert.deepEqual(config.config.Cmd, ['sh'])
    await crictl.ok('rmi', busybox)
    assert.equal(await cri.ok('load', '-i', file), `Loaded image: ${busybox}`)
    await until(async () => await crictl.ok('images', '-q', busybox) === id)
    const { code, stdout, stderr } = await cri.run(['run', '--rm', busybox, 'cat', '/data/from-image'])
    assert.deepEqual([code, stdout], [0, 'image\n'], stderr)
  })
}

/** containerd's CRI hears of new images by an event. */
async function until(probe: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !await probe(); tries++) assert.ok(tries < 200, 'it did not come about')
}

if (peer.hasStore) test('what others write is loaded: several images, compressed, through a pipe', async () => {
  const { cri, crictl, registry, dir } = runtime
  const [file, form] = [join(dir, 'other'), `${registry.host}/form`]
  await skopeo('copy', '--quiet', '--src-tls-verify=false', `docker://${form}:v2s2`, `docker-archive:${file}:example.com/other:1`)
  const loaded = await cri.run(['load'], { input: execFileSync('gzip', ['--stdout', file], { maxBuffer: 1 << 28 }) })
  assert.deepEqual([loaded.code, loaded.stdout], [0, 'Loaded image: example.com/other:1\n'], loaded.stderr)
  await until(async () => await crictl.ok('images', '-q', 'example.com/other:1') !== '')
  assert.equal((await cri.run(['run', '--rm', 'example.com/other:1', 'cat', '/etc/layer'])).stdout, 'second\n')
  await crictl.ok('pull', `${registry.host}/probe:1`)
  await cri.ok('save', '-o', file, runtime.busybox, `${registry.host}/probe:1`)
  assert.equal(await cri.ok('load', '-i', file), `Loaded image: ${runtime.busybox}\nLoaded image: ${registry.host}/probe:1`)
})

if (peer.hasStore) test('what is damaged is refused, and who is not there is told', async () => {
  const { cri, crictl, busybox, dir } = runtime
  const file = join(dir, 'whole')
  await cri.ok('save', '--format', 'oci-archive', '-o', file, busybox)
  await crictl.ok('rmi', busybox)
  const bytes = readFileSync(file)
  // in the middle of the largest layer
  for (let at = bytes.length >> 1; at < (bytes.length >> 1) + 2000; at++) bytes[at]! ^= 0x55
  writeFileSync(file, bytes)
  assert.match(await cri.fails(1, 'load', '-i', file), /^Error: [^\n]*(digest|damaged)[^\n]*\n$/)
  await crictl.ok('pull', busybox)
  assert.match(await cri.fails(2, 'save', '-o', join(dir, 'no'), 'nope'), /^Error: [^\n]*nope[^\n]*\n$/)
  assert.ok(!existsSync(join(dir, 'no')))
  assert.match(await cri.fails(2, 'load', '-i', join(dir, 'no')), /^Error: cannot read /)
})
