// Ways to a real registry: with a log-in, through containerd's hosts.toml, through mirrors that fail.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'node:test'
import { startScriptedRegistry } from '../../src/registry/scripted-registry.ts'
import { eventually, openBox } from '../support/box.ts'
import { patience } from '../support/patience.ts'
import { openRegistry } from '../support/registry.ts'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()

test('a registry with a log-in takes the credentials of the command, of files and of helpers, and nothing shows them', async (t) => {
  const box = await openBox(t)
  await using registry = await openRegistry({ login: { user: 'sailor', password: 'pw:with/secret' } })
  const image = `${registry.host}/form:oci`
  const refused = async (args: string[], env = {}): Promise<string> => {
    const { code, stderr, stdout } = await box.scow(['--log-level', 'debug', 'pull', ...args, image], { env })
    assert.equal(code, 125)
    assert.doesNotMatch(stderr + stdout, /secret|c2Vjc/)
    return stderr
  }
  const accepted = async (args: string[], env = {}): Promise<void> => {
    const { code, stderr, stdout } = await box.scow(['--log-level', 'debug', 'pull', ...args, image], { env })
    assert.equal(code, 0, stderr)
    assert.doesNotMatch(stderr + stdout, /secret/)
    await box.ok('rmi', image)
  }
  assert.match(await refused([]), /wants credentials that may pull it.*--creds/s)
  assert.match(await refused(['--creds', 'sailor:wrong-secret']), /wants credentials that may pull it/)
  await accepted(['--creds', 'sailor:pw:with/secret'])
  for (const creds of ['sailor', 'sailor:']) {
    assert.match(await refused(['--creds', creds]), /^Error: the password of sailor can only be asked for on a terminal; [^\n]*--creds USER:PASSWORD/m)
    const asking = box.start(['create', '--name', 'asked', '-q', '--creds', creds, image, 'true'], { terminal: { rows: 24, columns: 80 } })
    await asking.sees(/Password: /)
    asking.type('pw:with/secret\r')
    const { code, stdout } = await asking.end()
    assert.equal(code, 0, stdout)
    assert.doesNotMatch(stdout, /secret/)
    await box.ok('rm', 'asked')
    await box.ok('rmi', image)
  }
  const unanswered = box.start(['pull', '-q', '--creds', 'sailor', image], { terminal: { rows: 24, columns: 80 } })
  await unanswered.sees(/Password: /)
  unanswered.type('\x04')
  assert.deepEqual((({ code, stdout }) => [code, stdout])(await unanswered.end()), [130, 'Password: \r\nError: no password of sailor was given\r\n'])

  const write = (name: string, document: object): string => {
    writeFileSync(join(box.dir, name), JSON.stringify(document))
    return join(box.dir, name)
  }
  const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') })
  const right = auth('sailor:pw:with/secret')
  await accepted(['--authfile', write('host.json', { auths: { [registry.host]: right } })])
  await accepted([], { REGISTRY_AUTH_FILE: write('path.json', { auths: { [`${registry.host}/form`]: right, [registry.host]: auth('other:secret') } }) })
  await refused([], { REGISTRY_AUTH_FILE: write('other.json', { auths: { [`${registry.host}/formless`]: right } }) })

  const bin = join(box.dir, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'docker-credential-test'), `#!/bin/sh\nread server\n[ "$1 $server" = "get ${registry.host}" ] && echo '{"Username":"sailor","Secret":"pw:with/secret"}'\n`, { mode: 0o755 })
  const PATH = `${bin}:${box.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin'}`
  await accepted(['--authfile', write('helper.json', { credHelpers: { [registry.host]: 'test' } })], { PATH })
  writeFileSync(join(box.dir, 'registries.conf'), 'credential-helpers = ["missing", "containers-auth.json", "test"]\n')
  await accepted([], { PATH, CONTAINERS_REGISTRIES_CONF: join(box.dir, 'registries.conf') })
})

