// What man pages say beyond flags is what the commands take.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after } from 'node:test'
import { LISTINGS } from '../../src/commands/manual/listings.ts'

const dir = mkdtempSync(join(tmpdir(), 'scow-manual-'))
after(() => rmSync(dir, { recursive: true, force: true }))

for (const [name, sections] of Object.entries(LISTINGS).filter(([, all]) => all.some(({ heading }) => heading === 'FILTERS'))) {
  test(`the filters of ${name} are those of its page`, () => {
    const words = [...name.split(' '), ...(name.endsWith('prune') ? ['--force'] : []), '--filter', 'nosuchkey=1']
    const { stderr } = spawnSync(process.execPath, ['--', join(import.meta.dirname, '../../src/main.ts'), '--root', join(dir, 'root'), '--runroot', join(dir, 'run'), ...words], { encoding: 'utf8' })
    const [, known = ''] = /unknown key "nosuchkey"; use (?:one of )?(.*)$/m.exec(stderr) ?? assert.fail(stderr)
    const named = sections.flatMap(({ heading, terms = [] }) => (heading === 'FILTERS' ? terms.flatMap(([term]) => term.split(', ').map((text) => text.slice(0, text.indexOf('=')))) : []))
    assert.deepEqual(named.sort(), known.split(/, | or /).sort())
  })
}
