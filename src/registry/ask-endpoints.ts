// Asks one place after the other until one answers: mirrors, and the registry itself last.
import { isFailure, type Failure } from '../errors.ts'
import { log } from '../log.ts'
import { monotonicMs } from '../clock.ts'
import type { Endpoint } from './endpoint.ts'
import type { Session } from './session.ts'

/** A way to ask for something. */
export interface Place {
  readonly endpoint: Endpoint
  readonly session: Session
}

/** Lazily opened: a session reads files. */
export interface Candidate {
  readonly endpoint: Endpoint
  readonly open: () => Promise<Session>
}

/** A mirror that could not be reached is passed over for so long. */
const DOWN_MS = 30_000
/** Attempts after the first at a place that others come after. */
export const MIRROR_RETRIES = 1

const downUntilMs = new WeakMap<Session, number>()

export const isDown = (session: Session): boolean => (downUntilMs.get(session) ?? 0) > monotonicMs()

/** Remembers that a place is not reached, where that is what `failure` says. */
export function noteDown(session: Session, failure: Failure): void {
  if (failure.kind === 'unavailable') downUntilMs.set(session, monotonicMs() + DOWN_MS)
}

/** Whether another place may have it. */
export const isPassing = (error: unknown): error is Failure => isFailure(error) && error.kind !== 'cancelled'

/** First answer; the last one's failure is the one that counts. `retries`: undefined where nothing comes after. */
export async function askEndpoints<T>(candidates: readonly Candidate[], ask: (place: Place, retries: number | undefined) => Promise<T>): Promise<T> {
  const last = candidates.at(-1)
  for (const { endpoint, open } of candidates.slice(0, -1)) {
    let session: Session | undefined
    try {
      session = await open()
      if (isDown(session)) continue
      return await ask({ endpoint, session }, MIRROR_RETRIES)
    } catch (error) {
      if (!isPassing(error)) throw error
      if (session !== undefined) noteDown(session, error)
      log.info(`${endpoint.host}: ${error.message}`)
    }
  }
  if (last === undefined) throw new TypeError('there is no place to ask')
  return ask({ endpoint: last.endpoint, session: await last.open() }, undefined)
}