test('hosts.toml of containerd leads to a mirror, registries.conf wins over it, and a mirror that fails is left', async (t) => {
  const box = await openBox(t)
  const { registry } = suite
  const dir = '/etc/containerd/certs.d/registry.example'
  mkdirSync(dir, { recursive: true })
  t.after(() => rmSync('/etc/containerd', { recursive: true }))
  writeFileSync(join(dir, 'hosts.toml'), `server = "http://127.0.0.1:1"\n[host."http://127.0.0.1:2"]\n[host."http://${registry.host}"]\ncapabilities = ["pull", "resolve"]\n`)
  registry.reset()
  await box.ok('pull', '-q', '--retry', '0', 'registry.example/form:index')
  assert.equal(await box.ok('run', '--rm', '--network', 'none', 'registry.example/form:index', 'cat', '/etc/layer'), 'second')
  assert.ok(registry.requests.length > 0 && registry.requests.every(({ path }) => path.includes('ns=registry.example')))
  assert.match(await box.ok('images'), /^registry\.example\/form +index/m)

  const conf = join(box.dir, 'registries.conf')
  writeFileSync(conf, `[[registry]]\nprefix = "registry.example"\nlocation = "${registry.host}"\n[[registry.mirror]]\nlocation = "127.0.0.1:1/gone"\n`)
  registry.reset()
  const { code, stderr } = await box.scow(['pull', '-q', '--retry', '0', 'registry.example/form:zstd'], { env: { CONTAINERS_REGISTRIES_CONF: conf } })
  assert.equal(code, 0, stderr)
  assert.ok(registry.requests.length > 0 && registry.requests.every(({ path }) => !path.includes('ns=')))

  writeFileSync(join(dir, 'hosts.toml'), 'server = 5\n')
  const broken = await box.scow(['pull', '-q', 'registry.example/form:tar'])
  assert.equal(broken.code, 125)
  assert.match(broken.stderr, /^Error: \/etc\/containerd\/certs\.d\/registry\.example\/hosts\.toml is malformed: server/)
})

test('SSL_CERT_FILE and SSL_CERT_DIR name authorities of registries', async (t) => {
  const box = await openBox(t)
  const [key, cert] = [join(box.dir, 'key.pem'), join(box.dir, 'cert.pem')]
  await promisify(execFile)('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=registry', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert])
  const server = await startScriptedRegistry({ tls: { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') } })
  t.after(() => server.close())
  const says = async (env: Record<string, string>): Promise<string> => (await box.scow(['pull', '-q', '--tls-verify', `${server.host}/app:1`], { env })).stderr
  assert.match(await says({}), /cannot be trusted: its certificate is self-signed/)
  assert.match(await says({ SSL_CERT_FILE: cert }), /has no such image/)
  assert.match(await says({ SSL_CERT_DIR: `/nonexistent:${box.dir}` }), /has no such image/)
})

test('a pull that a signal ends has the code of that signal and says so once', async (t) => {
  const box = await openBox(t)
  const { registry } = suite
  registry.fault = ({ path }) => (path.includes('/blobs/') ? { kind: 'slow', bytesPerSecond: 100_000 } : undefined)
  t.after(() => registry.reset())
  const interrupted = async (signal: NodeJS.Signals, code: number, ...args: string[]): Promise<void> => {
    registry.requests.length = 0
    const pulling = box.start(args)
    await eventually('a blob on its way', () => registry.requests.some(({ path, bodyBytesSent }) => path.includes('/blobs/') && bodyBytesSent > 0))
    pulling.kill(signal)
    const { code: ended, stdout, stderr } = await pulling.end()
    assert.deepEqual([ended, stdout], [code, ''])
    assert.equal(stderr, `Error: interrupted by ${signal}\n`)
  }
  await interrupted('SIGTERM', 143, 'pull', '-q', suite.web, suite.busybox)
  await interrupted('SIGINT', 130, 'pull', '-q', suite.web)
  await interrupted('SIGHUP', 129, 'run', '-q', '--rm', suite.web, 'true')
  await interrupted('SIGTERM', 143, 'create', '-q', suite.web)
})

test('info shows what registries.conf says as podman does', async (t) => {
  const box = await openBox(t)
  const conf = join(box.dir, 'registries.conf')
  const info = async (text: string): Promise<string> => {
    writeFileSync(conf, text)
    const env = { CONTAINERS_REGISTRIES_CONF: conf }
    const format = ['info', '--format', '{{json .Registries}}']
    const { stdout } = await promisify(execFile)('podman', ['--root', join(box.dir, 'pr'), '--runroot', join(box.dir, 'prr'), '--storage-driver', 'vfs', ...format], { env: { ...process.env, ...env, XDG_RUNTIME_DIR: '/run' }, timeout: 60_000 * patience })
    const own = await box.scow(format, { env })
    assert.deepEqual(JSON.parse(own.stdout), JSON.parse(stdout))
    return own.stdout
  }
  const search = 'unqualified-search-registries = ["r.example.com", "other.example.com:5000"]\n'
  const mirror = '[[registry]]\nprefix = "a.example.com/team"\nlocation = "b.example.com"\nblocked = true\n[[registry.mirror]]\nlocation = "m.example.com"\ninsecure = true\n'
  assert.match(await info(search), /"search":\["r\.example\.com"/)
  assert.match(await info(`${search}[[registry]]\nlocation = "localhost:5000"\ninsecure = true\n${mirror}`), /"Insecure":true/)
  await info(`${mirror}pull-from-mirror = "tag-only"\n`)
  await info(mirror.replace('blocked = true', 'mirror-by-digest-only = true'))
})
