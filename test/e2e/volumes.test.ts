import '../support/jail.ts'
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { eventually } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()

test('a folder of the host is seen and written inside, and not written with ro', async (t) => {
  const box = await suite.box(t)
  const host = join(box.dir, 'shared')
  mkdirSync(host)
  writeFileSync(join(host, 'in'), 'from host\n')
  assert.equal(await box.ok('run', '--rm', '-v', `${host}:/mnt/x`, suite.busybox, 'sh', '-c', 'cat /mnt/x/in; echo back >/mnt/x/out'), 'from host')
  assert.equal(readFileSync(join(host, 'out'), 'utf8'), 'back\n')
  assert.match((await box.scow(['run', '--rm', '-v', `${host}:/mnt/x:ro`, suite.busybox, 'touch', '/mnt/x/no'])).stderr, /Read-only/)
  assert.match((await box.scow(['run', '--rm', '--mount', `type=bind,src=${host},dst=/mnt/x,ro`, suite.busybox, 'touch', '/mnt/x/no'])).stderr, /Read-only/)
  assert.match(await box.fails(125, 'run', '--rm', '-v', '/no/such/folder:/mnt/x', suite.busybox), /\/no\/such\/folder/)
})

test('a named volume keeps what containers write, and starts with what the image has there', async (t) => {
  const box = await suite.box(t)
  assert.equal(await box.ok('run', '--rm', '-v', 'data:/data', suite.busybox, 'sh', '-c', 'cat /data/from-image; echo more >/data/more'), 'image')
  assert.equal(await box.ok('run', '--rm', '-v', 'data:/data', suite.busybox, 'cat', '/data/more'), 'more')
  assert.equal(await box.ok('volume', 'ls', '-q'), 'data')
  const [volume] = await box.json('volume', 'inspect', 'data')
  assert.equal(volume.Name, 'data')
  assert.equal(volume.Driver, 'local')
  assert.equal(readFileSync(join(volume.Mountpoint, 'more'), 'utf8'), 'more\n')
  assert.equal(await box.ok('volume', 'rm', 'data'), 'data')
  assert.equal(existsSync(volume.Mountpoint), false)
  await box.fails(1, 'volume', 'rm', 'data')
})

test('a new volume with nocopy has owner and mode of the image\'s directory, and keeps what somebody gave it since', async (t) => {
  const box = await suite.box(t)
  const look = (options: string, target = '/tmp', ...more: string[]): Promise<string> =>
    box.ok('run', '--rm', '--network', 'none', ...more, '-v', `${options.replace(':', `:${target}:`)}`, suite.busybox, 'stat', '-c', '%u:%g %a', target)
  assert.equal(await look('data:nocopy'), '0:0 1777')
  assert.equal(await look('data:nocopy', '/mnt/none'), '0:0 1777')
  assert.equal(await look('other:nocopy', '/mnt/none', '-u', '7:8'), '7:8 755')
  assert.equal(await look('other:nocopy'), '7:8 755')
})

test('a volume in use is not removed, one that nobody uses is pruned', async (t) => {
  const box = await suite.box(t)
  assert.equal(await box.ok('volume', 'create', 'used'), 'used')
  assert.equal(await box.ok('volume', 'create', '--label', 'k=v', 'free'), 'free')
  await box.fails(125, 'volume', 'create', 'free')
  await box.ok('create', '--name', 'c', '-v', 'used:/u', suite.busybox)
  await box.fails(2, 'volume', 'rm', 'used')
  assert.equal(await box.ok('volume', 'ls', '-q', '--filter', 'label=k'), 'free')
  assert.equal(await box.ok('volume', 'prune', '-f'), 'free')
  await box.ok('rm', 'c')
  await box.ok('volume', 'rm', 'used')
})

