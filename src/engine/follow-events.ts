import { watch } from 'node:fs'
import { dirname } from 'node:path'
import type { Event } from '../state/events.ts'
import type { Engine } from './engine.ts'

const NET_MS = 1000

export interface EventRange { readonly sinceMs?: number; readonly untilMs?: number }

/**
 * Events in the order they were recorded: the stored ones from `sinceMs` on (without it none), then new ones as they come,
 * until `untilMs` or `signal`. `follow` false ends with the stored ones.
 */
export async function* events(engine: Pick<Engine, 'state' | 'paths'>, { sinceMs, untilMs, follow, signal }: EventRange & { follow: boolean; signal?: AbortSignal }): AsyncGenerator<Event> {
  let seq = sinceMs === undefined && follow ? await engine.state.events.lastSeq() : 0
  for (;;) {
    const rows = await engine.state.events.list({ afterSeq: seq, ...(sinceMs !== undefined ? { sinceMs } : {}), ...(untilMs !== undefined ? { untilMs } : {}) })
    for (const row of rows) {
      seq = row.seq
      yield row
    }
    if (!follow || signal?.aborted || (untilMs !== undefined && Date.now() >= untilMs)) return
    await changed([dirname(engine.paths.database), engine.paths.exits], Math.min(NET_MS, (untilMs ?? Infinity) - Date.now()), signal)
  }
}

/** Resolves when something changes in one of the directories, when time is over, or when `signal` fires. */
const changed = (dirs: readonly string[], timeoutMs: number, signal: AbortSignal | undefined): Promise<void> => new Promise((resolve) => {
  const done = (): void => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', done)
    for (const watcher of watchers) watcher.close()
    resolve()
  }
  const timer = setTimeout(done, Math.max(timeoutMs, 0))
  const watchers = dirs.map((dir) => watch(dir, done).on('error', done))
  signal?.addEventListener('abort', done, { once: true })
})
