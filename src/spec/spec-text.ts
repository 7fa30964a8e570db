import type { OciProcess, OciSpec } from './oci-spec.ts'

const RLIM_INFINITY = '18446744073709551615'

/**
 * The text of config.json, or of an exec's process. A plain JSON.stringify would write an unlimited rlimit wrong: a
 * double can't hold 2^64-1, so it is Infinity here, or the rounded number when the text was read back.
 */
export const specText = (spec: OciSpec | OciProcess, indent?: number): string =>
  JSON.stringify(spec, (_, value: unknown) => (typeof value === 'number' && value >= 2 ** 64 ? rawJson(RLIM_INFINITY) : value), indent)

/** In V8 since Node 21; the types of the language library lack it. */
const rawJson = (text: string): unknown => (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text)
