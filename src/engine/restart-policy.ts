import type { Container } from '../state/containers.ts'

const FIRST_MS = 100
const LONGEST_MS = 60_000
/** A run of this length was a good one: the back-off begins anew. */
const GOOD_RUN_MS = 10_000

/** Whether its policy starts this ended container again. */
export function wantsRestart({ record, status }: Pick<Container, 'record' | 'status'>): boolean {
  const { restart } = record.request
  if (status.stoppedByUser) return false
  switch (restart.name) {
    case 'no': return false
    case 'always':
    case 'unless-stopped': return true
    case 'on-failure': return status.exitCode !== 0 && (restart.maxRetries === 0 || (status.restarts ?? 0) < restart.maxRetries)
  }
}

/** 100 ms, doubled by each restart up to a minute. */
export function restartDelayMs({ status }: Pick<Container, 'status'>): number {
  const ranMs = (status.finishedAtMs ?? 0) - (status.startedAtMs ?? 0)
  if (ranMs >= GOOD_RUN_MS) return FIRST_MS
  return Math.min(FIRST_MS * 2 ** Math.min(status.restarts ?? 0, 20), LONGEST_MS)
}
