import assert from 'node:assert/strict'
import test from 'node:test'
import { exposition } from './exposition.ts'

test('families are written with their help, type, labels and values', () => {
  assert.equal(exposition([
    { name: 'pods', help: 'Pods by state.', type: 'gauge', samples: [{ labels: { state: 'ready' }, value: 2 }, { labels: { state: 'not "so"\\\nready' }, value: 0.5 }] },
    { name: 'took_seconds', help: 'one\ntwo', type: 'histogram', samples: [{ suffix: '_bucket', labels: { le: '+Inf' }, value: 3 }, { suffix: '_sum', value: Infinity }] },
  ]), `# HELP pods Pods by state.
# TYPE pods gauge
pods{state="ready"} 2
pods{state="not \\"so\\"\\\\\\nready"} 0.5
# HELP took_seconds one\\ntwo
# TYPE took_seconds histogram
took_seconds_bucket{le="+Inf"} 3
took_seconds_sum +Inf
`)
})
