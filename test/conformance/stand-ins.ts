// Images for every name that critest asks for, made from this machine's own busybox and nginx and pushed to a registry.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, copyFileSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'

const OCI = 'application/vnd.oci.image'
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const USERS = 'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n'
const GROUPS = 'root:x:0:\ntty:x:5:\nwww-data:x:33:\nnogroup:x:65534:\n'
const ARCHITECTURE = process.arch === 'x64' ? 'amd64' : process.arch

interface Image {
  readonly layers: readonly Buffer[]
  readonly config?: object
  /** A list whose first entry is for another processor. */
  readonly list?: true
}

/** Pushes all of them. `host`: `127.0.0.1:PORT`; `work`: an empty folder. */
export async function pushStandIns(host: string, work: string): Promise<void> {
  for (const [name, image] of Object.entries(standIns(work))) {
    const [repository, tag] = name.split(':') as [string, string]
    await push({ host, repository, tag, image })
  }
}

function standIns(work: string): Readonly<Record<string, Image>> {
  const make = (name: string, fill: (tree: string) => void): Buffer => layer(join(work, name), fill)
  const file = (name: string): Buffer => make(name, (tree) => write(join(tree, name), `${name}\n`))
  const base = make('base', fillBase)
  const nginx = (port: number): Image => ({ layers: [base, make(`nginx-${port}`, (tree) => fillNginx(tree, port))], config: { Cmd: ['nginx', '-g', 'daemon off;'], StopSignal: 'SIGQUIT' } })
  const pause = (version: string): Image => ({ layers: [make(`pause-${version}`, (tree) => fillPause(tree, version))], config: { Entrypoint: ['/pause'], User: '65535:65535' }, list: true })
  const user = (name: string): Image => ({ layers: [base], config: { User: name } })
  const tags = file('test-image-tags')
  const ours = (images: Readonly<Record<string, Image>>) => Object.fromEntries(Object.entries(images).map(([name, image]) => [`k8s-staging-cri-tools/${name}`, image]))
  return {
    'e2e-test-images/busybox:1.29-2': { layers: [base], list: true },
    'e2e-test-images/nginx:1.14-2': { ...nginx(80), list: true },
    'e2e-test-images/httpd:2.4.39-4': { layers: [base, make('httpd', fillHttpd)], config: { Cmd: ['httpd-foreground'] }, list: true },
    'e2e-test-images/nonewprivs:1.3': { layers: [base, make('nnp', fillNoNewPrivileges)], config: { Entrypoint: ['/nnp'] } },
    'pause:3.9': pause('3.9'),
    ...ours({
      [`hostnet-nginx-${ARCHITECTURE}:latest`]: nginx(12003),
      'test-image-user-uid:latest': user('1002'), 'test-image-user-username:latest': user('www-data'),
      'test-image-user-uid-group:latest': user('1003:1004'), 'test-image-user-username-group:latest': user('www-data:1004'),
      'test-image-predefined-group:latest': { layers: [base, make('groups', fillGroups)], config: { User: '1000' } },
      'test-image-latest:latest': { layers: [base, file('test-image-latest')] },
      'test-image-tag:test': { layers: [base, file('test-image-tag')] }, 'test-image-tag:all': { layers: [base, file('test-image-tag-all')] },
      ...Object.fromEntries(['1', '2', '3'].flatMap((n) => [[`test-image-${n}:latest`, { layers: [base, file(`test-image-${n}`)] }], [`test-image-tags:${n}`, { layers: [base, tags] }]])),
    }),
  }
}

function layer(tree: string, fill: (tree: string) => void): Buffer {
  mkdirSync(tree)
  fill(tree)
  const archive = execFileSync('tar', ['--create', '--directory', tree, '--owner=0', '--group=0', '--numeric-owner', '--sort=name', '--mtime=@0', '.'], { maxBuffer: 1 << 26 })
  return gzipSync(archive, { level: 1 })
}

function write(file: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  chmodSync(file, mode)
}

/** What critest calls and Debian's busybox lacks. */
const PGREP = '#!/bin/sh\nfor file in /proc/[0-9]*/comm; do\n  read -r name <"$file" && [ "$name" = "$1" ] && file=${file#/proc/} && echo "${file%/comm}"\ndone 2>/dev/null\n'
const IPCS = '#!/bin/sh\ncat /proc/sysvipc/shm\n'

/** Applets are hard links: a spec masks one of them alone. */
function fillBase(tree: string): void {
  for (const dir of ['bin', 'dev', 'home', 'mnt', 'proc', 'root', 'run', 'sys', 'tmp', 'var/tmp', 'var/www', 'usr/sbin']) mkdirSync(join(tree, dir), { recursive: true })
  for (const dir of ['tmp', 'var/tmp']) chmodSync(join(tree, dir), 0o1777)
  copyFileSync('/bin/busybox', join(tree, 'bin/busybox'))
  for (const applet of execFileSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).trim().split('\n')) if (applet !== 'busybox') linkSync(join(tree, 'bin/busybox'), join(tree, 'bin', applet))
  write(join(tree, 'usr/bin/pgrep'), PGREP, 0o755)
  write(join(tree, 'usr/bin/ipcs'), IPCS, 0o755)
  symlinkSync('../run', join(tree, 'var/run'))
  write(join(tree, 'etc/passwd'), USERS)
  write(join(tree, 'etc/group'), GROUPS)
}

