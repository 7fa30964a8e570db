const BATCH = 100

/** A list in messages that stay far below what a client takes; at least one message, so that an empty list is told too. */
export function* batches<T>(items: readonly T[]): Generator<T[]> {
  for (let at = 0; at === 0 || at < items.length; at += BATCH) yield items.slice(at, at + BATCH)
}
