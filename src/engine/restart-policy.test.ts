import assert from 'node:assert/strict'
import test from 'node:test'
import type { RestartPolicy } from '../spec/request.ts'
import type { Container } from '../state/containers.ts'
import type { ContainerStatus } from '../state/container-status.ts'
import { restartDelayMs, wantsRestart } from './restart-policy.ts'

const container = (restart: RestartPolicy, status: ContainerStatus) => ({ status, record: { request: { restart } } }) as unknown as Container

test('always starts again whatever the code, unless a person stopped it', () => {
  assert.equal(wantsRestart(container({ name: 'always' }, { exitCode: 0 })), true)
  assert.equal(wantsRestart(container({ name: 'always' }, { exitCode: 0, stoppedByUser: true })), false)
})
test('on-failure looks at the code and counts', () => {
  const policy = { name: 'on-failure', maxRetries: 2 } as const
  assert.equal(wantsRestart(container(policy, { exitCode: 0 })), false)
  assert.equal(wantsRestart(container(policy, { exitCode: 1, restarts: 1 })), true)
  assert.equal(wantsRestart(container(policy, { exitCode: 1, restarts: 2 })), false)
  assert.equal(wantsRestart(container({ name: 'on-failure', maxRetries: 0 }, { exitCode: 1, restarts: 99 })), true)
})
test('the back-off doubles up to a minute and begins anew after a good run', () => {
  const delay = (restarts: number, ranMs: number) => restartDelayMs(container({ name: 'always' }, { restarts, startedAtMs: 0, finishedAtMs: ranMs }))
  assert.deepEqual([0, 1, 2, 9, 10, 500].map((restarts) => delay(restarts, 5)), [100, 200, 400, 51_200, 60_000, 60_000])
  assert.equal(delay(9, 10_000), 100)
})
