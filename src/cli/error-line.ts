import { Failure } from '../errors.ts'

/** One line for what the user can mend; the stack for what only we can. */
export const errorLine = (error: unknown): string => {
  if (!(error instanceof Failure)) return `Error: internal error: ${error instanceof Error ? error.stack ?? error.message : String(error)}`
  const text = error.hint === undefined ? error.message : `${error.message}; ${error.hint}`
  return `Error: ${text.replaceAll(/\s*\n\s*/g, ': ')}`
}
