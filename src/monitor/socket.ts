// Reading and writing a descriptor that doesn't block, one step at a time: who doesn't read isn't sent more.
import { closeSync, readSync, writeSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { shutdownSocket, watch } from '../sys/addon.ts'

export interface Reader {
  /** The next bytes (one packet, where the socket keeps them apart); undefined at the end. */
  read(): Promise<Buffer | undefined>
  close(): void
}

export interface Writer {
  /** Resolves when all is taken, or the other side has gone. In the order called. */
  write(data: Uint8Array): Promise<void>
  /** Nothing more will be written: the other side sees the end. */
  finish(): Promise<void>
  /** A last word, said only when it can be at once. */
  farewell(data: Uint8Array): void
  close(): void
}

const READ_BYTES = 65_536
/** After so many reads without waiting, others get their turn. */
const AT_ONCE = 16

/** Owns `fd`. */
export const makeReader = (fd: number): Reader => {
  const gate = makeGate(fd, 'read')
  let inARow = 0
  return {
    close: gate.close,
    read: async () => {
      if (++inARow % AT_ONCE === 0) await nextTurn()
      while (gate.isOpen()) {
        const buffer = Buffer.allocUnsafe(READ_BYTES)
        const n = attempt(() => readSync(fd, buffer))
        if (n !== undefined) return n > 0 ? buffer.subarray(0, n) : undefined
        await gate.ready()
      }
      return undefined
    },
  }
}

/** Owns `fd`. */
export const makeWriter = (fd: number): Writer => {
  const gate = makeGate(fd, 'write')
  let gone = false
  const writeAll = async (data: Uint8Array): Promise<void> => {
    for (let done = 0; done < data.length && gate.isOpen() && !gone;) {
      const n = attempt(() => writeSync(fd, data, done))
      if (n === 0) gone = true
      else if (n === undefined) await gate.ready()
      else done += n
    }
  }
  let last = Promise.resolve()
  let queued = 0
  const queue = (act: () => Promise<void> | void): Promise<void> => {
    queued++
    return (last = last.then(act).finally(() => queued--))
  }
  return {
    close: gate.close,
    write: (data) => queue(() => writeAll(data)),
    farewell: (data) => { if (queued === 0 && gate.isOpen()) attempt(() => writeSync(fd, data)) },
    finish: () => queue(() => { if (gate.isOpen()) attempt(() => (shutdownSocket(fd, 'write'), 0)) }),
  }
}

/** Undefined when it would wait, 0 when the other side has gone. */
const attempt = (act: () => number): number | undefined => {
  try {
    return act()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EAGAIN') return undefined
    if (code === 'EPIPE' || code === 'ECONNRESET' || code === 'ENOTCONN') return 0
    throw error
  }
}

const makeGate = (fd: number, events: 'read' | 'write') => {
  let open = true
  let wake: (() => void) | undefined
  return {
    isOpen: () => open,
    ready: (): Promise<void> => new Promise((resolve) => {
      const stop = watch(fd, { events }, () => wake?.())
      wake = () => {
        wake = undefined
        stop()
        resolve()
      }
    }),
    close: (): void => {
      if (!open) return
      open = false
      wake?.()
      closeSync(fd)
    },
  }
}
