import '../support/jail.ts'
import { status } from '@grpc/grpc-js'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { openSuite } from '../support/suite.ts'
import { containerConfig, openCri, podConfig } from './cri.ts'

const suite = openSuite()

test('an image is pulled, told of and removed, and has one id everywhere', async (t) => {
  const { images, runtime, box } = await openCri(t, suite)
  const name = suite.probe
  assert.equal((await images.imageStatus({ image: { image: name } })).image, undefined)
  const { imageRef } = await images.pullImage({ image: { image: name } })
  assert.match(imageRef, /^sha256:[0-9a-f]{64}$/)
  const { image } = await images.imageStatus({ image: { image: name }, verbose: true })
  assert.deepEqual([image?.id, image?.repoTags], [imageRef, [name]])
  assert.ok(image!.size > 0n)
  assert.match(image!.repoDigests[0]!, /\/probe@sha256:[0-9a-f]{64}$/)
  assert.deepEqual((await images.imageStatus({ image: { image: imageRef } })).image?.id, imageRef)
  assert.deepEqual((await images.listImages({ filter: { image: { image: name } } })).images.map(({ id }) => id), [imageRef])
  assert.match(await box.ok('images', '--no-trunc', '-q'), new RegExp(imageRef))

  const { podSandboxId } = await runtime.runPodSandbox({ config: podConfig() })
  const { containerId } = await runtime.createContainer({ podSandboxId, config: containerConfig(name, ['/probe']) })
  const { status } = await runtime.containerStatus({ containerId })
  const [listed] = (await runtime.listContainers()).containers
  assert.deepEqual([status?.imageId, listed?.imageId, status?.image?.image], [imageRef, imageRef, name])
  await runtime.removePodSandbox({ podSandboxId })

  await Promise.all([1, 2, 3, 4, 5].map(() => images.removeImage({ image: { image: name } })))
  assert.equal((await images.imageStatus({ image: { image: name } })).image, undefined)
})

test('the image file system is told with its use', async (t) => {
  const { images, box } = await openCri(t, suite)
  const { imageFilesystems: [usage] } = await images.imageFsInfo()
  assert.equal(usage?.fsId?.mountpoint, box.root)
  assert.ok(usage!.usedBytes!.value > 1_000_000n && usage!.timestamp > 0n)
  const found = Number(execFileSync('du', ['--summarize', '--inodes', join(box.root, 'layers'), join(box.root, 'blobs'), '--total'], { encoding: 'utf8' }).match(/(\d+)\ttotal/)![1])
  // Folders of the store itself are not counted, and a hard link is an entry without an inode.
  assert.ok(Math.abs(Number(usage!.inodesUsed!.value) - found) < found / 10 + 20, `${usage!.inodesUsed!.value} of ${found}`)
})

test('a disk that is full is no registry that is away', async (t) => {
  mkdirSync('/tmp/small')
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=72m', 'tmpfs', '/tmp/small'])
  const { images, runtime } = await openCri(t, suite, { flags: ['--root', '/tmp/small'] })
  t.after(() => execFileSync('umount', ['--recursive', '/tmp/small']))
  await assert.rejects(images.pullImage({ image: { image: suite.web } }), { code: status.RESOURCE_EXHAUSTED, details: /^layer sha256:\w+, entry .*: unpacked it takes more than \d+ bytes, and no more may be used here/ })
  execFileSync('sh', ['-c', 'head -c 100M /dev/zero >/tmp/small/filler || :'], { stdio: 'ignore' })
  await assert.rejects(runtime.runPodSandbox({ config: podConfig() }), { code: status.RESOURCE_EXHAUSTED })
  assert.equal((await runtime.status()).status?.conditions[0]?.status, true)
  rmSync('/tmp/small/filler')
  const { podSandboxId } = await runtime.runPodSandbox({ config: podConfig() })
  await runtime.removePodSandbox({ podSandboxId })
})

test('a pull that is cut off can be made again', async (t) => {
  const { raw, images } = await openCri(t, suite)
  const call = raw.images.pullImage({ image: { image: suite.web, annotations: {}, userSpecifiedImage: '', runtimeHandler: '', imageRef: '' }, auth: undefined, sandboxConfig: undefined }, () => {})
  setTimeout(() => call.cancel(), 30)
  await new Promise((resolve) => call.on('status', resolve))
  const { imageRef } = await images.pullImage({ image: { image: suite.web } })
  assert.match(imageRef, /^sha256:/)
})

test('credentials of the kubelet in every form open a registry, and go to no host but theirs', async (t) => {
  const { images } = await openCri(t, suite)
  const image = { image: suite.probe }
  const basic = `Basic ${Buffer.from('u:p:q').toString('base64')}`
  let wanted = basic
  suite.registry.fault = ({ headers }) => (headers['authorization'] === wanted ? undefined : { kind: 'status', status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } })
  t.after(() => suite.registry.reset())
  const host = suite.registry.host
  const encoded = Buffer.from('u:p:q').toString('base64')
  for (const auth of [{ username: 'u', password: 'p:q' }, { auth: encoded }, { username: 'u', password: 'p:q', serverAddress: host }, { auth: encoded, serverAddress: `https://${host}/v2/` }]) {
    assert.match((await images.pullImage({ image, auth })).imageRef, /^sha256:/, JSON.stringify(auth))
  }
  wanted = 'Bearer t.o-k'
  assert.match((await images.pullImage({ image, auth: { registryToken: 't.o-k' } })).imageRef, /^sha256:/)
  suite.registry.requests.length = 0
  for (const auth of [undefined, { username: 'u', password: 'secret', serverAddress: 'https://else.example' }, { registryToken: 't.o-k', serverAddress: 'else.example' }]) {
    await assert.rejects(images.pullImage({ image, auth }), (error: Error) => /wants credentials/.test(error.message) && !/secret|t\.o-k|\s--/.test(error.message))
  }
  assert.ok(suite.registry.requests.every(({ headers }) => headers['authorization'] === undefined))
})
