import '../support/jail.ts'
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { openBox } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()

for (const form of ['oci', 'index', 'v2s2', 'list', 'schema1', 'zstd', 'tar']) {
  test(`an image in the form ${form} is pulled and runs`, async (t) => {
    const box = await openBox(t)
    const image = `${suite.registry.host}/form:${form}`
    const id = await box.ok('pull', image)
    assert.match(id.split('\n').at(-1)!, /^[0-9a-f]{64}$/)
    assert.equal(await box.ok('run', '--rm', image, 'cat', '/etc/layer'), 'second')
  })
}

test('a short name that may be in several registries is asked for at a terminal, and the answer is kept', async (t) => {
  const box = await openBox(t)
  const { host } = suite.registry
  const conf = join(box.dir, 'registries.conf')
  const write = (mode: string) => writeFileSync(conf, `unqualified-search-registries = ["127.0.0.1:1", "${host}"]\nshort-name-mode = "${mode}"\n`)
  const env = { CONTAINERS_REGISTRIES_CONF: conf }
  write('enforcing')
  const refused = await box.scow(['pull', 'form:oci'], { env })
  assert.equal(refused.code, 125)
  assert.match(refused.stderr, /short-name-mode is enforcing.*127\.0\.0\.1:1\/form:oci or /s)
  write('permissive')
  assert.equal((await box.scow(['pull', '-q', '--retry', '0', 'form:oci'], { env })).code, 0, 'where nobody can be asked all are tried')
  await box.ok('rmi', `${host}/form:oci`)
  const terminal = { rows: 20, columns: 100 }
  const asked = box.start(['run', '--rm', 'form:oci', 'cat', '/etc/layer'], { env, terminal })
  await asked.sees(/1\) 127\.0\.0\.1:1\/form:oci\r\n +2\) .*form:oci\r\nWhich one\? \[1-2\]/)
  asked.type('7\r')
  await asked.sees(/Which one\?.*Which one\?/s)
  asked.type('2\r')
  const { code, stdout } = await asked.end()
  assert.equal(code, 0)
  assert.match(stdout, /second/)
  assert.match(readFileSync('/var/cache/containers/short-name-aliases.conf', 'utf8'), new RegExp(`"form" = "${host}/form"`))
  write('enforcing')
  await box.ok('rmi', `${host}/form:oci`)
  const again = await box.scow(['pull', '-q', 'form:index'], { env, terminal })
  assert.equal(again.code, 0, again.stdout)
  assert.doesNotMatch(again.stdout, /Which one/)
})

test('images lists, tags and removes', async (t) => {
  const box = await suite.box(t)
  const repository = suite.busybox.replace(/:1$/, '')
  const [header, row] = (await box.ok('images')).split('\n')
  assert.match(header!, /^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$/)
  assert.match(row!, new RegExp(`^${repository} +1 +[0-9a-f]{12} .* \\d[\\d.]* MB$`))
  const id = await box.ok('image', 'inspect', '--format', '{{.Id}}', suite.busybox)
  assert.match(id, /^[0-9a-f]{64}$/)
  await box.ok('tag', suite.busybox, 'localhost/mine:2')
  assert.equal(await box.ok('image', 'inspect', '--format', '{{.Id}}', 'mine:2'), id)
  assert.equal(await box.ok('run', '--rm', 'localhost/mine:2', 'echo', 'hi'), 'hi')
  assert.equal(await box.ok('rmi', 'localhost/mine:2'), 'Untagged: localhost/mine:2')
  await box.ok('image', 'exists', suite.busybox)
  await box.fails(1, 'image', 'exists', 'localhost/mine:2')
  assert.deepEqual((await box.ok('rmi', suite.busybox)).split('\n'), [`Untagged: ${suite.busybox}`, `Deleted: ${id}`])
  assert.equal(await box.ok('images', '-q'), '')
  await box.fails(1, 'rmi', suite.busybox)
})

test('of several names rmi takes the one that is meant, and ps shows the one that was given', async (t) => {
  const box = await suite.box(t)
  const names = async () => (await box.ok('image', 'inspect', '--format', '{{join .RepoTags " "}}', suite.busybox)).split(' ').slice(1)
  for (const name of ['localhost/minetoo', 'registry.example/mine', 'docker.io/mine', 'localhost/mine']) await box.ok('tag', suite.busybox, name)
  for (const given of ['registry.example/mine', 'docker.io/mine', 'mine']) {
    await box.ok('create', '--name', 'c', given)
    const shown = await box.ok('ps', '-a', '--format', '{{.Image}}')
    await box.ok('rm', 'c')
    assert.equal(await box.ok('rmi', given), `Untagged: ${shown}`)
  }
  assert.deepEqual(await names(), ['localhost/minetoo:latest'])
  const digest = await box.ok('image', 'inspect', '--format', '{{index .RepoDigests 0}}', suite.busybox)
  assert.match(await box.fails(125, 'rmi', digest), /has several names/)
  await box.ok('rmi', 'minetoo')
  assert.deepEqual(await names(), [])
})

