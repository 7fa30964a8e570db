import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { openEngine } from './open-engine.ts'
import { removePod, stopPod } from './stop-pod.ts'

test('a stop and a removal of a pod that went meanwhile leave nothing', async (t) => {
  const dir = mkdtempSync('/tmp/scow-stop-pod-')
  const engine = await openEngine({ flags: { root: join(dir, 'root'), runroot: join(dir, 'run') } })
  t.after(async () => {
    await engine.close()
    rmSync(dir, { recursive: true })
  })
  const id = 'f'.repeat(64)
  for (const act of [stopPod, removePod]) {
    await act(engine, id)
    assert.ok(!readdirSync(engine.paths.locks).includes(id), act.name)
  }
})
