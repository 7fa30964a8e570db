// A connection to a Unix socket without Node's net, whose loading takes longer than the call that a client makes.
import { closeSync, readSync, writeSync } from 'node:fs'
import { connectUnix, watch } from '../sys/addon.ts'

/** Bytes both ways. */
export interface ByteStream {
  /** In the order called. Nothing happens when it is closed, or when the other side reads no more. */
  write(bytes: Uint8Array): void
  /** To be called once, before the next turn of the event loop. Keeps this process alive until it has ended. */
  listen(listener: StreamListener): void
  /** The listener hears no more. Idempotent. */
  close(): void
}

export interface StreamListener {
  data(chunk: Buffer): void
  /** Once: nothing comes any more; with what broke the connection, if anything did. */
  ended(error?: NodeJS.ErrnoException): void
}

const READ_BYTES = 65_536
/** After so many reads others get their turn. */
const AT_ONCE = 16

/** @throws an error with the `code` of connect(2); EAGAIN: it is there, but takes nobody more now */
export function openUnixStream(path: string): ByteStream {
  const { read: readFd, write: writeFd } = connectUnix(path, 'stream')
  let unsent: Uint8Array[] = []
  let [isOpen, isHeard] = [true, true]
  let stopReading = (): void => {}
  let stopWriting: (() => void) | undefined

  const flush = (): void => {
    while (unsent.length > 0) {
      const bytes = attempt(() => writeSync(writeFd, unsent[0]!))
      if (bytes === 'later') {
        stopWriting ??= watch(writeFd, { events: 'write' }, flush)
        return
      }
      // why it reads no more is told by what is read, which may be its last words
      if (typeof bytes !== 'number') [unsent, isHeard] = [[], false]
      else if (bytes < unsent[0]!.length) unsent[0] = unsent[0]!.subarray(bytes)
      else unsent.shift()
    }
    stopWriting?.()
    stopWriting = undefined
  }
  const close = (): void => {
    if (!isOpen) return
    isOpen = false
    stopReading()
    stopWriting?.()
    closeSync(readFd)
    closeSync(writeFd)
  }
  return {
    close,
    write(bytes) {
      if (!isOpen || !isHeard) return
      if (unsent.push(bytes) === 1) flush()
    },
    listen({ data, ended }) {
      const over = (error?: NodeJS.ErrnoException): void => {
        close()
        ended(error)
      }
      stopReading = watch(readFd, { events: 'read' }, () => {
        for (let reads = 0; isOpen && reads < AT_ONCE; reads++) {
          const buffer = Buffer.allocUnsafe(READ_BYTES)
          const bytes = attempt(() => readSync(readFd, buffer))
          if (bytes === 'later') return
          if (typeof bytes !== 'number') return over(bytes)
          if (bytes === 0) return over()
          data(buffer.subarray(0, bytes))
        }
      })
    },
  }
}

/** `later`: it would wait. */
const attempt = (act: () => number): number | 'later' | NodeJS.ErrnoException => {
  try {
    return act()
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? 'later' : (error as NodeJS.ErrnoException)
  }
}
