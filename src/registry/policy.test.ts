import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parseReference } from '../image/reference.ts'
import { failure, fill, NO_FILES, open, serve } from './client-fixture.ts'
import { checkPolicy as check, pathIdentity, readPolicy, registryIdentity } from './policy.ts'

const checkPolicy = (policy: Awaited<ReturnType<typeof readPolicy>>, name: string): void => { check(policy, registryIdentity(parseReference(name))) }
const accept = [{ type: 'insecureAcceptAnything' }]
const reject = [{ type: 'reject' }]

async function file(t: TestContext, content: unknown): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'scow-policy-'))
  t.after(() => rm(dir, { recursive: true }))
  const path = join(dir, 'policy.json')
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

test('the narrowest scope decides', async (t) => {
  const path = await file(t, { default: reject, transports: { docker: { 'r.example.com/team': accept, 'r.example.com/team/app:2': reject, '*.example.net': accept, 'docker.io/library/busybox': accept } } })
  const policy = await readPolicy(['/nonexistent', path])
  for (const name of ['r.example.com/team/app:1', 'r.example.com/team/deep/app', 'a.b.example.net/x', 'busybox']) checkPolicy(policy, name)
  for (const name of ['r.example.com/team/app:2', 'r.example.com/teams/app', 'example.net/x', 'debian', `r.example.org/x@sha256:${'a'.repeat(64)}`]) {
    assert.throws(() => checkPolicy(policy, name), failure('denied', /the policy of .*policy\.json rejects it/))
  }
  const every = await readPolicy([await file(t, { default: reject, transports: { docker: { '': accept } } })])
  checkPolicy(every, 'debian')
})

test('what lies at a path is judged by its transport and the directories above it', async (t) => {
  const policy = await readPolicy([await file(t, { default: reject, transports: { 'oci-archive': { '/srv/images': accept, '/srv/images/bad.tar': reject, '/srv/images/bad.tar:good': accept }, 'docker-archive': { '': accept } } })])
  const judge = (transport: string, path: string, image?: string) => () => { check(policy, pathIdentity({ transport, path, image })) }
  for (const allowed of [judge('oci-archive', '/srv/images/a.tar'), judge('oci-archive', '/srv/images/bad.tar', 'good'), judge('docker-archive', '/any.tar'), judge('docker-archive', '')]) allowed()
  for (const refused of [judge('oci-archive', '/srv/images/bad.tar'), judge('oci-archive', '/srv/other.tar'), judge('oci-archive', ''), judge('dir', '/srv/images')]) assert.throws(refused, failure('denied', /rejects it/))
})

test('without a file everything may be taken; what wants a signature may not', async (t) => {
  checkPolicy(await readPolicy(['/nonexistent']), 'debian')
  const signed = await readPolicy([await file(t, { default: [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: '/k' }] })])
  assert.throws(() => checkPolicy(signed, 'debian'), failure('denied', /wants a signature \(signedBy\), which cannot be checked yet/))
})

test('a file that is no policy is refused, and nothing is asked of a registry then or where it is rejected', async (t) => {
  for (const broken of ['{', '[]', { default: [] }, { transports: {} }, { default: accept, transports: { docker: { x: 'y' } } }]) {
    await assert.rejects(readPolicy([await file(t, broken)]), failure('invalid', /policy\.json/))
  }
  const server = await serve(t)
  fill(server)
  const registry = open(t, { files: { ...NO_FILES, policies: [await file(t, { default: reject })] } })
  await assert.rejects(registry.resolve(parseReference(`${server.host}/app:1`)), failure('denied', /rejects it/))
  assert.equal(server.seen.length, 0)
})
