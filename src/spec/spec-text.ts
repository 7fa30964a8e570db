import type { OciSpec } from './oci-spec.ts'

const RLIM_INFINITY = '18446744073709551615'

/** config.json. A plain JSON.stringify would write `null` for an unlimited rlimit: a double can't hold 2^64-1. */
export const specText = (spec: OciSpec, indent?: number): string =>
  JSON.stringify(spec, (_, value: unknown) => (value === Infinity ? rawJson(RLIM_INFINITY) : value), indent)

/** In V8 since Node 21; the types of the language library lack it. */
const rawJson = (text: string): unknown => (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text)
