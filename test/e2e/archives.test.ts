import '../support/jail.ts'
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import test from 'node:test'
import { openBox, type Box } from '../support/box.ts'
import { patience } from '../support/patience.ts'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()
/** Not synchronous: the registry is served by this process. */
const run = async (file: string, ...args: string[]): Promise<string> => (await promisify(execFile)(file, args, { env: { ...process.env, XDG_RUNTIME_DIR: '/run' }, timeout: 60_000 * patience })).stdout
const skopeo = (...args: string[]): Promise<string> => run('skopeo', '--insecure-policy', ...args)
const podman = async (box: Box, ...args: string[]): Promise<string> => (await run('podman', '--root', join(box.dir, 'pr'), '--runroot', join(box.dir, 'prr'), '--storage-driver', 'vfs', '--cgroup-manager', 'cgroupfs', ...args)).trim()
const idOf = (box: Box, name: string): Promise<string> => box.ok('image', 'inspect', '--format', '{{.Id}}', name)
const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

for (const [format, transport] of [['docker-archive', 'docker-archive'], ['oci-archive', 'oci-archive'], ['oci-dir', 'oci'], ['docker-dir', 'dir']] as const) {
  // podman makes a name of the path of a directory, and names have no capitals
  test(`${format}: what is saved is read by skopeo and podman, and by ourselves`, async (t) => {
    const box = await suite.box(t)
    const [image, id, file] = [suite.busybox, await idOf(box, suite.busybox), `/tmp/saved-${format}`]
    await box.ok('save', '--format', format, '-o', file, image)
    const { Layers } = JSON.parse(await skopeo('inspect', `${transport}:${file}`)) as { Layers: string[] }
    assert.ok(Layers.length > 0)
    const config = JSON.parse(await skopeo('inspect', '--config', `${transport}:${file}`)) as { rootfs: { diff_ids: string[] } }
    assert.deepEqual(config.rootfs.diff_ids, (await box.json('image', 'inspect', image))[0].RootFS.Layers)
    await podman(box, 'load', '-i', file)
    assert.equal(await podman(box, 'images', '--no-trunc', '--format', '{{.ID}}'), `sha256:${id}`)
    await box.ok('rmi', image)
    const loaded = await box.ok('load', '-q', '-i', file)
    assert.match(loaded, format.endsWith('dir') ? format === 'oci-dir' ? new RegExp(`^Loaded image: ${image}$`) : /^Loaded image: localhost\/tmp\/saved-docker-dir:latest$/ : new RegExp(`^Loaded image: ${image}$`))
    assert.equal(await idOf(box, id), id)
    assert.equal(await box.ok('run', '--rm', id, 'cat', '/data/from-image'), 'image')
    await box.ok('rmi', '--force', id)
    assert.equal(await box.ok('pull', '-q', `${transport}:${file}`), id)
    assert.equal(await box.ok('run', '--rm', `${transport}:${file}`, 'cat', '/data/from-image'), 'image')
    if (format !== 'docker-dir') assert.equal(await box.ok('pull', '-q', `${transport}:${file}:${image}`), id)
  })

  test(`${format}: what skopeo and podman write is loaded`, async (t) => {
    const box = await openBox(t)
    const [skopeos, podmans] = [join(box.dir, 'skopeos'), join(box.dir, 'podmans')]
    await skopeo('copy', '--quiet', '--src-tls-verify=false', `docker://${suite.busybox}`, `${transport}:${skopeos}${format === 'docker-dir' ? '' : ':example.com/it/busybox:7'}`)
    assert.match(await box.ok('load', '-q', '-i', skopeos), format === 'docker-dir' ? /skopeos:latest$/ : /^Loaded image: example\.com\/it\/busybox:7$/)
    await podman(box, 'pull', '--quiet', '--tls-verify=false', suite.busybox)
    await podman(box, 'save', '--quiet', '--format', format, '-o', podmans, suite.busybox)
    const loaded = await box.ok('load', '-q', '-i', podmans)
    const name = loaded.replace('Loaded image: ', '')
    assert.equal(`sha256:${await idOf(box, name)}`, await podman(box, 'images', '--no-trunc', '--format', '{{.ID}}'))
    assert.equal(await box.ok('run', '--rm', name, 'cat', '/data/from-image'), 'image')
  })
}

