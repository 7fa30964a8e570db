import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Failure, isFailure } from '../errors.ts'
import { readCertificates } from './certificates.ts'
import { credentialHelper } from './credential-helper.ts'
import { findCredentials, parseCreds, type AskHelper } from './credentials.ts'
import { registryFiles } from './registry-files.ts'

const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') })
const none: AskHelper = async () => undefined

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'scow-auth-'))
  t.after(() => rm(dir, { recursive: true }))
  return dir
}

async function lookUp(t: TestContext, documents: unknown[], host: string, path = 'x', askHelper = none): Promise<string | undefined> {
  const dir = await folder(t)
  const files = await Promise.all(documents.map(async (document, index) => {
    const file = join(dir, `${index}.json`)
    if (document !== undefined) await writeFile(file, typeof document === 'string' ? document : JSON.stringify(document))
    return { path: file, required: false }
  }))
  const found = await findCredentials({ host, path }, { files, askHelper })
  if (found?.registryToken !== undefined) return `registry token ${found.registryToken}`
  return found && (found.identityToken === undefined ? `${found.username}:${found.password}` : `token ${found.identityToken}`)
}

test('the most specific entry of a file wins, and the first file that has one', async (t) => {
  const file = { auths: { 'r.io': auth('host:1'), 'r.io/ns': auth('ns:2'), 'r.io/ns/app': auth('app:3'), 'other.io': auth('o:p:q') } }
  assert.equal(await lookUp(t, [file], 'r.io', 'ns/app'), 'app:3')
  assert.equal(await lookUp(t, [file], 'r.io', 'ns/else/deep'), 'ns:2')
  assert.equal(await lookUp(t, [file], 'r.io', 'nsx/app'), 'host:1')
  assert.equal(await lookUp(t, [file], 'other.io'), 'o:p:q')
  assert.equal(await lookUp(t, [undefined, '', { auths: {} }, file, { auths: { 'r.io': auth('later:9') } }], 'r.io'), 'host:1')
  assert.equal(await lookUp(t, [file], 'unknown.io'), undefined)
})

test('docker’s keys and forms are understood', async (t) => {
  assert.equal(await lookUp(t, [{ auths: { 'https://index.docker.io/v1/': auth('hub:1') } }], 'docker.io', 'library/nginx'), 'hub:1')
  assert.equal(await lookUp(t, [{ auths: { 'https://r.io:5000/v2/': auth('u:1') } }], 'r.io:5000'), 'u:1')
  assert.equal(await lookUp(t, [{ auths: { 'r.io': { ...auth('u:1'), identitytoken: 'idt' } } }], 'r.io'), 'token idt')
  assert.equal(await lookUp(t, [{ auths: { 'r.io': { auth: '', registrytoken: 'a.b-c_d=' } } }], 'r.io'), 'registry token a.b-c_d=')
  assert.equal(await lookUp(t, [{ auths: { 'r.io': { ...auth('u:1'), identitytoken: 'idt', registrytoken: 'rt' } } }], 'r.io'), 'registry token rt')
  assert.equal(await lookUp(t, [{ auths: { 'r.io': { username: 'u', password: 'p' } } }], 'r.io'), 'u:p')
  assert.equal(await lookUp(t, [{ auths: { 'r.io': {} } }], 'r.io'), undefined)
})

test('helpers come before the entries of their file', async (t) => {
  const asked: string[] = []
  const helper: AskHelper = async (name, server) => {
    asked.push(`${name} ${server}`)
    return name === 'has' ? { username: 'h', password: 's' } : undefined
  }
  assert.equal(await lookUp(t, [{ auths: { 'r.io': auth('a:b') }, credHelpers: { 'r.io': 'has' } }], 'r.io', 'x', helper), 'h:s')
  assert.equal(await lookUp(t, [{ auths: { 'r.io': auth('a:b') }, credHelpers: { 'r.io': 'empty' }, credsStore: 'none' }], 'r.io', 'x', helper), 'a:b')
  assert.deepEqual(asked, ['has r.io', 'empty r.io', 'none r.io'])
})

