import assert from 'node:assert/strict'
import test from 'node:test'
import { Failure } from '../../errors.ts'
import { unlessGone, type Chosen } from './select.ts'

const one: Chosen = { id: 'a1', name: 'one', typed: 'one' }
const failing = (kind: 'notFound' | 'wrongState') => async (): Promise<string> => { throw new Failure(kind, 'it has gone') }

test('of those that nobody named, one that has gone meanwhile is no error', async () => {
  for (const selection of [{ args: [], all: true }, { args: [], filter: ['name=x'] }]) assert.equal(await unlessGone(selection, failing('notFound'))(one), undefined)
  assert.equal(await unlessGone({ args: [], all: true }, async ({ typed }) => typed)(one), 'one')
  for (const selection of [{ args: ['one'] }, { args: [], latest: true }, { args: [], cidfile: ['file'] }]) await assert.rejects(unlessGone(selection, failing('notFound'))(one), /it has gone/)
})

test('one that is in another state now is an error, except where the act is meant for that state alone', async () => {
  await assert.rejects(unlessGone({ args: [], all: true }, failing('wrongState'))(one), /it has gone/)
  assert.equal(await unlessGone({ args: [], all: true }, failing('wrongState'), ['notFound', 'wrongState'])(one), undefined)
})
