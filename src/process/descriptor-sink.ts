// Writing to an inherited descriptor without Node's streams (4 ms of a start) and without ever blocking the event loop.
import { fstatSync, writeSync } from 'node:fs'
import { isNoSpace } from '../errors.ts'
import { cannotWrite } from '../write-all.ts'
import { watch } from '../sys/addon.ts'

/** What bytes are written to; a Writable is one. `done` comes when they are taken, with an error when nobody reads any more. */
export interface Sink {
  write(data: Uint8Array, done: (error?: Error | null) => void): unknown
}

/** A pipe or terminal that polls as writable takes this much at once without blocking, whatever its mode (pipe(7), PIPE_BUF). */
const SAFE_BYTES = 4096

interface Pending { data: Uint8Array; readonly done: (error?: Error | null) => void }

/** `fd` stays open. Files and devices that cannot be polled are written at once. */
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
      const { code = '' } = error as NodeJS.ErrnoException
      if (!['EAGAIN', 'EINTR'].includes(code)) finish(isNoSpace(code) ? cannotWrite(fd, error) : error as Error)
    }
  }
  let isPollable = !fstatSync(fd).isFile()
  const begin = (): void => {
    try {
      stop ??= watch(fd, { events: 'write' }, step)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error // epoll_ctl(2): such as /dev/null
      isPollable = false
    }
  }
  return {
    write: (data, done) => {
      queue.push({ data, done })
      if (isPollable) begin()
      while (!isPollable && queue.length > 0) step()
    },
  }
}
