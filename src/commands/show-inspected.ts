// The common end of every `inspect`: an array of JSON documents, or a template for each; what is missing is an error
// after the rest.
import type { Output } from '../cli/output.ts'
import { isJsonFormat, printJson, renderOne } from '../cli/report.ts'
import { exitCodeOf, isFailure } from '../errors.ts'

const INDENT = 5

export interface Inspection {
  readonly names: readonly string[]
  readonly format: string | undefined
  readonly look: (name: string) => Promise<unknown>
  readonly out: Output
}

export async function showInspected({ names, format, look, out }: Inspection): Promise<number> {
  const found: unknown[] = []
  const errors: unknown[] = []
  for (const name of names) {
    try {
      found.push(await look(name))
    } catch (error) {
      if (!isFailure(error)) throw error
      errors.push(error)
    }
  }
  if (!format || isJsonFormat(format)) printJson(out, found, INDENT)
  else for (const one of found) out.write(await renderOne('inspect', normalise(format), one))
  for (const error of errors) out.error(error)
  return errors.length === 0 ? 0 : exitCodeOf(errors[0])
}

/** Short names that users know from other tools. */
const normalise = (format: string): string => format.replace(/^table\s+/, '').replaceAll('.Src', '.Source').replaceAll('.Dst', '.Destination')
