import { Signal } from '../../wire/generated/runtime-v1.ts'
import { SIGNAL_NAMES } from '../../../signals.ts'
import { needKnown } from './check.ts'

/** The name that the engine knows; undefined: the image's or the default. @throws invalid */
export function signalText(signal: Signal): string | undefined {
  if (needKnown(signal, Signal, 'the stop signal') === Signal.RUNTIME_DEFAULT) return undefined
  const [name = ''] = Object.entries(Signal).find(([, value]) => value === signal) ?? []
  return name.replace(/^SIGCLD$/, 'SIGCHLD').replace(/^SIGPOLL$/, 'SIGIO').replace(/^SIGRT(MIN|MAX)(PLUS|MINUS)(\d+)$/, (_, end: string, sign: string, n: string) => `SIGRT${end}${sign === 'PLUS' ? '+' : '-'}${n}`)
}

const RTMIN = 34

/** Linux's number as the CRI names it. The enum counts real-time signals from SIGRTMIN (35) to SIGRTMAX (65) in order. */
export const signalOfNumber = (number: number): Signal =>
  (number >= RTMIN ? (Signal.SIGRTMIN + number - RTMIN) as Signal : (Signal as Record<string, number>)[SIGNAL_NAMES[number - 1] ?? ''] as Signal | undefined) ?? Signal.RUNTIME_DEFAULT
