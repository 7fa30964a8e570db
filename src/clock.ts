/** Milliseconds of a clock that never goes back. `performance.now()` would load eight modules for it. */
export const monotonicMs = (): number => process.uptime() * 1000