for (const program of ['xz', 'bzip2']) {
  test(`an archive that ${program} compressed is loaded from a file and from a pipe, as podman does; a broken one is refused`, async (t) => {
    const box = await suite.box(t)
    const [id, file] = [await idOf(box, suite.busybox), join(box.dir, `saved.tar.${program}`)]
    await box.ok('save', '-o', join(box.dir, 'saved.tar'), suite.busybox)
    const compressed = execFileSync(program, ['-c', join(box.dir, 'saved.tar')], { maxBuffer: 1 << 28 })
    writeFileSync(file, compressed)
    assert.equal(await podman(box, 'load', '-q', '-i', file), `Loaded image: ${suite.busybox}`)
    for (const load of [() => box.ok('load', '-q', '-i', file), () => box.scow(['load', '-q'], { input: compressed }).then(({ stdout }) => stdout.trim())]) {
      await box.ok('rmi', suite.busybox)
      assert.equal(await load(), `Loaded image: ${suite.busybox}`)
      assert.equal(await idOf(box, suite.busybox), id)
    }
    assert.equal(await box.ok('pull', '-q', `docker-archive:${file}`), id)
    writeFileSync(file, compressed.subarray(0, compressed.length - 100))
    assert.match(await box.fails(125, 'load', '-i', file), new RegExp(`^Error: \\S+ is no archive that can be read: broken ${program}: [^\\n]+\\n$`))
    assert.deepEqual(readdirSync(join(box.root, 'staging')), [])
  })
}

test('one image of an archive of several is pulled by its name or its place', async (t) => {
  const box = await suite.box(t)
  const file = join(box.dir, 'both.tar')
  await box.ok('tag', suite.busybox, 'example.com/it/first:1')
  await box.ok('pull', '-q', suite.probe)
  await box.ok('tag', suite.probe, 'second:2')
  await box.ok('save', '--multi-image-archive', '-o', file, 'example.com/it/first:1', 'second:2')
  const ids = [await idOf(box, 'example.com/it/first:1'), await idOf(box, 'second:2')]
  await box.ok('rmi', '--all', '--force')
  assert.match(await box.fails(125, 'pull', `docker-archive:${file}`), /^Error: docker-archive:\S+ holds 2 images; it has [^\n]*localhost\/second:2[^\n]*\n$/)
  assert.match(await box.fails(125, 'pull', `docker-archive:${file}:third`), /holds no image "third"/)
  assert.match(await box.fails(125, 'pull', `docker-archive:${file}:@2`), /holds no image "@2"/)
  assert.match(await box.fails(125, 'pull', 'oci-archive:'), /^Error: "oci-archive:" lacks a path; write oci-archive:PATH\n$/)
  assert.match(await box.fails(125, 'pull', `dir:${box.dir}/none`), /none/)
  assert.equal(await box.ok('pull', '-q', `docker-archive:${file}:second:2`), ids[1])
  assert.deepEqual((await box.ok('images', '--format', '{{.Repository}}:{{.Tag}}')).split('\n'), ['localhost/second:2'])
  const places = [await box.ok('pull', '-q', `docker-archive:${file}:@0`), await box.ok('pull', '-q', `docker-archive:${file}:@1`)]
  assert.deepEqual(places.sort(), ids.sort())
  assert.equal((await podman(box, 'pull', '--quiet', `docker-archive:${file}:localhost/second:2`)).replace(/^sha256:/, ''), await idOf(box, 'second:2'))
})

