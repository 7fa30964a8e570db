// Go templates for `--format`. Loaded only when a template is given.
import { Failure } from '../../errors.ts'
import { evaluate } from './evaluate.ts'
import { FUNCTIONS } from './functions.ts'
import { TemplateError } from './lex.ts'
import { parse } from './parse.ts'

const NAMES: ReadonlySet<string> = new Set(Object.keys(FUNCTIONS))

/** Returns a function that renders a value. `name` shows in errors. @throws Failure invalid, then and at rendering. */
export function compileTemplate(name: string, source: string): (value: unknown) => string {
  const parsed = failing(`template: ${name}:`, () => parse(source, NAMES))
  return (value) => failing(`template: ${name}: executing "${name}" `, () => evaluate(parsed, value))
}

const failing = <T>(prefix: string, work: () => T): T => {
  try {
    return work()
  } catch (error) {
    if (error instanceof TemplateError) throw new Failure('invalid', prefix + error.message)
    throw error
  }
}
