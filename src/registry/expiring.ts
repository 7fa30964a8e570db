import { monotonicMs } from '../clock.ts'

/** Remembers what `make` gave under a key for `lifetimeMs`; a promise that was rejected is not remembered. */
export function expiring<T>(lifetimeMs: number): (key: string, make: () => T) => T {
  const known = new Map<string, { readonly value: T; readonly untilMs: number }>()
  return (key, make) => {
    const nowMs = monotonicMs()
    for (const [each, { untilMs }] of known) if (untilMs <= nowMs) known.delete(each)
    const found = known.get(key)
    if (found) return found.value
    const value = make()
    known.set(key, { value, untilMs: nowMs + lifetimeMs })
    if (value instanceof Promise) value.catch(() => known.delete(key))
    return value
  }
}
