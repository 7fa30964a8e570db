import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import test from 'node:test'
import type { OptionSpec } from '../cli/command.ts'
import { commandHelp } from '../cli/help.ts'
import { ALL } from './all.ts'
import { MOUNTS } from './table.ts'

test('every command of the table is known and prints its help', () => {
  for (const { file, names } of MOUNTS) {
    if (file === 'system/help' || file === 'system/complete') continue
    assert.match(commandHelp(ALL[file]!, `scow ${names[0]}`), /^Usage: scow /, file)
  }
})

test('no name is mounted twice', () => {
  const names = MOUNTS.flatMap((mount) => mount.names)
  assert.deepEqual(names.filter((name, at) => names.indexOf(name) !== at), [])
})

test('every file that exports a command is in the table', () => {
  const known = new Set(MOUNTS.map(({ file }) => file))
  for (const file of Object.keys(ALL)) assert.ok(known.has(file), file)
  assert.equal(known.size, Object.keys(ALL).length + 2)
  assert.ok(globSync('*/*.ts', { cwd: import.meta.dirname }).length > known.size)
})

test('options are keyed by their long name, and say what they do', () => {
  for (const [file, spec] of Object.entries(ALL)) {
    for (const option of Object.values(spec.options as Record<string, OptionSpec<unknown>>)) {
      assert.ok(option.summary.length > 0, `${file} ${option.flags}`)
      assert.equal(option.isSwitch, !option.flags.includes('<'), `${file} ${option.flags}`)
    }
  }
})
