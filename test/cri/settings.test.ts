import '../support/jail.ts'
import { status } from '@grpc/grpc-js'
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import test, { afterEach } from 'node:test'
import { NamespaceMode } from '../../src/cri/wire/generated/runtime-v1.ts'
import { eventually } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'
import { codeOf, openCri, podConfig } from './cri.ts'

const suite = openSuite()
const FILE = '/etc/scow/scow.toml'
const ALONE = { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } } }
const UNTRUSTED = { annotations: { 'io.kubernetes.cri.untrusted-workload': 'true' } }

function settings(text: string): void {
  mkdirSync('/etc/scow', { recursive: true })
  writeFileSync(FILE, text)
}
afterEach(() => rmSync(FILE, { force: true }))

test('settings of the file hold, and new ones after SIGHUP, with pods running on', async (t) => {
  settings(`[serve]\nlog_format = "json"\npinned_images = ["${suite.busybox}"]\n[serve.handlers]\nfast = "crun"\n`)
  const cri = await openCri(t, suite)
  const handlers = async () => (await cri.runtime.status()).runtimeHandlers.map(({ name }) => name)
  const pinned = async () => (await cri.images.imageStatus({ image: { image: suite.busybox } })).image?.pinned
  assert.ok((await handlers()).includes('fast'))
  assert.equal(await pinned(), true)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE), runtimeHandler: 'fast' })
  const { info, status: pod } = await cri.runtime.podSandboxStatus({ podSandboxId, verbose: true })
  assert.equal(pod?.runtimeHandler, 'fast')
  assert.equal((JSON.parse(info['info']!) as { record: { request: { runtime: string } } }).record.request.runtime, 'crun')
  assert.equal(await codeOf(cri.runtime.runPodSandbox({ config: podConfig({ ...ALONE, ...UNTRUSTED }) })), status.INVALID_ARGUMENT)

  settings('[serve]\nlog_format = "logfmt"\nuntrusted_handler = "careful"\n[serve.handlers]\ncareful = "crun"\n')
  cri.server.kill('SIGHUP')
  await eventually('the new handler', async () => (await handlers()).includes('careful'))
  assert.equal((await handlers()).includes('fast'), false)
  assert.equal(await pinned(), false)
  const untrusted = await cri.runtime.runPodSandbox({ config: podConfig({ ...ALONE, ...UNTRUSTED }) })
  const told = await cri.runtime.podSandboxStatus({ podSandboxId: untrusted.podSandboxId, verbose: true })
  assert.equal((JSON.parse(told.info['info']!) as { record: { request: { runtime: string } } }).record.request.runtime, 'crun')
  const onHost = { ...UNTRUSTED, linux: { securityContext: { namespaceOptions: { network: NamespaceMode.NODE } } } }
  assert.equal(await codeOf(cri.runtime.runPodSandbox({ config: podConfig(onHost) })), status.INVALID_ARGUMENT)

  settings('[serve]\nstream_port = "many"\n')
  cri.server.kill('SIGHUP')
  await eventually('the complaint', () => /stays as it was.*stream_port/.test(cri.server.stderr()))
  assert.ok((await handlers()).includes('careful'))
  assert.ok((await cri.runtime.listPodSandbox()).items.length === 2)
  assert.match(await cri.box.fails(125, 'serve', '--listen', `unix://${cri.box.dir}/second.sock`), /^Error: another server works with \S+ and \S+; stop it first, /)

  const lines = cri.server.stderr().trim().split('\n')
  const first = JSON.parse(lines[0]!) as Record<string, string>
  assert.deepEqual([first['level'], first['msg']], ['info', `listening on unix://${cri.socket}`])
  assert.ok(Number.isFinite(Date.parse(first['time']!)))
  const refusal = lines.map((line) => { try { return JSON.parse(line) as Record<string, unknown> } catch { return {} } }).find((line) => line['rpc'] === 'RunPodSandbox')
  assert.equal(refusal?.['code'], 'INVALID_ARGUMENT')
  assert.match(lines.at(-1)!, /^time=\S+ level=error msg="the configuration stays as it was: /)
})

test('the socket and the streaming address come from the file where no flag says another', async (t) => {
  settings('[serve]\nlisten = "unix:///tmp/from-file.sock"\nstream_address = "127.0.0.2"\n')
  const box = await suite.box(t)
  const server = box.start(['--log-level', 'info', 'serve'])
  await server.sees(/listening on unix:\/\/\/tmp\/from-file.sock/)
  server.kill('SIGTERM')
  assert.equal((await server.end()).code, 0)
  assert.match(await box.fails(125, 'serve', '--pin-image', 'No Image'), /No Image/)
  settings('[serve]\nlog_format = "poems"\n')
  assert.match(await box.fails(125, 'serve'), /scow.toml: \[serve\] log_format must be one of logfmt, json/)
})

test('a socket takes the place of no other file, and what cannot be listened on is told', async (t) => {
  const box = await suite.box(t)
  writeFileSync('/tmp/precious', 'kept')
  assert.match(await box.fails(125, 'serve', '--listen', '/tmp/precious'), /cannot listen on \/tmp\/precious: it is there, and no socket/)
  assert.equal(readFileSync('/tmp/precious', 'utf8'), 'kept')
  symlinkSync('/tmp/nowhere', '/tmp/link.sock')
  assert.match(await box.fails(125, 'serve', '--listen', '/tmp/link.sock'), /no socket/)
  assert.match(await box.fails(125, 'serve', '--listen', '/tmp'), /no socket/)
  assert.match(await box.fails(125, 'serve', '--listen', '/tmp/precious/x.sock'), /^Error: cannot listen on \/tmp\/precious\/x.sock: /)
  assert.match(await box.fails(125, 'serve', '--listen', '/proc/none/x.sock'), /^Error: cannot listen on \/proc\/none\/x.sock: \/proc\/none: no such file or directory/)
  assert.match(await box.fails(125, 'serve', '--listen', `/tmp/${'a'.repeat(120)}`), /107 bytes at most/)
  assert.match(await box.fails(125, 'serve', '--stream-port', '70000'), /^Error: --stream-port must be a port, not 70000/)
  assert.match(await box.fails(125, 'serve', '--stream-address', '192.0.2.1'), /^Error: cannot listen on 192\.0\.2\.1, port 0, for exec, attach and port-forward: /)
})

test('a setting that is misspelled is told of, and the server starts', async (t) => {
  settings('[serve]\nlisten = "unix:///tmp/misspelled.sock"\npined_images = ["a"]\n[serve.handler]\nfast = "crun"\n')
  const box = await suite.box(t)
  const server = box.start(['serve'])
  await server.sees(/listening on/)
  server.kill('SIGTERM')
  const { code, stderr } = await server.end()
  assert.equal(code, 0)
  assert.match(stderr, /^time=\S+ level=warn msg="\/etc\/scow\/scow\.toml: \[serve\] has no such setting: pined_images \(pinned_images\?\), handler \(handlers\?\)"\n[^\n]*listening on[^\n]*\n$/)
})
