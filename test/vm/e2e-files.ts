import { globSync } from 'node:fs'
import { basename, join } from 'node:path'
import { checkout } from '../support/box.ts'

/** Files of test/e2e that begin with a word of SCOW_TEST_VM_E2E, or all: what the jobs `e2e` and `e2e-jailed` take. */
export function e2eFiles(): string[] {
  const words = (process.env['SCOW_TEST_VM_E2E'] ?? '').split(' ').filter(Boolean)
  const all = globSync('*.test.ts', { cwd: join(checkout, 'test/e2e') }).map((file) => basename(file, '.test.ts')).sort()
  for (const word of words) if (!all.some((file) => file.startsWith(word))) throw new Error(`no file of test/e2e begins with "${word}": there are ${all.join(', ')}`)
  return words.length === 0 ? all : all.filter((file) => words.some((word) => file.startsWith(word)))
}

/** From power on to power off: the longest file has twenty tests, and each takes a minute at most where little else runs. */
export const e2eMinutes = (files: readonly string[]): number => 10 + 20 * files.length
