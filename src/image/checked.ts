import * as v from 'valibot'
import { Failure } from '../errors.ts'

/** `value` as `schema` has it, or an `invalid` Failure in one line that names `what` and the first wrong place. */
export function checked<S extends v.GenericSchema>(schema: S, value: unknown, what: string): v.InferOutput<S> {
  const result = v.safeParse(schema, value, { abortEarly: true })
  if (result.success) return result.output
  const [issue] = result.issues
  const place = v.getDotPath(issue)
  throw new Failure('invalid', `${what} is malformed: ${place === null ? '' : `${place}: `}${issue.message.slice(0, 300).replace(/\p{Cc}+/gu, ' ')}`)
}

/** Parses at most `maxBytes` of JSON. Fails with `invalid`, naming `what`. */
export function parseJson(bytes: Uint8Array, maxBytes: number, what: string): unknown {
  if (bytes.length > maxBytes) throw new Failure('invalid', `${what} has ${bytes.length} bytes, more than the ${maxBytes} that are allowed`)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    // The parser's own words quote the text, which may hold a password.
    throw new Failure('invalid', `${what} is not JSON`)
  }
}
