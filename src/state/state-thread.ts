import { openThreads } from '../off-thread.ts'
import { needsCheckpoint, stateOver, type State } from './state.ts'

/** As `openState`, with the connection on a thread of its own: no call holds the caller's. */
export function openStateThread(file: string): State {
  const threads = openThreads({ source: 'state/state-worker.ts', data: { file }, most: 1 })
  return stateOver((call) => threads.call('run', call), {
    checkpoint: async () => { await threads.call('checkpoint') }, needsCheckpoint: () => needsCheckpoint(file), close: () => threads.close(),
    upkeep: async () => {}, // the server looks at the log from time to time
  })
}