test('an image that a container uses is kept, and -f takes both', async (t) => {
  const box = await suite.box(t)
  await box.ok('create', '--name', 'c', suite.busybox)
  assert.match(await box.fails(2, 'rmi', suite.busybox), /in use/)
  await box.ok('rmi', '-f', suite.busybox)
  assert.equal(await box.ok('ps', '-aq'), '')
  assert.equal(await box.ok('images', '-q'), '')
})

test('an image that was pulled by a digest has that name until it is taken off', async (t) => {
  const box = await suite.box(t)
  const repository = suite.probe.replace(/:1$/, '')
  await box.ok('pull', '-q', suite.probe)
  const digest = await box.ok('image', 'inspect', '-f', '{{index .RepoDigests 0}}', suite.probe)
  await box.ok('rmi', suite.probe)
  await box.ok('pull', '-q', digest)
  assert.equal(await box.ok('image', 'prune', '-f'), '')
  assert.equal(await box.ok('images', '--format', '{{.Repository}} {{.Tag}}', repository), `${repository} <none>`)
  await box.ok('tag', digest, 'localhost/mine:1')
  assert.equal(await box.ok('rmi', digest), `Untagged: ${digest}`)
  assert.equal(await box.ok('images', '--format', '{{.Repository}} {{.Tag}}', 'mine'), 'localhost/mine 1')

  // Another form of the same image does not take it away.
  const other = suite.probe.replace('probe:1', 'form:oci')
  await box.ok('pull', '-q', other)
  const first = await box.ok('image', 'inspect', '-f', '{{index .RepoDigests 0}}', other)
  await box.ok('pull', '-q', other.replace(':oci', ':zstd'))
  assert.equal(await box.ok('run', '--rm', '--network', 'none', '--pull', 'never', first, 'echo', 'here'), 'here')
})

test('image prune takes what has no name, with -a what nobody uses', async (t) => {
  const box = await suite.box(t)
  await box.ok('pull', '-q', suite.probe)
  await box.ok('create', suite.probe)
  assert.equal(await box.ok('image', 'prune', '-f'), '')
  await box.ok('image', 'prune', '-a', '-f')
  assert.equal(await box.ok('images', '--format', '{{.Repository}}:{{.Tag}}'), suite.probe)
})

test('--pull never, missing and always do what they say', async (t) => {
  const box = await openBox(t)
  assert.match(await box.fails(125, 'run', '--rm', '--pull', 'never', suite.busybox, 'true'), /busybox/)
  await box.ok('run', '--rm', '--pull', 'missing', suite.busybox, 'true')
  suite.registry.reset()
  await box.ok('run', '--rm', suite.busybox, 'true')
  assert.equal(suite.registry.requests.length, 0)
  await box.ok('run', '--rm', '--pull', 'always', suite.busybox, 'true')
  assert.ok(suite.registry.requests.some(({ path }) => path.includes('/manifests/')))
  assert.ok([...suite.registry.blobBytes().values()].every((bytes) => bytes < 2000), 'no layer again')
  assert.equal(await box.ok('run', '--rm', '--network', 'none', `docker://${suite.busybox}`, 'echo', 'by its transport'), 'by its transport')
  // A stranger's image of that name is no newer one of ours.
  await box.ok('tag', suite.busybox, 'mine')
  assert.match(await box.fails(125, 'run', '--rm', '--pull', 'always', 'mine', 'true'), /localhost\/mine:latest/)
})

test('a pull that is cut goes on where it was, and retries what the registry refuses for now', async (t) => {
  const box = await openBox(t)
  const image = `${suite.registry.host}/web:1`
  suite.registry.reset()
  let cuts = 0
  let refused = 0
  suite.registry.fault = ({ path }) => {
    if (path.includes('/blobs/') && cuts < 3) { cuts++; return { kind: 'cut', afterBytes: 3_000_000 } }
    if (path.includes('/manifests/') && refused < 1) { refused++; return { kind: 'status', status: 429, headers: { 'retry-after': '1' } } }
    return undefined
  }
  await box.ok('pull', '-q', image)
  const sent = [...suite.registry.blobBytes().values()].reduce((sum, bytes) => sum + bytes, 0)
  suite.registry.reset()
  assert.equal(await box.ok('run', '--rm', '--network', 'none', '--entrypoint', 'cat', image, '/var/www/html/index.html'), '<h1>scow sails</h1>')
  assert.ok(sent < 41_000_000 * 1.05, `sent ${sent} bytes of an image of 40 MB`)
})

test('a blob that is not what its digest says is refused, and nothing of it stays', async (t) => {
  const box = await openBox(t)
  suite.registry.reset()
  suite.registry.fault = ({ path }) => (path.includes('/blobs/') ? { kind: 'corrupt' } : undefined)
  const { code, stderr } = await box.scow(['pull', suite.busybox])
  assert.equal(code, 125)
  assert.match(stderr, /sha256:[0-9a-f]+/)
  suite.registry.reset()
  assert.equal(await box.ok('images', '-q'), '')
  await box.ok('pull', '-q', suite.busybox)
})
