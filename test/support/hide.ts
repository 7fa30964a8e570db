import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import type { TestContext } from 'node:test'

/** Puts something that is no program in the place of these files, until the test ends and for this jail alone. Those that are not there are passed over. */
export function hide(t: TestContext, ...paths: string[]): void {
  replace(t, '/dev/null', paths)
}

/** Puts `file` in their place instead. */
export function replace(t: TestContext, file: string, paths: readonly string[]): void {
  assert.ok(process.env['SCOW_JAIL'] || process.env['SCOW_TEST_NO_JAIL'], 'only in a jail or on a machine made for the tests')
  for (const path of new Set(paths.filter(existsSync).map((path) => realpathSync(path)))) {
    assert.equal(spawnSync('mount', ['--bind', file, path]).status, 0)
    t.after(() => { assert.equal(spawnSync('umount', [path]).status, 0) })
  }
}
