// Each request of golden/spec/cases.ts against the specification kept for it. SCOW_UPDATE_GOLDEN=1 writes them anew: read the diff.
import assert from 'node:assert/strict'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { buildSpecWithWarnings } from '../src/spec/build-spec.ts'
import { inputs } from '../src/spec/fixtures.ts'
import type { OciSpec } from '../src/spec/oci-spec.ts'
import { specText } from '../src/spec/spec-text.ts'
import { cases } from './golden/spec/cases.ts'
import { configProblems } from './golden/spec/schema.ts'

const folder = join(import.meta.dirname, 'golden/spec')
const update = process.env['SCOW_UPDATE_GOLDEN'] === '1'

/** The built-in seccomp rules have a test of their own and would drown the rest. */
const withoutRules = (spec: OciSpec): OciSpec => {
  const { seccomp } = spec.linux
  return seccomp?.syscalls && seccomp.syscalls.length > 5 ? { ...spec, linux: { ...spec.linux, seccomp: { ...seccomp, syscalls: [] } } } : spec
}

for (const [name, more] of Object.entries(cases)) {
  test(`${name}: the specification is as kept, and right by the OCI schema`, () => {
    const given = { ...inputs(), ...more }
    const before = JSON.stringify(given)
    const { spec, warnings } = buildSpecWithWarnings(given)
    assert.equal(JSON.stringify(given), before, 'the inputs are untouched')
    assert.deepEqual(configProblems(spec), [])
    const text = `{\n"warnings": ${JSON.stringify(warnings, null, 2)},\n"spec": ${specText(withoutRules(spec), 2)}\n}\n`
    const file = join(folder, `${name}.json`)
    if (update) writeFileSync(file, text)
    assert.equal(text, readFileSync(file, 'utf8'))
  })
}

test('no kept specification is without its request', () => {
  const kept = readdirSync(folder).filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -5))
  assert.deepEqual(kept.sort(), Object.keys(cases).sort())
})

test('the schema check itself finds what is wrong', () => {
  const { spec } = buildSpecWithWarnings(inputs())
  assert.match(configProblems({ ...spec, ociVersion: 1 }).join(), /\.ociVersion: not string/)
  assert.match(configProblems({ ...spec, process: { ...spec.process, cwd: undefined, rlimits: [{ type: 'NOFILE', soft: 1, hard: 1 }] } }).join(), /rlimits\[0\]\.type/)
  assert.match(configProblems({ ...spec, linux: { ...spec.linux, rootfsPropagation: 'rslave', typo: 1 } }).join(), /is none of.*has no typo/)
})
