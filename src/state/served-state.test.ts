import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test, { type TestContext } from 'node:test'
import { openServedState } from './served-state.ts'
import { openState, type State } from './state.ts'

const OWNER = { pid: process.pid, startTime: 1, bootId: 'boot' }
const record = (id: string) => ({ id, createdAtMs: 1, request: { name: id } }) as never

function open(t: TestContext): { file: string; served: State } {
  const dir = mkdtempSync('/tmp/scow-served-')
  const served = openServedState(join(dir, 'state.db'))
  t.after(async () => {
    await served.close()
    rmSync(dir, { recursive: true })
  })
  return { file: join(dir, 'state.db'), served }
}

async function addPod(state: State, id: string): Promise<void> {
  const intentId = await state.pods.reserve({ id, name: id, intent: { kind: 'pod', target: id, owner: OWNER, data: {} } })
  await state.pods.insert({ record: record(id), status: {} as never, intentId })
}

const listed = async (state: State): Promise<string[]> => (await state.pods.list()).map(({ id }) => id)

test('a list is read again when somebody has written, and only then', async (t) => {
  const { file, served } = open(t)
  const before = await served.pods.list()
  assert.deepEqual(before, [])
  assert.equal(await served.pods.list(), before)
  await addPod(served, 'ours')
  assert.deepEqual(await listed(served), ['ours'])
  const other = openState(file)
  await addPod(other, 'theirs')
  assert.deepEqual(await listed(served), ['ours', 'theirs'])
  await served.pods.remove({ id: 'ours' })
  assert.deepEqual(await listed(served), ['theirs'])
  assert.equal(await served.pods.list(), await served.pods.list())
  await other.close()
})

test('while another process writes, reads are answered at once and writes wait for it', async (t) => {
  const { file, served } = open(t)
  await addPod(served, 'first')
  let added = false
  const holder = new DatabaseSync(file)
  holder.exec('BEGIN IMMEDIATE')
  const waiting = addPod(served, 'second').then(() => { added = true })
  for (let reads = 0; reads < 50; reads++) {
    assert.deepEqual(await listed(served), ['first'])
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  assert.equal(added, false)
  holder.exec('ROLLBACK')
  holder.close()
  await waiting
  assert.deepEqual(await listed(served), ['first', 'second'])
})
