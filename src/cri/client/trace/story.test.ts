import assert from 'node:assert/strict'
import test from 'node:test'
import { callLine, Names, story } from './story.ts'
import type { TracedCall } from './trace.ts'

const call = (rpc: string, more: Partial<TracedCall> = {}): TracedCall =>
  ({ time: '2026-01-02T03:04:05.678Z', rpc, version: 'v1', durationMs: 1.5, code: 0, responses: 1, ...more })

test('a pod has its whole story, with the pulls for it and whatever its name, and images have none', () => {
  const metadata = { name: 'kube-proxy-node1.example.com', namespace: 'kube-system' }
  const page = story([
    call('RunPodSandbox', { request: { config: { metadata } }, response: { podSandboxId: 'p1' } }),
    call('PullImage', { request: { image: { image: 'registry.example.com/proxy:1' }, sandboxConfig: { metadata } } }),
    call('PullImage', { request: { image: { image: 'example.com/other' } } }),
    call('CreateContainer', { request: { podSandboxId: 'p1', config: { metadata: { name: 'main' } }, sandboxConfig: { metadata } }, response: { containerId: 'c1' } }),
    call('StartContainer', { request: { containerId: 'c1' } }),
  ], { top: 1 })
  assert.deepEqual([...page.matchAll(/^\S+\/\S+:$/gm)].map(([text]) => text), ['kube-system/kube-proxy-node1.example.com:'])
  assert.match(page, /:\n {2}\S+ +\S+ ms {2}RunPodSandbox .*\n.*PullImage +registry\.example\.com\/proxy:1\n.*CreateContainer .*\n.*StartContainer .*\n$/)
})

test('events that their caller left are neither a failure nor slow; those that the runtime refused are', () => {
  const left = call('GetContainerEvents', { code: -1, error: 'the caller left', durationMs: 600_000, responses: 3 })
  const page = story([left, call('Version'), call('StartContainer', { code: 5, error: 'not found', request: { containerId: 'abc' }, durationMs: 20 })], { top: 10 })
  assert.match(page, /^3 calls, 1 failed\n/)
  assert.match(page, /\n {2}GetContainerEvents +1 +0 /)
  assert.match(page, /\nSlowest:\n {2}\S+ +20 ms {2}StartContainer +abc {2}NotFound: not found\n {2}\S+ +1\.50 ms {2}Version\n\n/)
  assert.equal(callLine(left, new Names()), '03:04:05.678   600000 ms  GetContainerEvents     3 messages')
  assert.match(story([call('GetContainerEvents', { code: 12, error: 'there are none' })], { top: 10 }), /^1 calls, 1 failed\n/)
  assert.match(story([call('ListContainers', { code: -1, error: 'the caller left' })], { top: 10 }), /^1 calls, 1 failed\n/)
})
