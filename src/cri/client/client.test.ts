import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import test from 'node:test'
import { createInflate } from 'node:zlib'
import { mountOf, podFromFlags, portMapping } from './from-flags.ts'
import { containerStatusJson, formatTime } from './inspected.ts'
import { makeLogFolder } from './log-folder.ts'
import { mergeByTime, parseLine, previousLog, readLog } from './log-lines.ts'
import { fromPlain, readContainerConfig, readPodConfig } from './message-files.ts'
import { parsePortPair } from './port-forward.ts'
import { toJson } from './protojson.ts'
import { parseTimeout } from './settings.ts'
import { openSpdySession } from './spdy.ts'
import { withoutSecrets } from './trace/messages.ts'
import { streamingUrl } from './upgrade.ts'
import { meaningOf, spanOf } from './why.ts'
import { ContainerStatus, ContainerConfig, PodSandbox, PodSandboxConfig, RunPodSandboxRequest } from '../wire/generated/runtime-v1.ts'

test('a timeout is a duration or seconds, and none at zero and below', () => {
  assert.deepEqual(['2s', '1m30s', '5', '500ms', '0', '-3s', '0s'].map((text) => parseTimeout(text)), [2000, 90_000, 5000, 500, undefined, undefined, undefined])
  assert.throws(() => parseTimeout('soon'), { kind: 'invalid', message: 'invalid timeout "soon"' })
  assert.throws(() => parseTimeout('soon', 'SOME_TIMEOUT'), { kind: 'invalid', message: 'invalid timeout "soon" in SOME_TIMEOUT' })
})

test('JSON has names of enums, text for 64 bits, defaults, and no messages that are not set', () => {
  const json = toJson(PodSandbox.fromPartial({ id: 'x', state: 1, createdAt: 5n, labels: { b: '2', a_b: '1' } }))
  assert.deepEqual(json, { id: 'x', state: 'SANDBOX_NOTREADY', createdAt: '5', labels: { a_b: '1', b: '2' }, annotations: {}, runtimeHandler: '' })
  assert.deepEqual(Object.keys(json['labels'] as object), ['a_b', 'b'])
  const status = containerStatusJson(ContainerStatus.fromPartial({ state: 0, createdAt: 1_700_000_000_120_000_000n, startedAt: 0n }))
  assert.equal(status['state'], 'CONTAINER_CREATED')
  assert.equal(status['startedAt'], '0001-01-01T00:00:00Z')
  assert.match(String(status['createdAt']), /^2023-11-1\dT\d\d:\d\d:20\.12(Z|[+-]\d\d:\d\d)$/)
  assert.match(formatTime(1n), /\.000000001/)
})

test('files may have the names of either spelling and enums by name or number; labels keep their names', () => {
  const pod = fromPlain(PodSandboxConfig, { log_directory: '/l', labels: { app_name: 'x' }, linux: { security_context: { namespace_options: { network: 2, pid: 'container' } } }, port_mappings: [{ protocol: 'UDP', container_port: 53 }] }, 'f')
  assert.equal(pod.logDirectory, '/l')
  assert.deepEqual(pod.labels, { app_name: 'x' })
  assert.deepEqual([pod.linux?.securityContext?.namespaceOptions?.network, pod.linux?.securityContext?.namespaceOptions?.pid, pod.portMappings[0]?.protocol], [2, 1, 1])
  const container = fromPlain(ContainerConfig, { CDI_devices: [{ name: 'a' }], linux: { resources: { memory_limit_in_bytes: 10 } } }, 'f')
  assert.deepEqual([container.CDIDevices, container.linux?.resources?.memoryLimitInBytes], [[{ name: 'a' }], 10n])
  assert.throws(() => fromPlain(ContainerConfig, { linux: { security_context: { seccomp: { profile_type: 'Odd' } } } }, 'f'), { message: /^f: linux\.security_context\.seccomp\.profile_type: "Odd" is none of/ })
})