test('a broken file is named, and nothing of it is shown', async (t) => {
  const wrong = [{ registrytoken: 'secret\r\nX: 1' }, { identitytoken: 'secret 1' }, { registrytoken: ['secret'] }, { password: 4711, username: 'u' }, { auth: { secret: 1 } }].map((entry) => ({ auths: { 'r.io': entry } }))
  for (const bad of ['{', '{"auths": {"r.io": {"auth": "c2VjcmV0"', '{"auths": 4711}', '{"auths": {"r.io": "c2VjcmV0"}}', '{"auths": ["secret"]}', '{"credHelpers": "secret"}', '{"credHelpers": {"r.io": 4711}}', '{"credsStore": ["secret"]}', '"secret"', '["secret"]', '[]', '4711', { auths: { 'r.io': { auth: 'c2VjcmV0' } } }, ...wrong]) {
    await assert.rejects(lookUp(t, [bad], 'r.io'), (error) => {
      assert.ok(isFailure(error, 'invalid') && /\.json/.test(error.message), JSON.stringify(bad))
      assert.doesNotMatch(`${error.message} ${String(error.cause)}`, /secret|c2VjcmV0|4711|\n/)
      return true
    })
  }
  const empty = join(await folder(t), 'empty.json')
  await writeFile(empty, '')
  for (const path of ['/nonexistent.json', empty]) await assert.rejects(findCredentials({ host: 'x', path: 'y' }, { files: [{ path, required: true }], askHelper: none }), (error) => isFailure(error, 'invalid'), path)
  assert.equal(await findCredentials({ host: 'x', path: 'y' }, { files: [{ path: empty, required: false }], askHelper: none }), undefined)
})

test('credential-helpers of registries.conf are asked in their order, the files where they stand among them', async (t) => {
  const dir = await folder(t)
  await writeFile(join(dir, 'auth.json'), JSON.stringify({ auths: { 'r.io': auth('file:1'), 'docker.io': auth('hub:1') } }))
  const files = [{ path: join(dir, 'auth.json'), required: false }]
  const asked: string[] = []
  const askHelper: AskHelper = async (name, server) => {
    asked.push(`${name} ${server}`)
    if (name === 'broken') throw new Failure('denied', 'broken')
    return name === 'has' ? { username: name, password: server } : undefined
  }
  const find = async (host: string, helpers?: string[]) => (await findCredentials({ host, path: 'ns/app' }, { files, askHelper, helpers }))?.username
  assert.equal(await find('r.io', ['empty', 'containers-auth.json', 'has']), 'file')
  assert.equal(await find('r.io', ['has', 'containers-auth.json']), 'has')
  assert.equal(await find('r.io', ['empty']), undefined, 'the files are only asked where they are named')
  assert.equal(await find('r.io', []), undefined)
  assert.equal(await find('docker.io', ['empty', 'containers-auth.json']), 'hub')
  assert.deepEqual(asked, ['empty r.io', 'has r.io', 'empty r.io', 'empty https://index.docker.io/v1/', 'empty docker.io'])
  assert.equal(await find('r.io', ['broken', 'containers-auth.json']), 'file')
  await assert.rejects(find('r.io', ['broken', 'empty']), (error) => isFailure(error, 'denied'))
})

test('docker.io’s helper may stand under any of its names', async (t) => {
  const helper: AskHelper = async (name, server) => ({ username: name, password: server })
  for (const key of ['docker.io', 'index.docker.io', 'https://index.docker.io/v1/']) assert.equal(await lookUp(t, [{ credHelpers: { [key]: 'x' } }], 'docker.io', 'library/nginx', helper), `x:${key}`)
})

test('--creds splits at the first colon', () => {
  assert.deepEqual(parseCreds('u:p:q'), { username: 'u', password: 'p:q' })
  assert.deepEqual(parseCreds('u'), { username: 'u', password: '' })
  assert.throws(() => parseCreds(':p'), (error) => isFailure(error, 'invalid'))
})

