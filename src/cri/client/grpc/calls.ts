// The two kinds of calls that the CRI has: one answer, or a stream of them.
import { CallError, status } from './call-error.ts'
import type { Begun, Session } from './session.ts'

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
    watch(asked, (settle) => session.begin({
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
  const begun = watch(asked, (settle) => session.begin({
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

/** Ends a call when its time is over or its caller gives it up. */
function watch({ timeoutMs, signal }: Asked, begin: (settle: () => void) => Begun): Begun {
  const settle = (): void => {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
  const abort = (): void => begun.cancel(new CallError(status.CANCELLED, 'it was given up', 'caller'))
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => begun.cancel(new CallError(status.DEADLINE_EXCEEDED, 'its time is over', 'deadline')), timeoutMs)
  const begun = begin(settle)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  return begun
}