test('a short name finds what skopeo has written in full', async (t) => {
  const box = await suite.box(t)
  const file = join(box.dir, 'short.tar')
  await skopeo('copy', '--src-tls-verify=false', `docker://${suite.busybox}`, `docker-archive:${file}:foo/bar:1`)
  const id = await box.ok('pull', '-q', `docker-archive:${file}:foo/bar:1`)
  assert.match(await box.ok('images', '--format', '{{.Repository}}:{{.Tag}}'), /^docker\.io\/foo\/bar:1$/m)
  assert.equal(await box.ok('image', 'inspect', '-f', '{{.Id}}', id.slice(0, 1)), id)
})

test('what policy.json rejects is not loaded', async (t) => {
  const box = await suite.box(t)
  const [tar, layout] = [join(box.dir, 'image.tar'), join(box.dir, 'layout')]
  await box.ok('save', '-o', tar, suite.busybox)
  await box.ok('save', '--format', 'oci-dir', '-o', layout, suite.busybox)
  await box.ok('rmi', suite.busybox)
  const policy = join(box.dir, 'home/.config/containers/policy.json')
  mkdirSync(dirname(policy), { recursive: true })
  const accept = [{ type: 'insecureAcceptAnything' }]
  writeFileSync(policy, JSON.stringify({ default: [{ type: 'reject' }], transports: { 'docker-archive': { '': [{ type: 'signedBy' }] }, oci: { [box.dir]: accept } } }))
  for (const words of [['load', '-i', tar], ['pull', `docker-archive:${tar}`]]) assert.match(await box.fails(125, ...words), /^Error: docker-archive:\S+: the policy of \S+ wants a signature/)
  await box.ok('load', '-i', layout)
  await box.ok('pull', `oci:${layout}`)
  writeFileSync(policy, JSON.stringify({ default: [{ type: 'reject' }], transports: { oci: { [`${box.dir}/other`]: accept } } }))
  assert.match(await box.fails(125, 'load', '-i', layout), /^Error: oci:\S+layout: the policy of \S+ rejects it/)
  assert.match(await box.fails(125, 'pull', `oci:${layout}`), /rejects it/)
})

