import { parseMoment } from '../cli/value.ts'
import { Failure } from '../errors.ts'

/** Prepares the value of `--filter until=`: milliseconds since 1970, as text. @throws Failure invalid */
export function until(value: string): string {
  try {
    return String(parseMoment(value))
  } catch (error) {
    throw new Failure('invalid', `invalid filter "until=${value}": ${(error as Error).message}`)
  }
}
