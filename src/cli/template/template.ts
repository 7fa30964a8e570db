// Go templates for `--format`. Loaded only when a template is given.
import { Failure } from '../../errors.ts'
import { evaluate } from './evaluate.ts'
import { FUNCTIONS, type Functions } from './functions.ts'
import { TemplateError } from './lex.ts'
import { parse } from './parse.ts'

/** Returns a function that renders a value. `name` shows in errors; `own`: functions besides or instead of the usual. @throws Failure invalid, then and at rendering. */
export function compileTemplate(name: string, source: string, own: Functions = {}): (value: unknown) => string {
  const functions = { ...FUNCTIONS, ...own }
  const parsed = failing(`template: ${name}:`, () => parse(source, new Set(Object.keys(functions))))
  return (value) => failing(`template: ${name}: executing "${name}" `, () => evaluate(parsed, value, functions))
}

const failing = <T>(prefix: string, work: () => T): T => {
  try {
    return work()
  } catch (error) {
    if (error instanceof TemplateError) throw new Failure('invalid', prefix + error.message)
    throw error
  }
}
