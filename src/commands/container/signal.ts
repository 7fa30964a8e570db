import { Failure } from '../../errors.ts'
import { signalNumber } from '../../signals.ts'

/** A signal by name or number. @throws Failure invalid, naming `flag` */
export function readSignal(text: string, flag: string): number {
  const number = signalNumber(text)
  if (number === undefined) throw new Failure('invalid', `invalid value "${text}" for ${flag}: there is no such signal`, { hint: 'use a name such as TERM, or a number up to 64' })
  return number
}