test('a credential helper is run by the protocol', async (t) => {
  const dir = await folder(t)
  const write = async (name: string, script: string) => {
    await writeFile(join(dir, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`)
    await chmod(join(dir, `docker-credential-${name}`), 0o755)
  }
  await write('ok', 'read server; printf \'{"ServerURL":"%s","Username":"%s","Secret":"s"}\' "$server" "$1-$server-$MARK"')
  await write('token', 'echo \'{"Username":"<token>","Secret":"idt"}\'')
  await write('empty', 'echo "credentials not found in native keychain"; exit 1')
  await write('broken', 'echo "secret stuff" >&2; exit 3')
  await write('odd', 'echo hello')
  await write('number', 'echo \'{"Username":"u","Secret":4711}\'')
  await write('text', 'echo \'"secret"\'')
  await write('list', 'echo \'["secret"]\'')
  await write('endless', 'yes secret')
  const ask = credentialHelper({ dirs: [dir], env: { PATH: '/usr/bin:/bin', MARK: 'm', GONE: undefined } })
  assert.deepEqual(await ask('ok', 'r.io'), { username: 'get-r.io-m', password: 's' })
  assert.deepEqual(await ask('token', 'r.io'), { username: '', password: '', identityToken: 'idt' })
  assert.equal(await ask('empty', 'r.io'), undefined)
  await assert.rejects(ask('broken', 'r.io'), (error) => isFailure(error, 'denied') && /exit code 3/.test(error.message) && !/secret/.test(error.message))
  await assert.rejects(ask('odd', 'r.io'), (error) => isFailure(error, 'invalid'))
  await assert.rejects(ask('number', 'r.io'), (error) => isFailure(error, 'invalid') && !/4711/.test(error.message))
  for (const name of ['text', 'list']) await assert.rejects(ask(name, 'r.io'), (error) => isFailure(error, 'invalid') && !/secret/.test(error.message))
  await assert.rejects(ask('endless', 'r.io'), (error) => isFailure(error, 'invalid') && !/secret/.test(error.message))
  await assert.rejects(ask('missing', 'r.io'), (error) => isFailure(error, 'notFound') && /docker-credential-missing/.test(error.message))
  await assert.rejects(ask('../../bin/sh', 'r.io'), (error) => isFailure(error, 'notFound'))
})

test('files are looked for where the ecosystem keeps them', () => {
  const root = registryFiles({ home: '/root', uid: 0 })
  assert.deepEqual(root.authFiles.map(({ path }) => path), ['/run/containers/0/auth.json', '/root/.config/containers/auth.json', '/root/.docker/config.json', '/root/.dockercfg'])
  const user = registryFiles({ home: '/home/u', uid: 1000, runtimeDir: '/run/user/1000', configHome: '/home/u/cfg', dockerConfigDir: '/d' })
  assert.deepEqual(user.authFiles.map(({ path }) => path), ['/run/user/1000/containers/auth.json', '/home/u/cfg/containers/auth.json', '/d/config.json', '/home/u/.dockercfg'])
  assert.deepEqual(registryFiles({ home: '/root', uid: 0, authFile: '/a.json' }).authFiles, [{ path: '/a.json', required: true }])
})

test('certs.d: authorities and own certificates, whose halves belong together', async (t) => {
  const dir = await folder(t)
  const [ca, cert, key] = ['CERTIFICATE', 'CERTIFICATE', 'EC PRIVATE KEY'].map((what, index) => `-----BEGIN ${what}-----\n${index}\n-----END ${what}-----\n`) as [string, string, string]
  await writeFile(join(dir, 'ca.crt'), ca)
  await writeFile(join(dir, 'me.cert'), cert)
  await assert.rejects(readCertificates([dir], { required: false }), (error) => isFailure(error, 'invalid') && /me\.cert lacks .*me\.key/.test(error.message))
  await writeFile(join(dir, 'me.key'), key)
  assert.deepEqual(await readCertificates(['/nonexistent', dir], { required: false }), { ca: [ca], cert: [cert], key: [key] })
  await writeFile(join(dir, 'other.cert'), ca)
  await writeFile(join(dir, 'other.key'), key)
  assert.deepEqual(await readCertificates([dir], { required: false }), { ca: [ca], cert: [cert, ca], key: [key, key] })
  assert.deepEqual(await readCertificates(['/nonexistent'], { required: false }), {})
  await assert.rejects(readCertificates(['/nonexistent'], { required: true }), (error) => isFailure(error, 'invalid'))
  await writeFile(join(dir, 'ca.crt'), 'not a certificate')
  await assert.rejects(readCertificates([dir], { required: false }), (error) => isFailure(error, 'invalid') && /ca\.crt holds no PEM certificate/.test(error.message))
})
