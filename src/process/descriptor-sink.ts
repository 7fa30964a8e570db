// Writing to an inherited descriptor without Node's streams (4 ms of a start) and without ever blocking the event loop.
import { fstatSync, writeSync } from 'node:fs'
import { watch } from '../sys/addon.ts'

/** What bytes are written to; a Writable is one. `done` comes when they are taken, with an error when nobody reads any more. */
export interface Sink {
  write(data: Uint8Array, done: (error?: Error | null) => void): unknown
}

/** A pipe or terminal that polls as writable takes this much at once without blocking, whatever its mode (pipe(7), PIPE_BUF). */
const SAFE_BYTES = 4096

interface Pending { data: Uint8Array; readonly done: (error?: Error | null) => void }

/** `fd` stays open. Regular files are written at once, since they cannot be polled. */
export function descriptorSink(fd: number): Sink {
  const queue: Pending[] = []
  let stop: (() => void) | undefined
  const finish = (error?: Error): void => {
    const [first] = queue.splice(0, 1)
    first?.done(error)
  }
  const step = (): void => {
    const [first] = queue
    if (!first) {
      stop?.()
      stop = undefined
      return
    }
    try {
      first.data = first.data.subarray(writeSync(fd, first.data, 0, Math.min(first.data.length, SAFE_BYTES)))
      if (first.data.length === 0) finish()
    } catch (error) {
      if (!['EAGAIN', 'EINTR'].includes((error as NodeJS.ErrnoException).code ?? '')) finish(error as Error)
    }
  }
  const pollable = isPollable(fd)
  return {
    write: (data, done) => {
      queue.push({ data, done })
      if (pollable) stop ??= watch(fd, { events: 'write' }, step)
      else while (queue.length > 0) step()
    },
  }
}

const isPollable = (fd: number): boolean => {
  const stat = fstatSync(fd)
  return !stat.isFile() && !(stat.isCharacterDevice() && stat.rdev === NULL_DEVICE)
}
/** /dev/null, 1:3: not pollable. */
const NULL_DEVICE = 0x103
