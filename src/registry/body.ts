import type { Readable } from 'node:stream'
import { Failure } from '../errors.ts'
import { DeadlineError } from './transport.ts'

export interface BodyOptions {
  /** Cut off what is beyond the limit instead of failing. */
  readonly truncate?: boolean
  /** For all of it, however steadily it trickles. */
  readonly totalMs?: number
}

const IDLE_MS = 60_000
const TOTAL_MS = 300_000
const DISCARD_MS = 5000

/** A whole small body. Failure invalid when it is larger than `maxBytes`, DeadlineError when it takes too long. */
export async function readBody(body: Readable, maxBytes: number, { truncate = false, totalMs = TOTAL_MS }: BodyOptions = {}): Promise<Buffer> {
  const chunks: Buffer[] = []
  let room = maxBytes
  const timer = setTimeout(() => body.destroy(new DeadlineError(`the answer was not whole within ${totalMs / 1000} s`)), totalMs)
  try {
    for await (const chunk of withDeadline(body, Math.min(IDLE_MS, totalMs))) {
      chunks.push(chunk.subarray(0, room))
      room -= chunk.length
      if (room >= 0) continue
      body.destroy()
      if (truncate) break
      throw new Failure('invalid', `the answer has more than the ${maxBytes} bytes that are allowed`)
    }
  } finally {
    clearTimeout(timer)
  }
  return Buffer.concat(chunks)
}

/** Frees the connection of a reply whose body is of no interest: reads a little, else gives the connection up. */
export async function discardBody(body: Readable): Promise<void> {
  await readBody(body, 64 * 1024, { truncate: true, totalMs: DISCARD_MS }).catch(() => {})
}

/** The body's chunks; DeadlineError when `idleMs` pass while one is waited for. Time that the reader takes does not count. */
export async function* withDeadline(body: Readable, idleMs: number): AsyncGenerator<Buffer> {
  let waiting = true
  const timer = setInterval(() => {
    if (waiting) body.destroy(new DeadlineError(`no data for ${idleMs / 1000} s`))
  }, idleMs)
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      waiting = false
      yield chunk
      waiting = true
      timer.refresh()
    }
  } finally {
    clearInterval(timer)
    body.destroy()
  }
}
