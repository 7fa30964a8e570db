// Signal names and numbers, as a user and the OCI specification write them.
import { constants } from 'node:os'
import { Failure } from '../errors.ts'

const RTMIN = 34
const RTMAX = 64
/** Looked up when wanted: most calls need none, and the module takes half a millisecond to load. */
const numbers = (): Readonly<Record<string, number>> => constants.signals

/** `TERM`, `sigterm`, `SIGTERM`, `15`, `RTMIN+3`, `RTMAX-1` -> number. */
export const signalNumber = (text: string): number => {
  const found = /^\d+$/.test(text) ? Number(text) : fromName(text.toUpperCase().replace(/^SIG/, ''))
  if (found === undefined || found < 0 || found > RTMAX)
    throw new Failure('invalid', `unknown signal ${JSON.stringify(text)}`, { hint: 'use a name such as TERM or a number from 1 to 64' })
  return found
}

const fromName = (name: string): number | undefined => {
  const realtime = /^RT(MIN|MAX)([+-]\d+)?$/.exec(name)
  return realtime ? (realtime[1] === 'MIN' ? RTMIN : RTMAX) + Number(realtime[2] ?? 0) : numbers()[`SIG${name}`]
}

/** 15 -> `SIGTERM`, 37 -> `SIGRTMIN+3`. */
export const signalName = (number: number): string =>
  Object.entries(numbers()).find(([, value]) => value === number)?.[0] ?? (number === RTMIN ? 'SIGRTMIN' : `SIGRTMIN+${number - RTMIN}`)
