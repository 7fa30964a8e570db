import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import type { TestContext } from 'node:test'

/** Puts something that is no program in the place of these files, until the test ends and for this jail alone. Those that are not there are passed over. */
export function hide(t: TestContext, ...paths: string[]): void {
  assert.ok(process.env['SCOW_JAIL'] || process.env['SCOW_TEST_NO_JAIL'], 'only in a jail or on a machine made for the tests')
  for (const path of new Set(paths.filter(existsSync).map((file) => realpathSync(file)))) {
    assert.equal(spawnSync('mount', ['--bind', '/dev/null', path]).status, 0)
    t.after(() => { assert.equal(spawnSync('umount', [path]).status, 0) })
  }
}
