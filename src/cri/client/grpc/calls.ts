// The two kinds of calls that the CRI has: one answer, or a stream of them.
import { LONGEST_TIMER_MS } from '../../../clock.ts'
import { CallError, status } from './call-error.ts'
import { PROVE_EVERY_MS, type Begun, type Session } from './session.ts'

export interface Asked {
  readonly path: string
  readonly message: Uint8Array
  /** Undefined: it may take for ever. */
  readonly timeoutMs?: number | undefined
  readonly signal: AbortSignal
}

/** The answer. @throws CallError */
export function callOnce(session: Session, asked: Asked): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let answer: Buffer | undefined
    watch(session, asked, (settle) => session.begin({
      ...asked, onMessage: (message) => { answer ??= message },
      onEnd: (error) => {
        settle()
        if (error) reject(error)
        else if (answer) resolve(answer)
        else reject(new CallError(status.INTERNAL, 'it succeeded without an answer', 'protocol'))
      },
    }))
  })
}

/** The answers as they come; the server sends a few megabytes more than are taken. Leaving it cancels it. @throws CallError */
export async function* callStream(session: Session, asked: Asked): AsyncGenerator<Buffer> {
  const ready: Buffer[] = []
  let ending: { readonly error: CallError | undefined } | undefined
  let wake = (): void => {}
  const begun = watch(session, asked, (settle) => session.begin({
    ...asked,
    onMessage: (message) => { ready.push(message); flow(); wake() },
    onEnd: (error) => { settle(); ending = { error }; wake() },
  }))
  function flow(): void { begun.flow(ready.length === 0) }
  try {
    for (;;) {
      const message = ready.shift()
      if (message) {
        flow()
        yield message
      } else if (ending) {
        if (ending.error) throw ending.error
        return
      } else await new Promise<void>((resolve) => { wake = resolve })
    }
  } finally {
    begun.cancel(new CallError(status.CANCELLED, 'it was left', 'caller'))
  }
}

/** A server that lives says something within that time when it is pinged, whatever else it does. */
export const SILENCE_MS = 10_000

/** Ends a call when its time is over, its caller gives it up, or the server of a long one has stopped to react. */
function watch(session: Session, { timeoutMs, signal }: Asked, begin: (settle: () => void) => Begun): Begun {
  let silence: NodeJS.Timeout | undefined
  let isOver = false
  const settle = (): void => {
    isOver = true
    for (const timer of [deadline, silence]) clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
  const abort = (): void => begun.cancel(new CallError(status.CANCELLED, 'it was given up', 'caller'))
  const prove = (): void => {
    silence = setTimeout(() => begun.cancel(new CallError(status.DEADLINE_EXCEEDED, 'it does not react', 'silence')), SILENCE_MS)
    session.prove(() => {
      clearTimeout(silence)
      if (!isOver) silence = setTimeout(prove, PROVE_EVERY_MS)
    })
  }
  const deadline = timeoutMs === undefined ? undefined : setTimeout(() => begun.cancel(new CallError(status.DEADLINE_EXCEEDED, 'its time is over', 'deadline')), Math.min(timeoutMs, LONGEST_TIMER_MS))
  const begun = begin(settle)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  if (!isOver && (timeoutMs === undefined || timeoutMs > SILENCE_MS)) prove()
  return begun
}
