// Importing this first puts a test file into a jail of its own (jail.sh): it starts itself again inside and ends.
// Files can then run side by side, and nothing of theirs can stay on the machine.
import { spawnSync } from 'node:child_process'
import { constants } from 'node:os'
import { join } from 'node:path'

// SCOW_TEST_NO_JAIL: on a machine that is itself made for the tests.
if (!process.env['SCOW_TEST_NO_JAIL'] && process.env['SCOW_JAIL_FILE'] !== process.argv[1]) {
  const command = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  const { status, signal, error } = spawnSync(join(import.meta.dirname, 'jail.sh'), command,
    { stdio: 'inherit', env: { ...process.env, SCOW_JAIL_FILE: process.argv[1]! } })
  if (error) throw error
  process.exit(status ?? 128 + constants.signals[signal!])
}
