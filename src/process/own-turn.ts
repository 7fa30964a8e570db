let taken = false

/** Starting a program holds the caller's thread for a millisecond: of many, one starts in each turn of the event loop, so that others come between. */
export async function ownTurn(): Promise<void> {
  while (taken) await new Promise((resolve) => setImmediate(resolve))
  taken = true
  setImmediate(() => { taken = false })
}
