import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import type { TestContext } from 'node:test'

/** Puts something that is no program in the place of these files, in this jail and until the test ends. Those that are not there are passed over. */
export function hide(t: TestContext, ...paths: string[]): void {
  assert.ok(process.env['SCOW_JAIL'], 'only in a jail')
  for (const path of new Set(paths.filter(existsSync).map((file) => realpathSync(file)))) {
    assert.equal(spawnSync('mount', ['--bind', '/dev/null', path]).status, 0)
    t.after(() => { assert.equal(spawnSync('umount', [path]).status, 0) })
  }
}