/** The machine's nginx with the libraries that it names. */
function fillNginx(tree: string, port: number): void {
  const libraries = execFileSync('ldd', ['/usr/sbin/nginx'], { encoding: 'utf8' }).match(/\/[^ ]+(?= \(0x)/g) ?? []
  for (const file of ['/usr/sbin/nginx', ...libraries]) {
    mkdirSync(join(tree, dirname(file)), { recursive: true })
    copyFileSync(file, join(tree, file))
    chmodSync(join(tree, file), 0o755)
  }
  for (const dir of ['var/lib/nginx', 'var/log/nginx']) mkdirSync(join(tree, dir), { recursive: true })
  write(join(tree, 'etc/nginx/nginx.conf'), `user www-data; worker_processes 1; pid /var/run/nginx.pid; error_log /dev/stderr notice;
events { worker_connections 64; }
http { access_log /dev/stdout; server { listen ${port}; root /srv; } }\n`)
  write(join(tree, 'srv/index.html'), '<h1>a page</h1>\n')
}

function fillHttpd(tree: string): void {
  write(join(tree, 'srv/index.html'), '<h1>a page</h1>\n')
  write(join(tree, 'usr/local/bin/httpd-foreground'), '#!/bin/sh\necho "httpd: serving /srv on port 80"\nexec httpd -f -v -p 80 -h /srv\n', 0o755)
}

/** A set-uid program that tells its effective user. */
function fillNoNewPrivileges(tree: string): void {
  const source = '#include <stdio.h>\n#include <unistd.h>\nint main(void) { printf("Effective uid: %d\\n", (int)geteuid()); return 0; }\n'
  execFileSync('musl-gcc', ['-static', '-Os', '-s', '-x', 'c', '-o', join(tree, 'nnp'), '-'], { input: source })
  chmodSync(join(tree, 'nnp'), 0o4755)
}

function fillPause(tree: string, version: string): void {
  copyFileSync(join(import.meta.dirname, '../../dist/pause'), join(tree, 'pause'))
  chmodSync(join(tree, 'pause'), 0o755)
  write(join(tree, 'version'), `${version}\n`)
}

function fillGroups(tree: string): void {
  write(join(tree, 'etc/passwd'), `${USERS}default-user:x:1000:1000::/home/default-user:/bin/sh\n`)
  write(join(tree, 'etc/group'), `${GROUPS}default-user:x:1000:\ngroup-defined-in-image:x:50000:default-user\n`)
}

interface Push { readonly host: string; readonly repository: string; readonly tag: string; readonly image: Image }

async function push({ host, repository, tag, image: { layers, config = {}, list } }: Push): Promise<void> {
  const at = `http://${host}/v2/${repository}`
  const manifest = async (architecture: string, reference?: string) => {
    const configuration = json({
      architecture, os: 'linux', created: '1970-01-01T00:00:00Z', config: { Env: [PATH], Cmd: ['sh'], ...config },
      rootfs: { type: 'layers', diff_ids: layers.map((bytes) => digestOf(gunzipSync(bytes))) },
    })
    for (const bytes of [configuration, ...layers]) await pushBlob(at, bytes)
    const text = json({
      schemaVersion: 2, mediaType: `${OCI}.manifest.v1+json`, config: described(`${OCI}.config.v1+json`, configuration),
      layers: layers.map((bytes) => described(`${OCI}.layer.v1.tar+gzip`, bytes)),
    })
    await put(`${at}/manifests/${reference ?? digestOf(text)}`, text, `${OCI}.manifest.v1+json`)
    return { ...described(`${OCI}.manifest.v1+json`, text), platform: { os: 'linux', architecture } }
  }
  if (!list) return void await manifest(ARCHITECTURE, tag)
  const manifests = [await manifest('s390x'), await manifest(ARCHITECTURE)]
  await put(`${at}/manifests/${tag}`, json({ schemaVersion: 2, mediaType: `${OCI}.index.v1+json`, manifests }), `${OCI}.index.v1+json`)
}

const json = (value: object): Buffer => Buffer.from(JSON.stringify(value))
const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const described = (mediaType: string, bytes: Buffer) => ({ mediaType, digest: digestOf(bytes), size: bytes.length })

async function pushBlob(at: string, bytes: Buffer): Promise<void> {
  if ((await fetch(`${at}/blobs/${digestOf(bytes)}`, { method: 'HEAD' })).ok) return
  const begun = await fetch(`${at}/blobs/uploads/`, { method: 'POST' })
  const where = new URL(begun.headers.get('location')!, at)
  where.searchParams.set('digest', digestOf(bytes))
  await put(where.href, bytes, 'application/octet-stream')
}

async function put(url: string, body: Buffer, type: string): Promise<void> {
  const answer = await fetch(url, { method: 'PUT', body: new Uint8Array(body), headers: { 'content-type': type } })
  if (answer.status !== 201) throw new Error(`PUT ${url}: ${answer.status} ${await answer.text()}`)
}

