// A log that is still written, over any number of rotations.
import { watch } from 'node:fs'
import { dirname } from 'node:path'
import { openNewer, openRotated } from './log-files.ts'
import type { LogLine } from './log-line.ts'
import { readAvailable, readToEnd, type LogReader, type Parse } from './log-reader.ts'

export interface Following {
  readonly path: string
  readonly parse: Parse
  readonly alive: (() => boolean | Promise<boolean>) | undefined
  readonly signal: AbortSignal | undefined
  /** Where to go on; undefined when nothing has been written yet. Closed at the end. */
  readonly reader: LogReader | undefined
}

/** Ends when `alive` said false and all that was written by then is read, or with `signal`. */
export async function* followFiles({ path, parse, alive, signal, reader: first }: Following): AsyncGenerator<LogLine> {
  // Watching begins before reading: nothing can be written between the two unseen.
  const changes = watchLog(path, signal)
  let reader = first
  let over = false
  try {
    for (;;) {
      let quiet = true
      reader ??= openOldest(path)
      if (reader) {
        for await (const line of readAvailable(reader, parse)) {
          quiet = false
          yield line
        }
        const next = openNewer(path, reader.inode)
        if (next.length > 0) {
          // A monitor writes to the old file until it has opened the new one.
          yield* readToEnd(reader, parse)
          for (const between of next.slice(0, -1)) yield* readToEnd(between, parse)
          reader = next.at(-1)
          continue
        }
      }
      if (over || signal?.aborted) break
      if (quiet && !(await (alive?.() ?? true))) over = true
      else await changes.next()
    }
    if (reader) yield* readToEnd(reader, parse)
  } finally {
    changes.close()
    reader?.close()
  }
}

const openOldest = (path: string): LogReader | undefined => openRotated(path, (files) => files.slice(0, 1))[0]

const NET_MS = 500

/** `next` resolves when something has changed since the last call, and now and then anyway. */
const watchLog = (path: string, signal: AbortSignal | undefined): { next(): Promise<void>; close(): void } => {
  let changed = false
  let wake: (() => void) | undefined
  const onChange = (): void => {
    changed = true
    wake?.()
  }
  let watcher: ReturnType<typeof watch> | undefined
  try {
    watcher = watch(dirname(path), onChange).on('error', () => watcher?.close())
  } catch {
    // The folder is gone with its container, or watches are used up: the timer looks again.
  }
  signal?.addEventListener('abort', onChange)
  return {
    next: () => new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        wake = undefined
        changed = false
        resolve()
      }
      const timer = setTimeout(done, NET_MS)
      wake = done
      if (changed) done()
    }),
    close: () => {
      watcher?.close()
      signal?.removeEventListener('abort', onChange)
    },
  }
}
