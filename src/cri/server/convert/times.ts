/** The CRI counts nanoseconds since 1970; 0 is "not yet". */
export const nanoseconds = (ms: number | undefined): bigint => (ms === undefined ? 0n : BigInt(Math.round(ms)) * 1_000_000n)
