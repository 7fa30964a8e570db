// Waiting for other processes without holding the thread: a connection that doesn't wait is asked again and again.
import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '../clock.ts'
import { BUSY_TIMEOUT_MS, isBusy } from './database.ts'

const LONGEST_PAUSE_MS = 25

/** Until another process lets `act` through, or as long as any connection waits. @throws unavailable */
export async function patiently<T>(act: () => T): Promise<T> {
  const deadline = monotonicMs() + BUSY_TIMEOUT_MS
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return act()
    } catch (error) {
      if (!isBusy(error) || monotonicMs() > deadline) throw error
    }
    await sleep(pauseMs)
  }
}