test('a file with other types than the CRI has is refused, and the field is named', async () => {
  const dir = mkdtempSync('/tmp/config-')
  const file = join(dir, 'c.json')
  const metadata = { name: 'a', namespace: 'b', uid: 'c' }
  const wrong = async (kind: 'pod' | 'container', fields: object): Promise<string> => {
    writeFileSync(file, JSON.stringify({ metadata, image: { image: 'i' }, ...fields }))
    return (kind === 'pod' ? readPodConfig(file) : readContainerConfig(file)).then(() => 'taken', (error: Error) => error.message.replace(`${file}: `, ''))
  }
  const security = (security_context: object) => ({ linux: { security_context } })
  try {
    assert.equal(await wrong('container', security({ run_as_user: 1000 })), 'linux.security_context.run_as_user: expected an object, not 1000')
    assert.equal(await wrong('pod', security({ privileged: 'false' })), 'linux.security_context.privileged: expected true or false, not "false"')
    assert.equal(await wrong('pod', { portMappings: [{ containerPort: 80.5 }] }), 'portMappings[0].containerPort: expected a whole number from -2147483648 to 2147483647, not 80.5')
    assert.equal(await wrong('pod', { metadata: { ...metadata, attempt: -1 } }), 'metadata.attempt: expected a whole number from 0 to 4294967295, not -1')
    assert.equal(await wrong('pod', { hostname: 5 }), 'hostname: expected a text in quotes, not 5')
    assert.equal(await wrong('container', { command: 'ls' }), 'command: expected a list, not "ls"')
    assert.equal(await wrong('container', { linux: { resources: { memory_limit_in_bytes: '9'.repeat(20) } } }), `linux.resources.memory_limit_in_bytes: expected a whole number of at most 64 bits, not "${'9'.repeat(20)}"`)
    assert.equal(await wrong('container', { linux: [] }), 'linux: expected an object, not a list')
    assert.equal(await wrong('container', { ...security({ run_as_user: { value: '7' } }), hostname: 'not known', CDI_devices: [{ name: 'x' }], tty: null }), 'taken')
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('flags become ports and mounts, or one line', () => {
  assert.deepEqual(portMapping('127.0.0.1:8080:80/udp'), { protocol: 1, containerPort: 80, hostPort: 8080, hostIp: '127.0.0.1' })
  for (const text of ['80', ':80']) assert.throws(() => portMapping(text), { kind: 'unsupported', message: /the CRI chooses no port of the node/ })
  assert.deepEqual([mountOf('/a:/b:ro,rslave').readonly, mountOf('/a:/b:ro,rslave').propagation], [true, 1])
  assert.throws(() => portMapping('0:80'), { kind: 'invalid' })
  assert.throws(() => mountOf('/a:/b:O'), { kind: 'unsupported' })
  assert.deepEqual([parsePortPair('80'), parsePortPair(':80'), parsePortPair('8:9')], [{ local: 80, remote: 80 }, { local: 0, remote: 80 }, { local: 8, remote: 9 }])
  const none = { publish: [], label: [], annotation: [], dns: [], dnsSearch: [], dnsOption: [], sysctl: [], privileged: false }
  assert.equal(podFromFlags({ ...none, name: 'a', namespace: 'b' }).labels['io.kubernetes.pod.namespace'], 'b')
})

test('lines of logs are told from what is none', () => {
  const line = (text: string) => { const parsed = parseLine(Buffer.from(text)); return parsed && [parsed.stream, parsed.bytes.toString()] }
  assert.deepEqual(line('2026-01-01T00:00:00Z stdout F a b'), ['stdout', 'a b\n'])
  assert.deepEqual(line('2026-01-01T00:00:00Z stderr P a '), ['stderr', 'a '])
  assert.deepEqual(line('2026-01-01T00:00:00Z stdout F:x '), ['stdout', '\n'])
  assert.deepEqual(line('{"log":"x\\n","stream":"stderr","time":"2026-01-01T00:00:00Z"}'), ['stderr', 'x\n'])
  for (const wrong of ['', 'x', '2026 stdout', '2026 other F x', '{"log":1}', '{']) assert.equal(line(wrong), undefined, wrong)
  assert.equal(previousLog('/x/y.z/2.log', 2, 'c'), '/x/y.z/1.log')
})

test('a followed log goes on in the file that took its place, and several are merged by time', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'scow-log-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const file = join(dir, '0.log')
  const line = (second: number, text: string) => `2026-01-01T00:00:0${second}.5Z stdout F ${text}\n`
  writeFileSync(file, line(1, 'one'))
  const { signal } = new AbortController()
  const seen: string[] = []
  let asked = 0
  for await (const { bytes } of readLog(file, { signal, isRunning: async () => asked++ < 2 })) {
    seen.push(bytes.toString())
    if (seen.length === 1) { renameSync(file, `${file}.old`); writeFileSync(file, line(2, 'two') + line(3, 'three')) }
  }
  assert.deepEqual(seen, ['one\n', 'two\n', 'three\n'])
  writeFileSync(join(dir, 'b'), line(1, 'b1') + line(4, 'b4'))
  const merged: string[] = []
  for await (const { name, line: { bytes } } of mergeByTime([{ name: 'a', lines: readLog(file, { signal }) }, { name: 'b', lines: readLog(join(dir, 'b'), { signal }) }])) merged.push(name + bytes.toString().trim())
  assert.deepEqual(merged, ['bb1', 'atwo', 'athree', 'bb4'])
})

test('headers of streams can be read by any zlib, in one stream for the whole connection', async () => {
  const wire = new PassThrough()
  const session = openSpdySession(wire, Buffer.alloc(0))
  session.open({ streamType: 'error' }, {})
  session.open({ streamType: 'stdin' }, {})
  const parts: Buffer[] = []
  for (let part = wire.read() as Buffer | null; part; part = wire.read() as Buffer | null) parts.push(part)
  const bytes = Buffer.concat(parts)
  const inflate = createInflate()
  let text = ''
  inflate.on('data', (part: Buffer) => { text += part.toString('latin1') })
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32BE(at + 4) & 0xffffff
    inflate.write(bytes.subarray(at + 18, at + 8 + length))
    at += 8 + length
  }
  await new Promise((resolve) => inflate.flush(() => resolve(undefined)))
  assert.match(text, /streamtype[^]{4}error[^]*streamtype[^]{4}stdin/)
  wire.destroy()
})

test('recordings keep no secrets', () => {
  const request = toJson(RunPodSandboxRequest.fromPartial({ config: { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', plain: 'x' } } }))
  assert.deepEqual((withoutSecrets(request)['config'] as { annotations: object }).annotations, { 'kubectl.kubernetes.io/last-applied-configuration': '[removed]', plain: 'x' })
  const kept = withoutSecrets({ auth: { username: 'ada', password: 'x', auth: 'y' }, envs: [{ key: 'API_TOKEN', value: 'x' }, { key: 'A', value: 'b' }], info: { info: 'x' }, url: 'http://h/exec/abc', stdout: 'aGk=' })
  assert.deepEqual(kept, { auth: { username: 'ada', password: '[removed]', auth: '[removed]' }, envs: [{ key: 'API_TOKEN', value: '[removed]' }, { key: 'A', value: 'b' }], info: '[removed]', url: 'http://h/exec/[removed]', stdout: '2 bytes' })
})

test('an address to stream from without a host is that of the kubelet', () => {
  assert.equal(streamingUrl('/exec/x').href, 'http://127.0.0.1:10250/exec/x')
  assert.equal(streamingUrl('//127.0.0.1:11/cri/exec/x').href, 'http://127.0.0.1:11/cri/exec/x')
  assert.equal(streamingUrl('http:///exec/x').href, 'http://127.0.0.1:10250/exec/x')
  assert.equal(streamingUrl('https://h:1/x').href, 'https://h:1/x')
})

test('a container that ended in the moment of its start did not fail', () => {
  const at = 1_700_000_000_500_000_000n
  assert.match(spanOf({ startedAt: at, finishedAt: at }), /^ended at 2023-/)
  assert.match(spanOf({ startedAt: at, finishedAt: at + 1_500_000_000n }), /^ran from 2023-\S+ to 2023-\S+ \(1\.5 s\)$/)
  assert.match(spanOf({ startedAt: 0n, finishedAt: at }), /^failed at 2023-/)
})

test('exit codes have a meaning', () => {
  assert.match(meaningOf(137).meaning, /SIGKILL/)
  assert.match(meaningOf(139).meaning, /SIGSEGV/)
  assert.match(meaningOf(130).meaning, /SIGINT/)
  assert.match(meaningOf(3).meaning, /program itself/)
})

test('the folder of a log is made for a runtime of this machine alone', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'scow-log-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const pod = PodSandboxConfig.fromPartial({ logDirectory: join(dir, 'pod') })
  const container = ContainerConfig.fromPartial({ logPath: 'main/0.log' })
  makeLogFolder({ address: 'tcp://10.0.0.1:10' }, pod, container)
  makeLogFolder({ address: 'unix:///x.sock' }, pod, ContainerConfig.fromPartial({}))
  assert.ok(!existsSync(join(dir, 'pod')))
  makeLogFolder({ address: 'unix:///x.sock' }, pod, container)
  assert.ok(existsSync(join(dir, 'pod/main')))
  writeFileSync(join(dir, 'file'), '')
  makeLogFolder({ address: 'unix:///x.sock' }, PodSandboxConfig.fromPartial({ logDirectory: join(dir, 'file') }), container)
})

test('YAML has texts in the quotes that Go programs give them', async () => {
  const { formatYaml } = await import('../../yaml.ts')
  assert.equal(formatYaml({ b: ['[]', '{"a":1}', 'null', '12', 'yes', '1.5', '', 'plain text', 'a: b', "it's", '# no'], a: 1n.toString() }),
    `a: "1"\nb:\n- '[]'\n- '{"a":1}'\n- "null"\n- "12"\n- "yes"\n- "1.5"\n- ""\n- plain text\n- 'a: b'\n- it's\n- '# no'\n`)
})

test('a command that never began has its own code, whatever the runtime makes of it', async () => {
  const { codeOfExec } = await import('./remote-command.ts')
  const crio = (why: string): string => `time="2026-01-01T00:00:00Z" level=error msg="exec failed: unable to start container process: exec: \\"x\\": ${why}"\n`
  assert.deepEqual([codeOfExec(255, crio('executable file not found in $PATH')), codeOfExec(255, crio('permission denied')), codeOfExec(-1, crio('permission denied'))], [127, 126, 126])
  assert.equal(codeOfExec(126, 'OCI runtime exec failed: exec failed: unable to start container process: exec: "x": executable file not found in $PATH: unknown'), 127)
  assert.deepEqual([codeOfExec(255, 'mine\n'), codeOfExec(126, ''), codeOfExec(3, crio('permission denied'))], [255, 126, 3])
})
