import assert from 'node:assert/strict'
import test from 'node:test'
import { ContainerStats, ListContainerStatsResponse } from '../wire/generated/runtime-v1.ts'
import { listedOneByOne } from './one-by-one.ts'

test('a list that is put into words one by one is the message that it would be at once, and others come between', async () => {
  const ids = Array.from({ length: 300 }, (_, index) => `container-${index}`)
  let [turns, isOver] = [0, false]
  const count = (): void => {
    turns++
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  const bytes = await listedOneByOne<string, ContainerStats>(ids, async (id) => (id.endsWith('7') ? undefined : { attributes: { id, labels: { a: 'b' } }, cpu: { timestamp: 5n } }), ContainerStats)
  isOver = true
  const stats = ids.filter((id) => !id.endsWith('7')).map((id) => ({ attributes: { id, labels: { a: 'b' } }, cpu: { timestamp: 5n } }))
  assert.deepEqual(ListContainerStatsResponse.decode(bytes), ListContainerStatsResponse.fromPartial({ stats }))
  assert.ok(turns >= ids.length, `only ${turns} turns`)
})
