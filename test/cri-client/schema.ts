// docs/cri-schema.json as a judge of what the commands print.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { checkout } from './program.ts'

const ajv = new Ajv2020({ strict: false, allErrors: true })
const schema = JSON.parse(readFileSync(join(checkout, 'docs/cri-schema.json'), 'utf8')) as { $defs: object }
const known = new Map<string, ValidateFunction>()

/** Asserts that `value` is what the schema says of that command's output. */
export function assertShape(command: string, value: unknown): void {
  const name = `output of ${command}`
  assert.ok(name in schema.$defs, `the schema knows no ${name}`)
  if (!known.has(name)) known.set(name, ajv.compile({ ...schema, $ref: `#/$defs/${encodeURIComponent(name)}` }))
  const validate = known.get(name)!
  assert.ok(validate(value), `${name}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(value, null, 1).slice(0, 3000)}`)
}