test('blobs of the OCI forms are byte by byte those that were pulled', async (t) => {
  for (const form of ['oci', 'v2s2', 'zstd']) {
    const box = await openBox(t)
    const image = `${suite.registry.host}/form:${form}`
    await box.ok('pull', '-q', image)
    const dir = join(box.dir, form)
    await box.ok('save', '--format', 'oci-dir', '-o', dir, image)
    const [{ digest: top }] = JSON.parse(readFileSync(join(dir, 'index.json'), 'utf8')).manifests
    const manifest = JSON.parse(readFileSync(join(dir, 'blobs', top.replace(':', '/')), 'utf8'))
    const pulled = JSON.parse(await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${image}`))
    assert.deepEqual(manifest.layers.map(({ digest: of }: { digest: string }) => of), pulled.layers.map(({ digest: of }: { digest: string }) => of))
    if (form === 'oci') assert.equal(top, (await skopeo('inspect', '--format', '{{.Digest}}', '--tls-verify=false', `docker://${image}`)).trim())
    for (const name of readdirSync(join(dir, 'blobs/sha256'))) assert.equal(digest(readFileSync(join(dir, 'blobs/sha256', name))), name)
  }
})

test('a layer that came in another compression takes the place of the one that never came', async (t) => {
  const box = await openBox(t)
  const [plain, zstd] = ['tar', 'zstd'].map((form) => `${suite.registry.host}/form:${form}`) as [string, string]
  await box.ok('pull', '-q', plain)
  await box.ok('pull', '-q', zstd)
  const dir = join(box.dir, 'mixed')
  await box.ok('save', '--format', 'oci-dir', '-o', dir, zstd)
  const { layers } = JSON.parse(await skopeo('inspect', '--raw', `oci:${dir}`))
  assert.ok(layers.every(({ mediaType }: { mediaType: string }) => mediaType === 'application/vnd.oci.image.layer.v1.tar'), JSON.stringify(layers))
  await skopeo('copy', '--quiet', `oci:${dir}`, `dir:${join(box.dir, 'again')}`)
})

test('several images and names go into one archive, through pipes and compressed', async (t) => {
  const box = await suite.box(t)
  await box.ok('pull', '-q', suite.probe)
  const piped = await box.scow(['save', '-m', suite.busybox, suite.probe], {})
  assert.equal(piped.code, 0, piped.stderr)
  const file = join(box.dir, 'both.tar')
  await box.ok('save', '-q', '-m', '-o', file, suite.busybox, suite.probe)
  assert.deepEqual(JSON.parse(await run('tar', '--extract', '--to-stdout', '--file', file, 'manifest.json')).map(({ RepoTags }: { RepoTags: string[] }) => RepoTags), [[suite.busybox], [suite.probe]])
  for (const tool of ['gzip', 'zstd']) {
    await box.ok('rmi', '-a', '-f')
    const compressed = execFileSync(tool, ['--stdout', file], { maxBuffer: 1 << 28 })
    const loaded = await box.scow(['load'], { input: compressed })
    assert.deepEqual([loaded.code, loaded.stdout.trim().split('\n')], [0, [`Loaded image: ${suite.busybox}`, `Loaded image: ${suite.probe}`]], loaded.stderr)
  }
  await box.ok('save', '-o', file, suite.busybox, 'example.com/second:2')
  assert.equal(await box.ok('load', '-q', '-i', file), `Loaded image: ${suite.busybox}\nLoaded image: example.com/second:2`)
  assert.equal(await idOf(box, 'example.com/second:2'), await idOf(box, suite.busybox))
  await box.ok('save', '-o', file, (await idOf(box, suite.busybox)).slice(0, 12))
  assert.match(await box.ok('load', '-q', '-i', file), /^Loaded image: sha256:[\da-f]{64}$/)
  assert.match(await box.fails(125, 'save', '--format', 'oci-archive', '-m', '-o', file, suite.busybox, suite.probe), /^Error: oci-archive has room for one image with one name; /)
  assert.match(await box.fails(125, 'save', '--format', 'oci-dir', suite.busybox), /^Error: oci-dir needs a directory to write to; /)
  assert.match(await box.fails(125, 'save', '-o', join(box.dir, 'none.tar'), 'nope'), /image not known/)
  assert.ok(!existsSync(join(box.dir, 'none.tar')))
})

test('a blob that is damaged in the store is not saved', async (t) => {
  const box = await suite.box(t)
  const [{ RootFS }] = await box.json('image', 'inspect', suite.busybox)
  assert.equal(RootFS.Layers.length > 0, true)
  const blobs = join(box.root, 'blobs')
  const names = readdirSync(blobs, { recursive: true, encoding: 'utf8' }).filter((name) => /[\da-f]{64}/.test(name))
  const largest = names.map((name) => join(blobs, name)).filter((path) => existsSync(path)).sort((a, b) => sizeOf(b) - sizeOf(a))[0]!
  const bytes = readFileSync(largest)
  bytes[bytes.length >> 1]! ^= 0xff
  writeFileSync(largest, bytes)
  for (const format of ['docker-archive', 'oci-archive']) {
    assert.match(await box.fails(125, 'save', '--format', format, '-o', join(box.dir, 'damaged'), suite.busybox), /^Error: [^\n]* is damaged in the store[^\n]*; remove the image and pull it again\n$/)
    assert.deepEqual(readdirSync(box.dir).filter((name) => name.startsWith('damaged')), [])
  }
  await box.ok('rmi', suite.busybox)
  await box.ok('pull', '-q', suite.busybox)
  await box.ok('save', '-o', join(box.dir, 'whole'), suite.busybox)
})

const sizeOf = (path: string): number => { try { return readFileSync(path).length } catch { return 0 } }

test('hostile and broken archives are refused in one line, and leave nothing', async (t) => {
  const box = await suite.box(t)
  const good = join(box.dir, 'good.tar')
  await box.ok('save', '-o', good, suite.busybox)
  await box.ok('rmi', suite.busybox)
  const work = join(box.dir, 'work')
  mkdirSync(work)
  await run('tar', '--extract', '--file', good, '--directory', work)
  const manifest = JSON.parse(readFileSync(join(work, 'manifest.json'), 'utf8'))
  const [entry] = manifest
  let count = 0
  const attempt = async (message: RegExp, change: (dir: string) => void, tar = ['.']): Promise<void> => {
    const dir = join(box.dir, `bad${++count}`)
    mkdirSync(dir)
    for (const name of readdirSync(work)) copyFileSync(join(work, name), join(dir, name))
    change(dir)
    await run('tar', '--create', '--absolute-names', '--file', `${dir}.tar`, '--directory', dir, ...tar)
    const said = await box.fails(125, 'load', '-q', '-i', `${dir}.tar`)
    assert.match(said, message)
    assert.match(said, /^Error: [^\n]+\n$/)
  }
  const withManifest = (value: unknown) => (dir: string): void => { writeFileSync(join(dir, 'manifest.json'), typeof value === 'string' ? value : JSON.stringify(value)) }
  await attempt(/neither index\.json nor manifest\.json/, (dir) => { writeFileSync(join(dir, 'x'), '') }, ['x'])
  await attempt(/is not JSON/, withManifest('nope'))
  await attempt(/malformed/, withManifest([{ Config: 1 }]))
  await attempt(/lacks \.\.\/\.\.\/etc\/passwd/, withManifest([{ ...entry, Config: '../../etc/passwd' }]))
  await attempt(/has 0 layers but its configuration names/, withManifest([{ ...entry, Layers: [] }]))
  await attempt(/^Error: invalid reference/, withManifest([{ ...entry, RepoTags: ['../../UP'] }]))
  await attempt(/lacks gone\.tar/, withManifest([{ ...entry, Layers: entry.Layers.map(() => 'gone.tar') }]))
  await attempt(/digest|damaged|not have/, (dir) => { const file = join(dir, entry.Layers[0]); const bytes = readFileSync(file); bytes[bytes.length - 600]! ^= 1; writeFileSync(file, bytes) })
  await attempt(/leads out/, (dir) => { writeFileSync(join(dir, 'up'), '') }, ['.', '--transform', 's,^./up,../../up,'])
  await attempt(/too many links|lacks/, (dir) => { execFileSync('rm', [join(dir, entry.Config)]); symlinkSync('loop', join(dir, 'loop')); symlinkSync('loop', join(dir, entry.Config)) })
  await attempt(/lacks/, (dir) => { execFileSync('rm', [join(dir, entry.Config)]); symlinkSync('/etc/passwd', join(dir, entry.Config)) })
  writeFileSync(join(box.dir, 'noise'), 'no archive at all, '.repeat(1000))
  assert.match(await box.fails(125, 'load', '-q', '-i', join(box.dir, 'noise')), /is no archive that can be read: [^\n]+\n$/)
  assert.match(await box.fails(125, 'load', '-q', '-i', join(box.dir, 'gone')), /cannot read \S+gone: it does not exist/)
  await run('sh', '-c', `head -c 300000 ${good} > ${join(box.dir, 'cut')}`)
  assert.match(await box.fails(125, 'load', '-q', '-i', join(box.dir, 'cut')), /ends in the middle|lacks/)
  assert.equal(await box.ok('images', '-q'), '')
  assert.deepEqual(readdirSync(join(box.root, 'staging')).filter((name) => name.startsWith('.archive')), [])
})
