// One act on several objects: each gets its own line, its own error; the worst decides the exit code.
import type { Output } from '../cli/output.ts'
import { exitCodeOf, isAbort, isFailure } from '../errors.ts'

export interface Each<T> {
  readonly items: readonly T[]
  /** Returns what is printed for it, or nothing. */
  readonly act: (item: T) => Promise<string | void>
  readonly out: Output
  /** At once instead of one after another. */
  readonly parallel?: number
  /** Once it has fired an error ends everything. */
  readonly signal?: AbortSignal
}

/** @returns the errors, in the order of the items; an interrupt is thrown, since it is of no item */
export async function forEach<T>({ items, act, out, parallel = 1, signal }: Each<T>): Promise<unknown[]> {
  const errors = new Map<number, unknown>()
  const queue = items.map((item, at) => ({ item, at }))
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      try {
        const line = await act(next.item)
        if (typeof line === 'string') out.line(line)
      } catch (error) {
        if (isAbort(error) || signal?.aborted) throw error
        errors.set(next.at, error)
        out.error(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, work))
  return [...errors].sort(([a], [b]) => a - b).map(([, error]) => error)
}

/** 0, or the code of the last error. */
export const codeOf = (errors: readonly unknown[]): number => (errors.length === 0 ? 0 : exitCodeOf(errors.at(-1)))

/** Of the removing commands: 1 when some did not exist and nothing else failed, 2 when some are in use, else 125. */
export function removalCode(errors: readonly unknown[]): number {
  if (errors.length === 0) return 0
  if (errors.every((error) => isFailure(error, 'notFound'))) return 1
  return errors.every((error) => isFailure(error, 'notFound') || isFailure(error, 'inUse') || isFailure(error, 'wrongState')) ? 2 : 125
}
