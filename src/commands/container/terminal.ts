// The caller's own standard streams and terminal, as the engine attaches them.
import { descriptorSink, rawTerminal } from '../../engine/own-streams.ts'

import { on } from 'node:events'
import type { Readable } from 'node:stream'
import { isTerminal } from '../../cli/output.ts'
import type { Interrupt } from '../../cli/interrupt.ts'
import type { AttachIo, WindowSize } from '../../engine/attach-io.ts'
import { Failure } from '../../errors.ts'

export interface Streams {
  readonly stdin: boolean
  readonly stdout?: boolean
  readonly stderr?: boolean
  readonly terminal: boolean
  readonly detachKeys: string
  readonly interrupt: Interrupt
}

export interface Connected {
  readonly io: AttachIo
  /** Puts the terminal back as it was. */
  readonly restore: () => void
}

/** Raw mode with a terminal; resizes follow the window. */
export function connectStreams({ stdin, stdout = true, stderr = true, terminal, detachKeys, interrupt }: Streams): Connected {
  const keys = parseDetachKeys(detachKeys)
  const raw = terminal && isTerminal(0)
  const restore = raw ? rawTerminal(0) : undefined
  return {
    io: {
      ...(stdin ? { stdin: process.stdin as Readable } : {}),
      ...(stdout ? { stdout: descriptorSink(1) } : {}),
      ...(stderr && !terminal ? { stderr: descriptorSink(2) } : {}),
      // Without a terminal they are bytes like any others.
      ...(terminal && keys.length ? { detachKeys: keys } : {}),
      ...(terminal && isTerminal(1) ? { size: windowSize(), resize: windowSizes(interrupt.signal) } : {}),
      signal: interrupt.signal,
    },
    restore: () => restore?.(),
  }
}

const windowSize = (): WindowSize => ({ rows: process.stdout.rows, columns: process.stdout.columns })

async function* windowSizes(signal: AbortSignal): AsyncGenerator<WindowSize> {
  yield windowSize()
  try {
    for await (const _ of on(process.stdout, 'resize', { signal })) yield windowSize()
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

const CONTROL: Readonly<Record<string, number>> = { '@': 0, '[': 27, '\\': 28, ']': 29, '^': 30, _: 31 }

/** `ctrl-p,ctrl-q`, `a,b`: bytes; empty: none. @throws Failure invalid */
export function parseDetachKeys(text: string): number[] {
  if (text === '') return []
  return text.split(',').map((key) => {
    if (key.length === 1 && key.charCodeAt(0) < 128) return key.charCodeAt(0)
    const control = /^ctrl-(.)$/i.exec(key)?.[1]
    const code = control === undefined ? undefined : /[a-z]/i.test(control) ? control.toLowerCase().charCodeAt(0) - 96 : CONTROL[control]
    if (code === undefined) throw new Failure('invalid', `invalid value "${text}" for --detach-keys: "${key}" is neither one character nor ctrl- and one of a-z, @, [, \\, ], ^, _`)
    return code
  })
}

/** Those that stop a job too, as with podman: otherwise we would stop, and the container run on. */
const PROXIED: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGALRM', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGPWR']
const RETRY_MS = 50
const PATIENCE_MS = 10_000

/** Hands signals on to a container. One that is not started yet gets them as soon as it runs. Returns how to end it. */
export function proxySignals(interrupt: Interrupt, send: (signal: NodeJS.Signals) => Promise<void>): () => void {
  return interrupt.takeOver(PROXIED, (signal) => {
    const deadline = Date.now() + PATIENCE_MS
    const attempt = (): void => void send(signal).catch(() => { if (Date.now() < deadline) setTimeout(attempt, RETRY_MS).unref() })
    attempt()
  })
}
