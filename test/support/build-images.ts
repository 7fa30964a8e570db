// Makes the test images from Debian's own packages, once: an OCI layout and a registry filled from it.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync, chmodSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import { imagesDir, WEB_PAGE } from './images.ts'
import { startRegistryServer } from './registry-server.ts'

const MIRROR = 'http://deb.debian.org/debian'
const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'

const done = imagesDir()
if (!existsSync(done)) {
  const started = Date.now()
  console.log('test images: building')
  for (const old of readdirSync('/var/tmp')) {
    if (old.startsWith('scow-test-images-')) rmSync(join('/var/tmp', old), { recursive: true, force: true })
  }
  const work = mkdtempSync('/var/tmp/scow-test-images-work-')
  try {
    await buildImages(work)
    rmSync(join(work, 'tmp'), { recursive: true })
    renameSync(work, done)
  } catch (error) {
    console.error(`test images: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  console.log(`test images: built in ${((Date.now() - started) / 1000).toFixed(0)} s`)
}

async function buildImages(work: string): Promise<void> {
  const layout = join(work, 'layout')
  mkdirSync(join(work, 'tmp'))
  run('umoci', 'init', '--layout', layout)
  buildBusybox(work, layout)
  buildProbe(work, layout)
  buildWeb(work, layout)
  const server = await startRegistryServer(join(work, 'registry'))
  try {
    await fillRegistry({ layout, host: `127.0.0.1:${server.port}`, tmp: join(work, 'tmp') })
  } finally {
    await server.stop()
  }
}

/** Runs a program to its end; an error carries what it said. */
function run(file: string, ...args: string[]): void {
  try {
    execFileSync(file, args, { stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 26 })
  } catch (error) {
    const { stderr, stdout } = error as { stderr?: Buffer; stdout?: Buffer }
    throw new Error(`${file} ${args.join(' ')}\n${stderr ?? ''}${String(stdout ?? '').slice(-2000)}`, { cause: error })
  }
}

interface NewImage {
  readonly layout: string
  readonly tag: string
  readonly layers: readonly string[]
  readonly config: readonly string[]
}

function makeImage({ layout, tag, layers, config }: NewImage): void {
  const image = `${layout}:${tag}`
  run('umoci', 'new', '--image', image)
  for (const [index, layer] of layers.entries()) {
    run('umoci', 'raw', 'add-layer', '--history.created_by', `layer ${index + 1} of ${tag}`, '--image', image, layer)
  }
  run('umoci', 'config', '--image', image, ...config)
}

function pack(tree: string, archive: string): void {
  run('tar', '--create', '--file', archive, '--directory', tree, '--xattrs', '--xattrs-include=*', '--numeric-owner', '--sort=name', '.')
}

function write(file: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  chmodSync(file, mode)
}

function buildBusybox(work: string, layout: string): void {
  const tree = join(work, 'tmp/busybox')
  mkdirSync(join(tree, 'bin'), { recursive: true })
  cpSync('/bin/busybox', join(tree, 'bin/busybox'))
  const applets = execFileSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).trim().split('\n')
  for (const applet of applets) if (applet !== 'busybox') symlinkSync('busybox', join(tree, 'bin', applet))
  for (const dir of ['dev', 'proc', 'sys', 'root', 'tmp', 'var/spool', 'home/ada', 'data']) mkdirSync(join(tree, dir), { recursive: true })
  chmodSync(join(tree, 'tmp'), 0o1777)
  write(join(tree, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000:Ada:/home/ada:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n')
  write(join(tree, 'etc/group'), 'root:x:0:\nada:x:1000:\nboats:x:2000:ada\nnogroup:x:65534:\n')
  write(join(tree, 'data/from-image'), 'image\n')
  run('chown', '-R', '1000:1000', join(tree, 'home/ada'))
  pack(tree, join(work, 'tmp/busybox.tar'))
  const second = join(work, 'tmp/busybox2')
  write(join(second, 'etc/layer'), 'second\n')
  pack(second, join(work, 'tmp/busybox2.tar'))
  makeImage({
    layout, tag: 'busybox', layers: [join(work, 'tmp/busybox.tar'), join(work, 'tmp/busybox2.tar')],
    config: ['--config.cmd', 'sh', '--config.env', 'PATH=/bin', '--config.label', 'kind=busybox'],
  })
}

function buildProbe(work: string, layout: string): void {
  const tree = join(work, 'tmp/probe')
  mkdirSync(tree)
  run('musl-gcc', '-std=gnu11', '-Os', '-s', '-static', '-Wall', '-Wextra', '-Werror', '-o', join(tree, 'probe'), join(import.meta.dirname, 'probe.c'))
  write(join(tree, 'not-a-program'), 'text\n', 0o755)
  pack(tree, join(work, 'tmp/probe.tar'))
  makeImage({ layout, tag: 'probe', layers: [join(work, 'tmp/probe.tar')], config: ['--config.entrypoint', '/probe', '--config.cmd', 'exit'] })
}

/** Debian in one layer, nginx and what it needs in a second, the site in a third, which also removes a file below. */
function buildWeb(work: string, layout: string): void {
  const tmp = join(work, 'tmp')
  const slim = ['doc', 'locale', 'man'].flatMap((name) => [`--dpkgopt=path-exclude=/usr/share/${name}/*`])
  run('mmdebstrap', '--variant=essential', ...slim, 'bookworm', join(tmp, 'debian.tar'), MIRROR)
  const [base, nginx, site] = ['base', 'nginx', 'site'].map((name) => join(tmp, name)) as [string, string, string]
  mkdirSync(base)
  run('tar', '--extract', '--file', join(tmp, 'debian.tar'), '--directory', base, '--xattrs', '--xattrs-include=*', '--numeric-owner', '--exclude=./dev/*')
  upon({ work, lowers: [base], upper: nginx }, installNginx)
  upon({ work, lowers: [nginx, base], upper: site }, (root) => {
    write(join(root, 'var/www/html/index.html'), WEB_PAGE)
    rmSync(join(root, 'etc/nginx/sites-enabled/default'))
    write(join(root, 'etc/nginx/conf.d/site.conf'), 'server { listen 80; root /var/www/html; access_log /dev/stdout; error_log /dev/stderr; }\n')
  })
  const layers = [base, nginx, site].map((tree) => {
    pack(tree, `${tree}.tar`)
    return `${tree}.tar`
  })
  makeImage({
    layout, tag: 'web', layers,
    config: ['--config.entrypoint', '/usr/sbin/nginx', '--config.cmd', '-g', '--config.cmd', 'daemon off;', '--config.exposedports', '80/tcp',
      '--config.stopsignal', 'SIGQUIT', '--config.env', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
  })
}

/** Calls `change` with an overlay of `lowers` (top first); what it changed is then in `upper`, with OCI whiteouts. */
function upon({ work, lowers, upper }: { work: string; lowers: readonly string[]; upper: string }, change: (root: string) => void): void {
  const merged = join(work, 'tmp/merged')
  const workdir = join(work, 'tmp/overlay-work')
  for (const dir of [merged, workdir, upper]) mkdirSync(dir, { recursive: true })
  run('mount', '-t', 'overlay', 'overlay', '-o', `lowerdir=${lowers.join(':')},upperdir=${upper},workdir=${workdir}`, merged)
  try {
    change(merged)
  } finally {
    run('umount', merged)
  }
  rmSync(workdir, { recursive: true })
  // A whiteout of overlay is a character device 0/0; OCI has a file .wh.NAME.
  run('sh', '-c', 'find "$1" -type c | while read -r gone; do rm "$gone"; : >"${gone%/*}/.wh.${gone##*/}"; done', 'sh', upper)
  run('sh', '-c', 'find "$1" -type d -exec setfattr -x trusted.overlay.opaque {} \\; -exec setfattr -x trusted.overlay.origin {} \\; -exec setfattr -x trusted.overlay.impure {} \\; 2>/dev/null; :', 'sh', upper)
}

function installNginx(root: string): void {
  const debs = join(root, 'debs')
  mkdirSync(debs)
  const apt = ['-q', '-y', '--no-install-recommends', '-o', `Dir::State::status=${root}/var/lib/dpkg/status`, '-o', `Dir::Cache::archives=${debs}`]
  mkdirSync(join(debs, 'partial'))
  run('apt-get', ...apt, '--download-only', 'install', 'nginx-light')
  write(join(root, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n', 0o755)
  run('chroot', root, 'sh', '-c', 'DEBIAN_FRONTEND=noninteractive dpkg --install /debs/*.deb')
  rmSync(join(root, 'usr/sbin/policy-rc.d'))
  rmSync(debs, { recursive: true })
}

/** Every image as it is, and one small image in every form that a registry may hold. */
async function fillRegistry({ layout, host, tmp }: { layout: string; host: string; tmp: string }): Promise<void> {
  const copy = (from: string, to: string, ...options: string[]) =>
    run('skopeo', 'copy', '--quiet', '--insecure-policy', '--dest-tls-verify=false', '--src-tls-verify=false', ...options, from, to)
  const at = (name: string) => `docker://${host}/${name}`
  for (const name of ['busybox', 'probe', 'web']) copy(`oci:${layout}:${name}`, at(`${name}:1`))
  const source = `oci:${layout}:busybox`
  copy(source, at('form:oci'))
  copy(source, at('form:v2s2'), '--format', 'v2s2')
  copy(source, at('form:schema1'), '--format', 'v2s1')
  // skopeo compresses what it pushes to a registry with gzip, or takes the gzip blob that is there.
  copy(source, `dir:${tmp}/plain`, '--dest-decompress')
  await pushEncoded({ host, dir: join(tmp, 'plain'), tag: 'tar', suffix: '', encode: (layer) => layer })
  await pushEncoded({ host, dir: join(tmp, 'plain'), tag: 'zstd', suffix: '+zstd', encode: (layer) => zstdCompressSync(layer) })
  copy(source, `oci:${tmp}/arm:busybox`)
  run('umoci', 'config', '--image', `${tmp}/arm:busybox`, '--architecture', 'arm64')
  copy(`oci:${tmp}/arm:busybox`, at('form:arm-oci'))
  copy(`oci:${tmp}/arm:busybox`, at('form:arm-v2s2'), '--format', 'v2s2')
  makeList({ host, tmp, name: 'index', format: 'oci', of: ['oci', 'arm-oci'] })
  makeList({ host, tmp, name: 'list', format: 'v2s2', of: ['v2s2', 'arm-v2s2'] })
}

interface EncodedImage {
  readonly host: string
  /** As skopeo's `dir:` makes it, with layers that are not compressed. */
  readonly dir: string
  readonly tag: string
  /** Of the layers' media type. */
  readonly suffix: string
  encode(layer: Buffer): Buffer
}

async function pushEncoded({ host, dir, tag, suffix, encode }: EncodedImage): Promise<void> {
  const read = (digest: string) => readFileSync(join(dir, digest.replace('sha256:', '')))
  const manifest = JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8'))
  await pushBlob(host, read(manifest.config.digest))
  const layers = []
  for (const { digest } of manifest.layers) {
    const bytes = encode(read(digest))
    layers.push({ mediaType: `application/vnd.oci.image.layer.v1.tar${suffix}`, digest: await pushBlob(host, bytes), size: bytes.length })
  }
  const body = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: manifest.config, layers })
  await put(`http://${host}/v2/form/manifests/${tag}`, body, OCI_MANIFEST)
}

async function pushBlob(host: string, bytes: Buffer): Promise<string> {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  const begun = await fetch(`http://${host}/v2/form/blobs/uploads/`, { method: 'POST' })
  const where = new URL(begun.headers.get('location')!, `http://${host}`)
  where.searchParams.set('digest', digest)
  await put(where.href, bytes, 'application/octet-stream')
  return digest
}

async function put(url: string, body: string | Buffer<ArrayBufferLike>, type: string): Promise<void> {
  const { status, statusText } = await fetch(url, { method: 'PUT', body: typeof body === 'string' ? body : new Uint8Array(body), headers: { 'content-type': type } })
  if (status !== 201) throw new Error(`PUT ${url}: ${status} ${statusText}`)
}

function makeList({ host, tmp, name, format, of }: { host: string; tmp: string; name: string; format: string; of: readonly string[] }): void {
  const buildah = (...args: string[]) =>
    run('buildah', '--root', join(tmp, 'buildah'), '--runroot', join(tmp, 'buildah-run'), '--storage-driver', 'vfs', ...args)
  buildah('manifest', 'create', name)
  for (const form of of) buildah('manifest', 'add', '--tls-verify=false', name, `docker://${host}/form:${form}`)
  buildah('manifest', 'push', '--tls-verify=false', '--all', '--format', format, name, `docker://${host}/form:${name}`)
}