test('a mount takes the place of the image\'s volume there, however the image spells it', async (t) => {
  const box = await suite.box(t)
  const layout = join(box.dir, 'layout')
  await box.ok('save', '-q', '--format', 'oci-dir', '-o', layout, suite.busybox)
  const read = (path: string) => JSON.parse(readFileSync(join(layout, path), 'utf8'))
  const put = (content: object): { digest: string; size: number } => {
    const bytes = Buffer.from(JSON.stringify(content))
    const hex = createHash('sha256').update(bytes).digest('hex')
    writeFileSync(join(layout, 'blobs/sha256', hex), bytes)
    return { digest: `sha256:${hex}`, size: bytes.length }
  }
  const blob = (digest: string): string => `blobs/${digest.replace(':', '/')}`
  const index = read('index.json')
  const manifest = read(blob(index.manifests[0].digest))
  const config = read(blob(manifest.config.digest))
  config.config.Volumes = { '/y/': {}, '/data/../z': {} }
  config.config.ExposedPorts = { '90-92/udp': {}, 80: {} }
  const changed = put({ ...manifest, config: { ...manifest.config, ...put(config) } })
  writeFileSync(join(layout, 'index.json'), JSON.stringify({ ...index, manifests: [{ ...index.manifests[0], ...changed }] }))
  mkdirSync(join(box.dir, 'host'))
  writeFileSync(join(box.dir, 'host/file'), 'mine')
  await box.ok('create', '--name', 'c', '--network', 'none', '-v', `${join(box.dir, 'host')}:/y`, `oci:${layout}`, 'cat', '/y/file')
  assert.equal(await box.ok('start', '-a', 'c'), 'mine')
  assert.deepEqual((await box.ok('inspect', '-f', '{{range .Mounts}}{{.Destination}} {{end}}', 'c')).trim().split(' ').sort(), ['/y', '/z'])
  assert.deepEqual(Object.keys(JSON.parse(await box.ok('inspect', '-f', '{{json .NetworkSettings.Ports}}', 'c'))).sort(), ['80/tcp', '90/udp', '91/udp', '92/udp'])
  await box.ok('rm', '-v', 'c')
})

test('an anonymous volume goes with rm -v and with --rm', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '--rm', '-v', '/anon', suite.busybox, 'true')
  // With a network the exit program cleans up, and nobody waits for it.
  await eventually('the volume goes', async () => await box.ok('volume', 'ls', '-q') === '')
  await box.ok('run', '--name', 'c', '-v', '/anon', suite.busybox, 'true')
  assert.match(await box.ok('volume', 'ls', '-q'), /^[0-9a-f]{64}$/)
  await box.ok('rm', '-v', 'c')
  assert.equal(await box.ok('volume', 'ls', '-q'), '')
})

test('a tmpfs with U belongs to the user of the container', async (t) => {
  const box = await suite.box(t)
  const owner = (more: string): Promise<string> => box.ok('run', '--rm', '--network', 'none', '-u', '1001:1002', '--mount', `type=tmpfs,dst=/m${more}`, suite.busybox, 'stat', '-c', '%u:%g', '/m')
  assert.deepEqual([await owner(',U=true'), await owner(',U=false'), await owner('')], ['1001:1002', '0:0', '0:0'])
})

test('a tmpfs is empty, sized and gone', async (t) => {
  const box = await suite.box(t)
  const out = await box.ok('run', '--rm', '--tmpfs', '/t:size=1m,mode=1777', suite.busybox, 'sh', '-c', 'grep " /t " /proc/mounts; dd if=/dev/zero of=/t/x bs=1M count=2 2>&1 | tail -1')
  assert.match(out, /^tmpfs \/t tmpfs \S*size=1024k/)
})

test('--volumes-from shares the mounts of another container', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '--name', 'a', '-v', 'shared:/s', suite.busybox, 'sh', '-c', 'echo hi >/s/f')
  assert.equal(await box.ok('run', '--rm', '--volumes-from', 'a', suite.busybox, 'cat', '/s/f'), 'hi')
})

