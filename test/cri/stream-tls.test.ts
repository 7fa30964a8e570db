import '../support/jail.ts'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { WebSocket } from 'ws'
import { eventually, openBox } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'
import { containerConfig, openCri, podConfig, startIn, type Cri } from './cri.ts'
import { connectSpdy } from './spdy-client.ts'

const suite = openSuite()
const PROTOCOLS = ['v4.channel.k8s.io']

/** An authority, a server's certificate for 127.0.0.1 and a client's, both of that authority. */
function makeCertificates(): { dir: string; read(name: string): Buffer } {
  const dir = mkdtempSync('/tmp/certificates-')
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' })
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=authority')
  for (const name of ['server', 'client']) {
    writeFileSync(join(dir, `${name}.ext`), 'subjectAltName=IP:127.0.0.1\n')
    openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
    openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-out', `${name}.crt`, '-extfile', `${name}.ext`)
  }
  return { dir, read: (name) => readFileSync(join(dir, name)) }
}

async function echoUrl(cri: Cri): Promise<() => Promise<string>> {
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig() })
  const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '1000']))
  return async () => (await cri.runtime.exec({ containerId, cmd: ['echo', 'hello'], stdout: true })).url
}

test('with a certificate the streaming address is HTTPS, and asks for one of the given authority', async (t) => {
  const { dir, read } = makeCertificates()
  const cri = await openCri(t, suite, { args: ['--stream-tls-cert', join(dir, 'server.crt'), '--stream-tls-key', join(dir, 'server.key'), '--stream-tls-ca', join(dir, 'ca.crt')] })
  const url = await echoUrl(cri)
  assert.match(await url(), /^https:\/\/127\.0\.0\.1:\d+\/exec\//)
  const trusted = { ca: read('ca.crt'), cert: read('client.crt'), key: read('client.key') }
  const client = await connectSpdy(await url(), PROTOCOLS, trusted)
  await client.open({ streamtype: 'error' })
  const stdout = await client.open({ streamtype: 'stdout' })
  assert.equal((await stdout.whole).toString(), 'hello\n')
  client.close()
  await assert.rejects(connectSpdy(await url(), PROTOCOLS, { ca: read('ca.crt') }), 'without a certificate')
  await assert.rejects(connectSpdy(await url(), PROTOCOLS, { cert: read('client.crt'), key: read('client.key') }), /certificate/, 'an authority that the client does not know')
  await assert.rejects(connectSpdy((await url()).replace('https:', 'http:'), PROTOCOLS))
  const socket = new WebSocket(await url(), ['v5.channel.k8s.io'], trusted)
  const said: Buffer[] = []
  await new Promise<void>((resolve, reject) => socket.on('message', (data: Buffer) => said.push(data)).on('close', () => resolve()).on('error', reject))
  assert.equal(Buffer.concat(said.filter((data) => data[0] === 1).map((data) => data.subarray(1))).toString(), 'hello\n')
})

test('a renewed certificate is used from SIGHUP on, and a broken one is not', async (t) => {
  const [old, renewed] = [makeCertificates(), makeCertificates()]
  const cri = await openCri(t, suite, { args: ['--stream-tls-cert', join(old.dir, 'server.crt'), '--stream-tls-key', join(old.dir, 'server.key')] })
  const url = await echoUrl(cri)
  const trusts = async (ca: Buffer): Promise<boolean> => connectSpdy(await url(), PROTOCOLS, { ca }).then((client) => { client.close(); return true }, () => false)
  const [before, after] = [old.read('ca.crt'), renewed.read('ca.crt')]
  assert.equal(await trusts(before), true)
  for (const name of ['server.crt', 'server.key']) writeFileSync(join(old.dir, name), renewed.read(name))
  assert.equal(await trusts(before), true)
  cri.server.kill('SIGHUP')
  await eventually('the new certificate', () => trusts(after))
  assert.equal(await trusts(before), false)
  writeFileSync(join(old.dir, 'server.key'), 'no key')
  cri.server.kill('SIGHUP')
  await eventually('the complaint', () => /stays as it was: .*server\.key/.test(cri.server.stderr()))
  assert.equal(await trusts(after), true)
})

test('certificates that are no use are named at the start', async (t) => {
  const { dir } = makeCertificates()
  const box = await openBox(t)
  const serve = (...args: string[]) => box.fails(125, 'serve', '--listen', `unix://${box.dir}/cri.sock`, ...args)
  assert.match(await serve('--stream-tls-cert', join(dir, 'server.crt')), /needs its key/)
  assert.match(await serve('--stream-tls-cert', join(dir, 'server.crt'), '--stream-tls-key', '/none'), /cannot read \/none/)
  assert.match(await serve('--stream-tls-cert', join(dir, 'server.crt'), '--stream-tls-key', join(dir, 'client.key')), /cannot use .*server\.crt with .*client\.key/)
  assert.match(await serve('--stream-tls-cert', join(dir, 'server.csr'), '--stream-tls-key', join(dir, 'server.key')), /cannot use .*server\.csr/)
})
