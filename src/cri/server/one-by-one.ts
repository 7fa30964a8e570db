import { setImmediate as breathe } from 'node:timers/promises'

/** As `map`, with room for other requests between the items: each reads some files of the kernel's. */
export async function oneByOne<T, R>(items: readonly T[], act: (item: T) => R | Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (const item of items) {
    results.push(await act(item))
    await breathe()
  }
  return results
}