test('U gives a source to the user of the container, and never a folder of the system', async (t) => {
  const box = await suite.box(t)
  const host = join(box.dir, 'mine')
  mkdirSync(host)
  writeFileSync(join(host, 'file'), '')
  symlinkSync('/etc/hostname', join(host, 'link'))
  const [before, run] = [statSync('/etc/hostname').uid, ['run', '--rm', '--network', 'none', '-u', '1234:5678'] as const]
  assert.equal(await box.ok(...run, '-v', `${host}:/x:U`, suite.busybox, 'stat', '-c', '%u:%g', '/x', '/x/file'), '1234:5678\n1234:5678')
  assert.equal(statSync('/etc/hostname').uid, before)
  assert.equal(await box.ok(...run, '--mount', `type=bind,src=${host},dst=/x,U=true`, suite.busybox, 'stat', '-c', '%u', '/x/file'), '1234')
  assert.match(await box.fails(125, ...run, '-v', '/etc:/x:U', suite.busybox, 'true'), /\/etc is the system's/)
})

test('with O, and in a writable image, what is written stays out of the source', async (t) => {
  const box = await suite.box(t)
  const host = join(box.dir, 'with:colon,and comma')
  mkdirSync(host, { mode: 0o750 })
  writeFileSync(join(host, 'in'), '')
  symlinkSync(host, join(box.dir, 'link'))
  const command = 'stat -c %a /x; touch /x/new; ls /x'
  await box.ok('create', '--name', 'c', '--network', 'none', '-v', `${box.dir}/link:/x:O`, suite.busybox, 'sh', '-c', command)
  for (let start = 0; start < 2; start++) assert.equal(await box.ok('start', '-a', 'c'), '750\nin\nnew')
  assert.equal(existsSync(join(host, 'new')), false)
  assert.match(await box.fails(125, 'run', '--rm', '--network', 'none', '-v', `${box.dir}/link/in:/x:O`, suite.busybox), /only a directory/)
  assert.equal(await box.ok('run', '--rm', '--network', 'none', '--mount', `type=image,src=${suite.busybox},dst=/x,rw=true`, suite.busybox, 'sh', '-c', 'echo y >/x/y; cat /x/y'), 'y')
})

test('a volume with a device is mounted where it is used, one in memory is shared while it is', async (t) => {
  const box = await suite.box(t)
  const host = join(box.dir, 'device')
  mkdirSync(host)
  writeFileSync(join(host, 'in'), 'bound\n')
  await box.ok('volume', 'create', '-o', 'type=none', '-o', `device=${host}`, '-o', 'o=bind', 'bound')
  assert.equal(await box.ok('run', '--rm', '--network', 'none', '-v', 'bound:/x', suite.busybox, 'cat', '/x/in'), 'bound')
  await box.ok('volume', 'create', '-o', 'type=tmpfs', '-o', 'device=tmpfs', '-o', 'o=size=1m', 'memory')
  await box.ok('run', '-d', '--name', 'holder', '--network', 'none', '--stop-timeout', '0', '-v', 'memory:/x', suite.busybox, 'sh', '-c', 'echo shared >/x/f; sleep 100')
  const look = ['run', '--rm', '--network', 'none', '-v', 'memory:/x', suite.busybox, 'sh', '-c', 'cat /x/f; grep -o "/x tmpfs.*size=1024k" /proc/mounts | cut -d" " -f2'] as const
  await eventually('the file', async () => (await box.scow(look)).stdout === 'shared\ntmpfs\n')
  await box.ok('rm', '-f', 'holder')
  assert.equal(await box.ok('run', '--rm', '--network', 'none', '-v', 'memory:/x', suite.busybox, 'ls', '/x'), '')
  await box.ok('volume', 'create', '-o', 'type=nosuchfs', '-o', 'device=x', 'broken')
  assert.match(await box.fails(125, 'run', '--rm', '--network', 'none', '-v', 'broken:/x', suite.busybox, 'true'), /^Error: cannot mount volume broken: .*(nosuchfs|special device x).*\n$/)
  await box.ok('volume', 'rm', 'bound', 'memory', 'broken')
})

test('a volume that a mount names is made with the options that stand there', async (t) => {
  const box = await suite.box(t)
  const mount = (options: string): string => `type=volume,src=made,dst=/x,${options}`
  const sized = mount('volume-opt=type=tmpfs,volume-opt=device=tmpfs,"volume-opt=o=size=1m,uid=5"')
  assert.match(await box.ok('run', '--rm', '--network', 'none', '--mount', sized, suite.busybox, 'grep', ' /x ', '/proc/mounts'), /^tmpfs \/x tmpfs .*size=1024k.*uid=5/)
  assert.equal(await box.ok('volume', 'inspect', '-f', '{{.Options}}', 'made'), 'map[device:tmpfs o:size=1m,uid=5 type:tmpfs]')
  await box.ok('volume', 'rm', 'made')
  assert.match(await box.fails(125, 'create', '--mount', mount('volume-opt=foo=1'), suite.busybox), /^Error: invalid mount option foo for driver "local"; /)
  assert.match(await box.fails(125, 'volume', 'create', '-o', 'o=size=1m', 'limited'), /^Error: a volume that is a plain folder has no limit of size; one in memory has: /)
  assert.match(await box.fails(125, 'volume', 'create', '-o', 'o=bogus', 'limited'), /^Error: "o=bogus" is for a mount, and the volume has no device; /)
  assert.match(await box.fails(125, 'create', '--mount', mount('volume-opt'), suite.busybox), /volume-opt lacks an option/)
  assert.match(await box.fails(125, 'create', '--mount', mount('volume-driver=nfs'), suite.busybox), /volume driver "nfs" is not supported/)
  assert.equal(await box.ok('volume', 'ls', '-q'), '')
})

test('files are copied to and from a volume with a device whether its container runs or not', async (t) => {
  const box = await suite.box(t)
  const [host, file] = [join(box.dir, 'device'), join(box.dir, 'file')]
  mkdirSync(host)
  writeFileSync(join(host, 'in'), 'bound\n')
  writeFileSync(file, 'copied\n')
  await box.ok('volume', 'create', '-o', 'type=none', '-o', `device=${host}`, '-o', 'o=bind', 'bound')
  await box.ok('create', '--name', 'c', '--network', 'none', '-v', 'bound:/x', suite.busybox, 'sleep', '100')
  await box.ok('cp', 'c:/x/in', `${file}.out`)
  assert.equal(readFileSync(`${file}.out`, 'utf8'), 'bound\n')
  await box.ok('cp', file, 'c:/x/stopped')
  assert.equal(readFileSync('/proc/self/mounts', 'utf8').includes('/volumes/bound'), false)
  await box.ok('start', 'c')
  await box.ok('cp', file, 'c:/x/running')
  assert.equal(await box.ok('exec', 'c', 'cat', '/x/stopped', '/x/running'), 'copied\ncopied')
  await box.ok('rm', '-f', '-t', '0', 'c')
  assert.deepEqual(readdirSync(host).sort(), ['in', 'running', 'stopped'])
})

test('a new volume where the image has nothing belongs to the user of the container', async (t) => {
  const box = await suite.box(t)
  const run = ['run', '--rm', '--network', 'none', '-u', '1234'] as const
  assert.equal(await box.ok(...run, '-v', 'own:/new', suite.busybox, 'sh', '-c', 'touch /new/x && stat -c %u /new'), '1234')
  await box.ok('volume', 'create', '--uid', '7', 'given')
  await box.ok('volume', 'create', '--opt', 'o=uid=8,gid=9', 'opted')
  assert.equal(await box.ok('run', '--rm', '--network', 'none', '-v', 'opted:/o', suite.busybox, 'stat', '-c', '%u:%g', '/o'), '8:9')
  assert.equal(await box.ok(...run, '-v', 'given:/new', suite.busybox, 'stat', '-c', '%u', '/new'), '7')
  await box.ok('volume', 'rm', 'own', 'given')
})

test('files that are where a volume is to be made are kept, also when the database is lost', async (t) => {
  const box = await suite.box(t)
  const [data] = await box.json('volume', 'inspect', await box.ok('volume', 'create', 'data'))
  writeFileSync(join(data.Mountpoint, 'f'), 'precious')
  const id = await box.ok('create', suite.busybox)
  for (const name of readdirSync(box.root)) if (name.startsWith('state.db')) rmSync(join(box.root, name))
  const listed = await box.scow(['volume', 'ls', '-q'])
  assert.deepEqual([listed.code, listed.stdout], [0, ''])
  assert.match(listed.stderr, /state\.db was missing or empty, and is made anew: what .* has in containers, layers, volumes is in no list/)
  assert.equal((await box.scow(['volume', 'ls', '-q'])).stderr, '')
  const made = await box.scow(['volume', 'create', 'data'])
  assert.match(made.stderr, /^warn: volume data: the files in .*_data were there already and are kept\n$/)
  assert.equal(readFileSync(join(data.Mountpoint, 'f'), 'utf8'), 'precious')
  await box.ok('volume', 'rm', 'data')
  assert.equal((await box.scow(['volume', 'create', 'data'])).stderr, '')
  assert.deepEqual(readdirSync(data.Mountpoint), [])
  rmSync(join(box.runRoot, 'recovered')) // as after a boot
  assert.match((await box.scow(['volume', 'create', 'other'])).stderr, /^warn: folders of containers that are older than \S+state\.db, and not in it, are left alone in \S+: 1\n$/)
  assert.deepEqual(readdirSync(join(box.root, 'containers')), [id])
  rmSync(join(box.root, 'containers', id), { recursive: true })
})
