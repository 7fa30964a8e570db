// Signals by name or number. The engine has the table; the flag's name goes into the message here.
import { constants } from 'node:os'
import { Failure } from '../../errors.ts'

const NUMBERS = constants.signals as Readonly<Record<string, number>>
const RTMIN = 34
const RTMAX = 64

export const SIGNAL_NAMES: readonly string[] = Object.keys(NUMBERS).filter((name) => !['SIGIOT', 'SIGPOLL', 'SIGUNUSED'].includes(name))

/** @throws Failure invalid */
export function readSignal(text: string, flag: string): number {
  const name = text.toUpperCase().replace(/^SIG/, '')
  const realtime = /^RT(MIN|MAX)([+-]\d+)?$/.exec(name)
  const number = /^\d+$/.test(text) ? Number(text)
    : realtime ? (realtime[1] === 'MIN' ? RTMIN : RTMAX) + Number(realtime[2] ?? 0) : NUMBERS[`SIG${name}`]
  if (number === undefined || number > RTMAX || number < 0) throw new Failure('invalid', `invalid value "${text}" for ${flag}: there is no such signal`, { hint: 'use a name such as TERM, or a number up to 64' })
  return number
}
