import { Failure, hostFailure } from '../errors.ts'

/** One line for what the user can mend; the stack for what only we can. */
export const errorLine = (thrown: unknown): string => {
  const error = thrown instanceof Error ? hostFailure(thrown) ?? thrown : thrown
  if (!(error instanceof Failure)) return `Error: internal error: ${error instanceof Error ? error.stack ?? error.message : String(error)}`
  const text = error.hint === undefined ? error.message : `${error.message}; ${error.hint}`
  return `Error: ${text.replaceAll(/\s*\n\s*/g, ': ')}`
}
