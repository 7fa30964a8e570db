// Signals of the user. The first SIGINT, SIGTERM, SIGHUP or SIGUSR1 aborts, so that undo runs; the second ends at once.
// A command that is attached to a container takes them over and passes them on.
import { monotonicMs } from '../clock.ts'
import { Failure } from '../errors.ts'

export interface Interrupt {
  readonly signal: AbortSignal
  /** Of a command that was ended by it: 128 + the number of the signal that came first. Undefined until one came. */
  readonly exitCode: number | undefined
  /** Signals named here go to `handler` until the returned function is called. */
  takeOver(signals: readonly NodeJS.Signals[], handler: (signal: NodeJS.Signals) => void): () => void
}

/** SIGUSR1 too, as anywhere: left to itself Node opens its debugger then, for every user of the host to connect to. */
const ENDING: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1']
/** timeout(1) signals a command, and then its group. */
const TOGETHER_MS = 100
const EXIT_CODES: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129, SIGUSR1: 138 }

export function listenForInterrupt(endNow: (code: number) => void): Interrupt {
  // Made when asked for: loading what it is made of takes half a millisecond.
  let made: AbortController | undefined
  const controller = (): AbortController => (made ??= new AbortController())
  let abortedAtMs = 0
  let exitCode: number | undefined
  const taken = new Map<NodeJS.Signals, (signal: NodeJS.Signals) => void>()
  const receive = (signal: NodeJS.Signals): void => {
    const handler = taken.get(signal)
    if (handler) return handler(signal)
    if (controller().signal.aborted) {
      if (monotonicMs() - abortedAtMs > TOGETHER_MS) endNow(EXIT_CODES[signal] ?? 130)
      return
    }
    abortedAtMs = monotonicMs()
    exitCode = EXIT_CODES[signal]
    controller().abort(new Failure('cancelled', `interrupted by ${signal}`))
  }
  for (const signal of ENDING) process.on(signal, receive)
  return {
    get signal() { return controller().signal },
    get exitCode() { return exitCode },
    takeOver(signals, handler) {
      const added = signals.filter((signal) => !ENDING.includes(signal))
      for (const signal of signals) taken.set(signal, handler)
      for (const signal of added) process.on(signal, receive)
      return () => {
        for (const signal of signals) taken.delete(signal)
        for (const signal of added) process.off(signal, receive)
      }
    },
  }
}
