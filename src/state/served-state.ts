// The state for a server, whose thread must never wait. Readers of a write-ahead log wait for nobody and read what the
// kernel has in memory: they run on the caller's thread. Writers wait for each other and for the disk: on a thread of their own.
import { openThreads } from '../off-thread.ts'
import { openDatabase, type Connection } from './database.ts'
import { patiently } from './patience.ts'
import { needsCheckpoint, runCall, stateOver, type State, type StateCall } from './state.ts'

/** A thread holds some ten megabytes: most of the time nobody writes. */
const IDLE_MS = 10_000
/** What a server is asked for again and again. */
const KEPT = new Set(['containers.list', 'pods.list', 'images.list'])

/** As `openState`: no call holds the caller's thread. Lists are the same object until something is written: not to be changed. */
export function openServedState(file: string): State {
  const threads = openThreads({ source: 'state/state-worker.ts', data: { file }, most: 1, idleMs: IDLE_MS })
  const reading = openDatabase(file, { waits: false })
  const read = keeping(reading)
  return stateOver((call) => (call.write ? threads.call('run', call) : patiently(() => read(call))), {
    isNew: reading.isNew,
    checkpoint: async () => { await threads.call('checkpoint') },
    upkeep: async () => {}, // the server looks at the log from time to time
    needsCheckpoint: () => needsCheckpoint(file),
    close: async () => {
      await threads.close()
      reading.close()
    },
  })
}

/** Reads, where nobody has written since not again. */
function keeping(connection: Connection): (call: StateCall) => unknown {
  const kept = new Map<string, unknown>()
  let version: number | undefined
  return (call) => {
    const name = `${call.group}.${call.name}`
    if (!KEPT.has(name)) return runCall(connection, call)
    const now = connection.version()
    if (now !== version) kept.clear()
    version = now
    if (!kept.has(name)) kept.set(name, runCall(connection, call))
    return kept.get(name)
  }
}
