/** Milliseconds of a clock that never goes back. `performance.now()` would load eight modules for it. */
export const monotonicMs = (): number => process.uptime() * 1000

/** What a timer of Node can hold, some 25 days; with more it fires at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1
