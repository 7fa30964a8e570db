import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { isFailure } from '../errors.ts'
import { openState, type State } from './state.ts'

const OWNER = { pid: 1, startTime: 1, bootId: 'b' }
const request = { command: [], env: [], terminal: false, stdin: false, labels: [], annotations: [], mounts: [], devices: [], network: { kind: 'none' as const }, ports: [], namespaces: { pid: { kind: 'private' as const }, ipc: { kind: 'private' as const }, uts: { kind: 'private' as const }, cgroup: { kind: 'private' as const } }, security: {}, resources: {}, sysctls: [], log: { driver: 'k8s-file' as const }, restart: { name: 'no' as const } }
const summary = { imageName: 'i', command: [], labels: {}, mounts: [], networks: [], exposed: [], volumes: [], autoRemove: false, restart: 'no', namespaces: {} }

const withState = (name: string, body: (state: State, file: string) => Promise<void>) => test(name, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'scow-state-'))
  const state = openState(join(dir, 'state.db'))
  try { await body(state, join(dir, 'state.db')) } finally { await state.close(); rmSync(dir, { recursive: true }) }
})

async function create(state: State, id: string, name: string): Promise<void> {
  const intentId = await state.containers.reserve({ id, name, intent: { kind: 'create', target: id, owner: OWNER, data: {} } })
  await state.containers.insert({ intentId, summary, record: { version: 1, id, createdAtMs: 1, request, command: [], entrypoint: [], workdir: '/', user: '', hostname: 'h', stopSignal: 15, stopTimeoutSeconds: 10, labels: {}, volumes: [], exposed: [], storageDriver: 'overlay', runtime: { name: 'runc', path: '/runc' }, cgroupManager: 'cgroupfs', logPath: '', createCommand: [] } })
}

const id = (digit: string): string => digit.repeat(64)

withState('a name belongs to one container, from its reservation on', async (state) => {
  await create(state, id('a'), 'web')
  await assert.rejects(create(state, id('b'), 'web'), (error) => isFailure(error, 'exists') && error.message.includes('"web"'))
  assert.equal((await state.intents.list()).length, 0)
  await state.containers.remove({ id: id('a') })
  await create(state, id('b'), 'web')
  assert.deepEqual((await state.containers.list()).map((row) => row.name), ['web'])
})

withState('a container is found by name, id and a prefix that only one has', async (state) => {
  await create(state, `ab${'0'.repeat(62)}`, 'one')
  await create(state, `ac${'0'.repeat(62)}`, 'two')
  assert.equal((await state.containers.find('ab')).name, 'one')
  assert.equal((await state.containers.find('two')).id.slice(0, 2), 'ac')
  await assert.rejects(state.containers.find('a'), (error) => isFailure(error, 'invalid'))
  await assert.rejects(state.containers.find('zz'), (error) => isFailure(error, 'notFound'))
})

withState('an end is recorded once for each start, whoever sees it first', async (state) => {
  await create(state, id('a'), 'web')
  const intentId = await state.intents.open({ kind: 'start', target: id('a'), owner: OWNER, data: {} })
  await state.containers.started({ id: id('a'), intentId, status: { process: OWNER, startedAtMs: 5 } })
  const exit = { exitCode: 3, finishedAtMs: 9, oomKilled: false }
  assert.equal(await state.containers.exited({ id: id('a'), starts: 1, exit }), true)
  assert.equal(await state.containers.exited({ id: id('a'), starts: 1, exit: { ...exit, exitCode: 4 } }), false)
  assert.equal((await state.containers.get(id('a')))?.status.exitCode, 3)
  assert.deepEqual((await state.events.list({})).slice(1).map(({ status, timeMs }) => [status, timeMs]), [['start', 5], ['died', 9]])
})

withState('a host port is published by one container, addresses told apart', async (state) => {
  await create(state, id('a'), 'a')
  await create(state, id('b'), 'b')
  const port = (hostIp: string) => [{ hostIp, hostPort: 80, containerPort: 80, protocol: 'tcp' as const, count: 2 }]
  await state.containers.reservePorts({ id: id('a'), ports: port('127.0.0.1') })
  await state.containers.reservePorts({ id: id('b'), ports: port('127.0.0.2') })
  await assert.rejects(state.containers.reservePorts({ id: id('b'), ports: port('') }), (error) => isFailure(error, 'inUse') && error.message.includes('container a'))
  assert.equal(await state.containers.releasePorts(id('a')), 2)
})

withState('an image stays while a container or an unfinished create leans on it', async (state) => {
  const record = { id: id('1'), digest: 'sha256:1', names: ['docker.io/library/x:1'], digestNames: [], digests: [], chainIds: [], diffIds: [], config: {}, manifestMediaType: '', sizeBytes: 1, pulledAt: '', layers: [] }
  await state.images.put({ record })
  await state.images.put({ record: { ...record, id: id('2') } })
  assert.deepEqual((await state.images.get(id('1')))?.names, [], 'the name moved to the newer image')
  const intentId = await state.intents.open({ kind: 'create', target: 'c', owner: OWNER, imageId: id('1'), data: {} })
  await assert.rejects(state.images.remove({ id: id('1') }), (error) => isFailure(error, 'inUse'))
  await state.intents.close(intentId)
  await state.images.remove({ id: id('1') })
  assert.deepEqual(await state.images.namesEndingIn('x:1'), ['docker.io/library/x:1'])
})

withState('a file of a newer program is read but not written', async (state, file) => {
  await create(state, id('a'), 'web')
  const raw = new (process.getBuiltinModule('node:sqlite').DatabaseSync)(file)
  raw.exec('PRAGMA user_version = 999')
  raw.close()
  const older = openState(file)
  assert.equal((await older.containers.list()).length, 1)
  await assert.rejects(older.containers.remove({ id: id('a') }), (error) => isFailure(error, 'unsupported'))
  await older.close()
})

withState('nobody else reads the file, nor one that an earlier program left open to all', async (state, file) => {
  const modes = () => ['', '-wal', '-shm'].map((end) => statSync(`${file}${end}`).mode & 0o777)
  await create(state, id('a'), 'web')
  assert.deepEqual(modes(), [0o600, 0o600, 0o600])
  for (const end of ['', '-wal', '-shm']) chmodSync(`${file}${end}`, 0o644)
  await openState(file).close()
  assert.deepEqual(modes(), [0o600, 0o600, 0o600])
})

test('a damaged file is named with what to do', () => {
  const dir = mkdtempSync(join(tmpdir(), 'scow-state-'))
  writeFileSync(join(dir, 'state.db'), 'no database '.repeat(1000))
  assert.throws(() => openState(join(dir, 'state.db')), (error) => isFailure(error, 'invalid') && error.hint!.includes('state.db-wal'))
  rmSync(dir, { recursive: true })
})

withState('sixteen processes that write at once lose nothing', async (state, file) => {
  const script = `
    const { openState } = await import(${JSON.stringify(new URL('./state.ts', import.meta.url).href)})
    const state = openState(${JSON.stringify(file)})
    for (let i = 0; i < 20; i++) await state.events.add({ type: 'system', status: 'tick', id: process.argv[1], name: '', image: '', attributes: {}, timeMs: i }, { durable: false })
    process.exit(0)`
  const codes = await Promise.all(Array.from({ length: 16 }, (_, n) => new Promise((resolve) => {
    spawn(process.execPath, ['--input-type=module', '-e', script, String(n)], { stdio: 'inherit' }).on('exit', resolve)
  })))
  assert.deepEqual(new Set(codes), new Set([0]))
  assert.equal((await state.events.list({})).length, 320)
})
