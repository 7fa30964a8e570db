import { promisify } from 'node:util'
import { Failure } from '../errors.ts'
import { readBody, type BodyOptions } from './body.ts'
import type { Reply } from './transport.ts'

/** What compression may add to bytes that do not get smaller by it. */
const OVERHEAD_BYTES = 1024

/**
 * A whole small body as `readBody` has it, at most `maxBytes` when unpacked: it is asked for as it is, but some servers
 * compress it all the same. Failure invalid also where it is packed in another way, or is not what it says.
 */
export async function readReply({ body, headers }: Pick<Reply, 'body' | 'headers'>, maxBytes: number, options?: BodyOptions): Promise<Buffer> {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? ''
  if (encoding === '' || encoding === 'identity') return readBody(body, maxBytes, options)
  const packed = await readBody(body, maxBytes + OVERHEAD_BYTES, options)
  const { gunzip, inflate, inflateRaw } = await import('node:zlib')
  // By RFC 9110 deflate has the frame of zlib, whose first byte ends in 8; some servers leave it out.
  const unpack = /^(x-)?gzip$/.test(encoding) ? gunzip : encoding !== 'deflate' ? undefined : (packed[0] ?? 0) % 16 === 8 ? inflate : inflateRaw
  if (unpack === undefined) throw new Failure('invalid', `the answer has the content encoding "${encoding.slice(0, 40)}", which was not asked for`)
  try {
    return await promisify(unpack as typeof gunzip)(packed, { maxOutputLength: maxBytes })
  } catch (error) {
    const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    throw new Failure('invalid', isTooLarge ? `the answer has more than the ${maxBytes} bytes that are allowed` : `the answer is not the ${encoding} that it says it is`, { cause: error })
  }
}
